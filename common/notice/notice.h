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
 * One notice of one run for one recipient, as sql/queue/notice_claim.sql
 * returns it. Strings point into `body`; they are never NULL: a missing one is
 * "". A notice may be delivered more than once when a process dies meanwhile;
 * `key` is the same each time.
 */
struct notice {
	json_t *body;
	int64_t notification_id, run_id, config_id;
	int64_t attempt; /* attempt to deliver this notice, from 1 */
	const char *key; /* a UUID: idempotency key, part of the Message-ID */
	const char *channel;   /* mail, sns, slack, webhook */
	const char *url;       /* as written in notify_on_* */
	const char *recipient; /* one address, a topic's ARN, scheme://host */
	bool failed;           /* true: the run FAILED; false: it COMPLETED */
	int64_t created;       /* end of the run, seconds since 1970 */

	/* The report. */
	const char *report_name, *report_type;
	/* Texts for people, written by notice_show; the notice owns them. */
	char *shown_name, *shown_type, *shown_remark, *shown_error;
	const char *time_zone, *output_format;
	const char *scheduled_for; /* local in time_zone, 2026-01-31T06:00:00 */
	const char *scheduled_at;  /* scheduled_for in UTC */
	/* next time of the schedule, local in time_zone */
	const char *next_run;

	/* The run. Times are ISO 8601 in UTC. */
	int64_t run_attempt;
	const char *started_at, *finished_at;
	int64_t rows, bytes; /* -1: no export */
	const char *output_url, *sha256;
	const json_t *checks; /* array of answers; NULL: no checks */
	int64_t score;        /* -1: no checks */
	/* NULL, or with several outputs an array of {url, format, part, rows,
	 * bytes, sha256, remark}, the first 100 only */
	const json_t *outputs;
	int64_t output_count; /* number of all outputs */
	/* NULL, or an array of {input, url}: the files that the run took, the
	 * first 100 only */
	const json_t *inputs;
	int64_t input_count;      /* number of all these files */
	const json_t *parameters; /* object or NULL */
	const char *remark;
	const char *error_stage, *error_sqlstate, *error_message;
};

/* Fills *n from `body`, and takes a reference to it. */
void notice_open(struct notice *n, json_t *body);
void notice_free(struct notice *n);
/* Returns the text with every invisible character that changes its direction or
 * splits it, and every control character, written as <U+202E>. Line breaks and
 * tabs are kept, and so are joiners, because some scripts need them. The caller
 * frees the text. */
char *notice_show(const char *text);

struct notice_answer {
	int64_t retry_ms; /* ms to wait, as the receiver asks; 0: not said */
	char detail[512]; /* for the log: why there was no answer; "": none */
};

/*
 * Delivers the notice; 0 when the receiver has accepted it. ERR_PERMANENT:
 * another try cannot help. Messages show only scheme and host of a URL.
 */
int notice_deliver(struct services *services, const struct notice *n,
    struct notice_answer *answer, struct err *e);

/* Says whether the receivers of a channel use the key to recognize a notice
 * that comes twice. */
bool notice_channel_repeats(const char *channel);

#endif
