/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_NOTICE_H
#define NOTICE_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "services/services.h"

/*
 * One notice of one run for one recipient, as sql/queue/notice_claim.sql hands
 * it out. Strings point into `body`; they are never NULL, what is not there is
 * "". A notice may be delivered more than once when a process dies in between:
 * `key` is the same each time.
 */
struct notice {
	json_t *body;
	int64_t notification_id, run_id, config_id;
	int64_t attempt;       /* of this notice, from 1 */
	const char *key;       /* a UUID: idempotency key, left part of a
				  Message-ID */
	const char *channel;   /* mail, sns, slack, webhook */
	const char *url;       /* as it was written in notify_on_* */
	const char *recipient; /* one address, a topic's ARN, scheme://host */
	bool failed;           /* the run FAILED; else it COMPLETED */
	int64_t created;       /* the run's end, seconds since 1970 */

	/* The report. */
	const char *report_name, *report_type;
	/* As people are shown them: see notice_show. */
	char *shown_name, *shown_type, *shown_remark, *shown_error;
	const char *time_zone, *output_format;
	const char *scheduled_for; /* local in time_zone, 2026-01-31T06:00:00 */
	const char *scheduled_at;  /* the same in UTC */
	const char *next_run;      /* of its schedule, local in time_zone */

	/* The run. Times are ISO 8601 in UTC. */
	int64_t run_attempt;
	const char *started_at, *finished_at;
	int64_t rows, bytes; /* -1: no export */
	const char *output_url, *sha256;
	const json_t *outputs; /* array when there are several, else NULL: url,
				  format, part, rows, bytes, sha256, remark;
				  the first 100 */
	int64_t output_count;  /* of all */
	const json_t *parameters; /* object or NULL */
	const char *remark;
	const char *error_stage, *error_sqlstate, *error_message;
};

/* Takes a reference of `body`. */
void notice_open(struct notice *n, json_t *body);
void notice_free(struct notice *n);
/* The text with the characters seen that turn it round or split it, as <U+202E>;
 * joiners, which some scripts write, are left. The caller frees it. */
char *notice_show(const char *text);

/* The JSON object that webhooks and topics get, see docs/notifications.md. The
 * caller's to json_decref. */
json_t *notice_json(const struct notice *n);

struct notice_answer {
	int64_t
	    retry_ms; /* what the receiver asks to wait; 0: it does not say */
	char detail[512]; /* why it was not reached, for the log; "": nothing */
};

/*
 * Delivers it: 0 when the receiver has taken it. ERR_PERMANENT: no other try can
 * help. No message names more of a URL than scheme and host.
 */
int notice_deliver(struct services *services, const struct notice *n,
    struct notice_answer *answer, struct err *e);

/* Whether the receivers of a channel know a notice that comes twice by its key. */
bool notice_channel_repeats(const char *channel);

#endif
