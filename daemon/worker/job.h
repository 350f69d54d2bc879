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
 * One job in a worker, from message to result. Strings point into `message`.
 * What the stages need is checked and made before anything runs: SQL with its
 * parameters filled in, formats and their options, the places.
 */
struct job {
	json_t *message;
	int64_t run_id, config_id, request_id;
	const char *report_name;
	const char *source_name;
	struct source_settings *from; /* those of the source */
	const char *time_zone;
	const char *scheduled_for; /* local time in time_zone */
	char scheduled_text[40];   /* the same with its UTC offset */
	char run_text[24], config_text[24];
	struct tm scheduled;
	const json_t *parameters; /* object of strings and nulls, or NULL */
	const json_t *output_options;
	const json_t *write_paths; /* granted prefixes; NULL or null: all */
	const json_t *other_paths; /* granted to others alone */
	const char *output_root;
	int64_t attempt;
	int64_t deadline_ms, timeout_ms, statement_timeout_ms;

	struct buf prep_sql, export_sql; /* data NULL: there is none */
	struct export_plan plan;         /* of export_sql; places are paths */

	/* What the worker lends for the time of the job. */
	struct source *source;
	struct services *services;
	const struct watch *watch;
	struct place_lent places;
	int64_t publish_until_ms; /* boot clock: as the lease surely holds */

	/* What it has come to. */
	char *unloaded;   /* prefix of the objects; NULL: there are none */
	bool unpublished; /* the outputs are whole and safe, not visible */
	const char *stage;
	int64_t rows, bytes; /* live; -1: no export */
	int64_t started_ms, prep_ms;
	char *output_url;    /* the first; NULL: nothing was made */
	char *outputs;       /* all of them as JSON, when there are several */
	char sha256[65];     /* of the first */
	char *remark;        /* NULL: nothing to say */
	struct outputs made; /* of plan */
	struct place_record record;
};

/* Takes the message's body over, also on error. */
int job_open(struct job *job, json_t *message, struct err *e);
void job_free(struct job *job);

/* Whether the row has this text, "prep_sql" or "export_sql". */
bool job_has(const struct job *job, const char *key);

/* Fills in parameters and checks format and path; needs job->source. */
int job_prepare(struct job *job, struct err *e);

/* Sets the output's place; `partition` may be NULL. */
int job_find_place(struct job *job, struct export_output *output,
    const char *partition, struct err *e);

/* Fills *e with ERR_TIMEOUT and returns -1. */
int job_timed_out(const struct job *job, struct err *e);

/* Both stages; on error job->stage says which. Afterwards an output is safe and
 * invisible: job->unpublished. */
int job_run(struct job *job, struct err *e);
/* Makes it visible. 1: the lease must be asked for again before it goes on. */
int job_publish(struct job *job, struct err *e);
/* Of a job that failed: nothing of it is left. */
void job_abort(struct job *job);

#endif
