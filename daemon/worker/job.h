/* SPDX-License-Identifier: MIT */
#ifndef WORKER_JOB_H
#define WORKER_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/scratch.h"
#include "base/watch.h"
#include "export/outputs.h"
#include "protocol.h"
#include "services/services.h"
#include "source/source.h"

/*
 * A job in a worker, from its message to its result. It has three parts: what
 * the queue asks for, what the worker lends to the job, and the outcome so far.
 * Stages (stage/stage.h) read the first, work with the second and fill in the
 * third; a pipeline (pipeline.h) runs them.
 */

/* The request. Strings point into `message`. */
struct job_asked {
	json_t *message;
	/* parts of the message: the report's row, its members that few reports
	 * have, and the terms that it shares with other jobs */
	const json_t *row, *rare, *terms;
	int64_t run_id, config_id, request_id;
	/* run_id, config_id and request_id as text */
	char run_text[24], config_text[24], request_text[24];
	const char *queue; /* identity of the queue; NULL: no ledger needs it */
	const char *report_name;
	const char *source_name;
	const char *from; /* settings of the source, packed */
	/* settings of the target whose table is loaded; NULL: none */
	struct source_settings *into;
	const char *time_zone;
	const char *scheduled_for; /* local time in time_zone */
	char scheduled_text[40];   /* scheduled_for with its UTC offset */
	struct tm scheduled;
	const json_t *parameters; /* object of strings and nulls, or NULL */
	const json_t *linked;     /* see links.h; NULL or null: nothing */
	const json_t *output_options;
	const json_t *write_paths; /* granted prefixes; NULL or null: all */
	const json_t *other_paths; /* prefixes granted only to others */
	const json_t *gate; /* checks, min_score, now_ms; NULL or null: none */
	json_t *inputs;     /* array, see inputs.h; NULL or null: none */
	const char *output_root;
	int64_t attempt;
	bool again; /* an earlier run may have published the same request */
	int64_t timeout_ms, statement_timeout_ms;
	int64_t deadline_ms; /* boot clock, ms; 0: none */
	/* SQL with its parameters filled in by the stages; data NULL: the
	 * report has none. */
	struct buf prep_sql, export_sql, result_sql;
};

struct job_lent {
	struct source *source;
	struct services *services;
	const struct watch *watch;
	struct place_lent places;
	/* Another stage reads after the one at work, in the same snapshot. */
	bool reads_on;
	/* boot clock, ms: until then the lease surely holds */
	int64_t publish_until_ms;
};

struct job_outcome {
	const char *stage;  /* the stage at work, or the stage that failed */
	int64_t started_ms; /* boot clock, ms */
	int64_t prep_ms; /* ms from the start to the end of prep; -1: no prep */
	/* {stage: ms} of the stages that ended well; NULL: none has */
	json_t *stage_ms;
	int64_t rows, bytes; /* updated while it runs; -1: no export */
	/* the outputs are complete and stored, but not visible */
	bool unpublished;
	/* an earlier attempt has published them: nothing is left to do */
	bool landed;
	char *output_url; /* URL of the first output; NULL: none was made */
	/* all outputs as JSON array; NULL unless there are several */
	char *outputs;
	char sha256[65]; /* SHA-256 of the first output, in hex */
	char *remark;    /* of a good result; NULL: no remark */
	char *of_source; /* see source_remark; NULL: none */
	json_t *result;  /* the row of result_sql; NULL: none */
	/* up to where the job reads its source; empty: it does not say */
	char horizon[SOURCE_TIME];
	struct source_holder holder; /* of that horizon */
	bool idle; /* no file is left to work with: the run has ended well */
	/* files set aside: [[file_id, kind, reason]]; NULL: none */
	json_t *aside;
	/* answers of the checks, see verdict.h; NULL: none was asked */
	json_t *checks;
	int64_t score;  /* 0 to 100; -1: there are no checks */
	size_t sampled; /* bytes of their samples */
	bool unstaged;  /* no row was sent, so nothing is asked of any */
	/* only checks failed that may be asked again */
	bool waits;
	/* what would be left in other systems if the worker died now */
	struct place_record record;
};

struct check_sql;

struct job {
	struct job_asked asked;
	struct job_lent lent;
	struct job_outcome outcome;

	/* Data of the fetch: the private folder of copies, and the relations that
	 * are made of them. */
	bool needs_source; /* some stage works in the source */
	bool reads_files;  /* the source reads files */
	struct scratch fetched;
	struct source_relation *relations;
	int relation_count;
	struct check_sql *checks; /* statements of the checks, by position */
	int check_count;
	/* The export's own data. */
	struct export_plan plan;
	struct outputs outputs; /* the outputs of `plan` */
	char *unloaded;         /* prefix of unloaded objects; NULL: none */
};

/* Fills in the job. Takes the message over, also on error. */
int job_open(struct job *job, json_t *message, struct err *e);
void job_free(struct job *job);

/* Returns a member of the row; NULL or null: the row has none. */
json_t *job_member(const struct job *job, const char *key);
/* Returns a text of the row, such as "export_sql"; NULL: the row has none. */
const char *job_text(const struct job *job, const char *key);
/* Says whether the row has such a text and it is not empty. */
bool job_has(const struct job *job, const char *key);
/* Says whether all statements must read one state of the data: output_options may
 * say that it does no harm when they do not. */
bool job_wants_snapshot(const struct job *job);
/* Adds a remark to those that the job has. NULL is no remark. */
void job_add_remark(struct job *job, const char *text);
/* Says whether the files of the job's input go into the table of its target as
 * they are. */
bool job_copies_files(const struct job *job);
/* Says whether a complete output holds locks, so that nothing else may be done
 * before it is published. */
bool job_holds_locks(const struct job *job);

/* Fills *e with ERR_TIMEOUT and returns -1. */
int job_timed_out(const struct job *job, struct err *e);
/* Writes a duration: "2 s", "1500 ms". */
void job_show_ms(int64_t ms, char to[static 32]);

#endif
