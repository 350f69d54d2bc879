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
 * A job in a worker, from its message to its result. It has three parts: what
 * the queue asks for, what the worker lends to the job, and the outcome so far.
 * Stages (stage/stage.h) read the first, work with the second and fill in the
 * third.
 */

/* The request. Strings point into `message`. */
struct job_asked {
	json_t *message;
	int64_t run_id, config_id, request_id;
	char run_text[24], config_text[24]; /* run_id and config_id as text */
	const char *report_name;
	const char *source_name;
	struct source_settings *from; /* settings of the source */
	const char *time_zone;
	const char *scheduled_for; /* local time in time_zone */
	char scheduled_text[40];   /* scheduled_for with its UTC offset */
	struct tm scheduled;
	const json_t *parameters; /* object of strings and nulls, or NULL */
	const json_t *output_options;
	const json_t *write_paths; /* granted prefixes; NULL or null: all */
	const json_t *other_paths; /* prefixes granted only to others */
	const char *output_root;
	int64_t attempt;
	int64_t timeout_ms, statement_timeout_ms;
	int64_t deadline_ms; /* boot clock, ms; 0: none */
	/* SQL with its parameters filled in by job_prepare; data NULL: the
	 * report has none. */
	struct buf prep_sql, export_sql;
};

struct job_lent {
	struct source *source;
	struct services *services;
	const struct watch *watch;
	struct place_lent places;
	/* boot clock, ms: until then the lease surely holds */
	int64_t publish_until_ms;
};

struct job_outcome {
	const char *stage;  /* the stage at work, or the stage that failed */
	int64_t started_ms; /* boot clock, ms */
	int64_t prep_ms; /* ms from the start to the end of prep; -1: no prep */
	int64_t rows, bytes; /* updated while it runs; -1: no export */
	/* the outputs are complete and stored, but not visible */
	bool unpublished;
	char *output_url; /* URL of the first output; NULL: none was made */
	/* all outputs as JSON array; NULL unless there are several */
	char *outputs;
	char sha256[65]; /* SHA-256 of the first output, in hex */
	char *remark;    /* NULL: no remark */
	/* what would be left behind if the worker died now */
	struct place_record record;
};

struct job {
	struct job_asked asked;
	struct job_lent lent;
	struct job_outcome outcome;

	/* The export's own data. */
	struct export_plan plan;
	struct outputs outputs; /* the outputs of `plan` */
	char *unloaded;         /* prefix of unloaded objects; NULL: none */
};

/* Fills in the job. Takes the message over, also on error. */
int job_open(struct job *job, json_t *message, struct err *e);
void job_free(struct job *job);

/* Returns a text of the row, such as "export_sql"; NULL: the row has none. */
const char *job_text(const struct job *job, const char *key);
/* Says whether the row has such a text and it is not empty. */
bool job_has(const struct job *job, const char *key);
/* Appends such a text to `out` with its parameters filled in. */
int job_fill_in(
    struct job *job, const char *key, struct buf *out, struct err *e);

/* Checks everything and prepares all stages before the first one runs; needs
 * lent.source. */
int job_prepare(struct job *job, struct err *e);

/* Fills *e with ERR_TIMEOUT and returns -1. */
int job_timed_out(const struct job *job, struct err *e);

/* Runs the stages. On error outcome.stage is the stage that failed. With
 * outcome.unpublished the outputs are stored but not visible yet. */
int job_run(struct job *job, struct err *e);
/* Makes the outputs visible. Returns 1 when the lease must be asked for again
 * before it can continue. */
int job_publish(struct job *job, struct err *e);
/* Removes all outputs of a job that failed. */
void job_abort(struct job *job);

#endif
