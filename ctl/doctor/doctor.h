/* SPDX-License-Identifier: MIT */
#ifndef CTL_DOCTOR_DOCTOR_H
#define CTL_DOCTOR_DOCTOR_H

#include "base/json.h"
#include "ctl/ctl.h"

enum doctor_result { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAILED };

struct doctor {
	struct ctl *c;
	json_t *checks; /* for --json; the others are printed as they come */
	bool failed;
};

/* One check's result. `mend` says what to do about it; NULL: the text does, or
 * nothing need be done. */
void doctor_say(struct doctor *d, enum doctor_result result, const char *what,
    const char *mend, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* What protects the connection of `what`: see pg_protection. */
void doctor_protection(
    struct doctor *d, const char *what, const char *protection, bool weak);

void doctor_queue(struct doctor *d);
void doctor_sources(struct doctor *d);
void doctor_output(struct doctor *d);
/* What PDF reports can show. */
void doctor_fonts(struct doctor *d);
/* What the settings name of places beside output_root. */
void doctor_places(struct doctor *d);
/* Silent when there is none. */
void doctor_smtp(struct doctor *d);
void doctor_notices(struct doctor *d); /* topics, webhooks */

#endif
