/* SPDX-License-Identifier: MIT */
#ifndef WORKER_JOB_H
#define WORKER_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/watch.h"
#include "export/outputs.h"
#include "protocol.h"
#include "services/services.h"
#include "source/source.h"

/*
 * One job in a worker, from message to result, in three parts: what the queue
 * asks for, what the worker lends for the time of the job, and what has come of
 * it. Stages (stage/stage.h) read the first, work with the second and fill in the
 * third.
 */

/* Strings point into `message`. */
struct job_asked {
	json_t *message;
	int64_t run_id, config_id, request_id;
	char run_text[24], config_text[24]; /* the same for people */
	const char *report_name;
	const char *source_name;
	struct source_settings *from; /* those of the source */
	const char *time_zone;
	const char *scheduled_for; /* local time in time_zone */
	char scheduled_text[40];   /* the same with its UTC offset */
	struct tm scheduled;
	const json_t *parameters; /* object of strings and nulls, or NULL */
	const json_t *output_options;
	const json_t *write_paths; /* granted prefixes; NULL or null: all */
	const json_t *other_paths; /* granted to others alone */
	const char *output_root;
	int64_t attempt;
	int64_t timeout_ms, statement_timeout_ms;
	int64_t deadline_ms; /* boot clock; 0: none */
	/* With parameters filled in, by job_prepare; data NULL: not asked. */
	struct buf prep_sql, export_sql;
};

struct job_lent {
	struct source *source;
	struct services *services;
	const struct watch *watch;
	struct place_lent places;
	int64_t publish_until_ms; /* boot clock: as the lease surely holds */
};

struct job_outcome {
	const char *stage;   /* at work, or the one that failed */
	int64_t started_ms;  /* boot clock */
	int64_t prep_ms;     /* -1: no prep */
	int64_t rows, bytes; /* live; -1: no export */
	bool unpublished;    /* the outputs are whole and safe, not visible */
	char *output_url;    /* the first; NULL: nothing was made */
	char *outputs;       /* all of them as JSON, when there are several */
	char sha256[65];     /* of the first */
	char *remark;        /* NULL: nothing to say */
	struct place_record record; /* of what would be left now */
};

struct job {
	struct job_asked asked;
	struct job_lent lent;
	struct job_outcome outcome;

	/* Of the export. */
	struct export_plan plan;
	struct outputs outputs; /* of plan */
	char *unloaded; /* prefix of the objects; NULL: there are none */
};

/* Takes the message's body over, also on error. */
int job_open(struct job *job, json_t *message, struct err *e);
void job_free(struct job *job);

/* A text of the row, such as "export_sql"; NULL: it has none. */
const char *job_text(const struct job *job, const char *key);
/* Whether there is such a text, and anything in it. */
bool job_has(const struct job *job, const char *key);
/* The same with its parameters filled in, at the end of `out`. */
int job_fill_in(
    struct job *job, const char *key, struct buf *out, struct err *e);

/* Checks and makes what its stages need, before any of them runs; needs
 * lent.source. */
int job_prepare(struct job *job, struct err *e);

/* Fills *e with ERR_TIMEOUT and returns -1. */
int job_timed_out(const struct job *job, struct err *e);

/* Its stages; on error outcome.stage says which. Afterwards an output is safe and
 * invisible: outcome.unpublished. */
int job_run(struct job *job, struct err *e);
/* Makes it visible. 1: the lease must be asked for again before it goes on. */
int job_publish(struct job *job, struct err *e);
/* Of a job that failed: nothing of it is left. */
void job_abort(struct job *job);

#endif
