/* SPDX-License-Identifier: MIT */
#ifndef CTL_DOCTOR_DOCTOR_H
#define CTL_DOCTOR_DOCTOR_H

#include "base/json.h"
#include "ctl/ctl.h"

enum doctor_result { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAILED };

struct doctor {
	struct ctl *c;
	json_t *checks; /* results for --json; text is printed at once */
	bool failed;
};

/* Reports the result of a check. `what` names the thing that was checked,
 * `mend` says what to do about it; mend NULL: the text says it, or nothing
 * needs to be done. */
void doctor_say(struct doctor *d, enum doctor_result result, const char *what,
    const char *mend, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Reports how the connection to `what` is protected: see pg_protection. */
void doctor_protection(
    struct doctor *d, const char *what, const char *protection, bool weak);

void doctor_queue(struct doctor *d);
void doctor_sources(struct doctor *d);
void doctor_output(struct doctor *d);
/* Lists each folder of [inputs], and asks for its queue. */
void doctor_inputs(struct doctor *d);
/* Tries the table of [inbox], and asks the queue how it stands. Does nothing
 * without one. */
void doctor_inbox(struct doctor *d);
/* Checks which scripts the installed fonts cover for PDF. */
void doctor_fonts(struct doctor *d);
/* Tries the places that the settings name besides output_root. */
void doctor_places(struct doctor *d);
/* Does nothing when the settings name no mail server. */
void doctor_smtp(struct doctor *d);
void doctor_notices(struct doctor *d); /* checks topics and webhooks */
/* Logs in as the HTTP server does, and checks login and tokens. Does nothing
 * without [server] listen. */
void doctor_server(struct doctor *d);
/* Counts the tasks that [scale] names. Does nothing without a cluster. */
void doctor_scale(struct doctor *d);

#endif
