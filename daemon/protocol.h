/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_PROTOCOL_H
#define DAEMON_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "protocol_lines.h"

/*
 * The messages between supervisor and worker: JSON objects, one on each line,
 * over a socket pair that is the worker's PROTOCOL_FD. On the line of a job a
 * second object follows after a tab: the terms, such as the settings of its
 * source, which are the same for many jobs. A worker runs its jobs
 * one after the other. While the output of a job waits for the answer to
 * "publish", the next job runs. In messages about notices, run_id holds the
 * notification_id.
 *
 *	supervisor                          worker
 *	  {"type":"settings", ...}   ──>  for all later jobs
 *	                             <──  {"type":"hello"}  once: I am ready
 *	  {"type":"job", ...}        ──>
 *	                             <──  {"type":"progress","run_id", "stage",
 *	                                   "row_count","byte_count"}   (<= 1/s)
 *	                             <──  {"type":"publish","run_id"}: asks
 *	  {"type":"publish","run_id",
 *	   "go":true,"until":MS}     ──>  may publish until MS
 *	                             <──  {"type":"result", ...}
 *	  {"type":"notice", ...}     ──>  deliver it
 *	                             <──  {"type":"notice_done", ...}
 *	  {"type":"sweep", ...}      ──>  end what killed runs have left
 *	                             <──  {"type":"swept", ...}
 *	  {"type":"list", ...}       ──>  look for the files of an input
 *	                             <──  {"type":"listed", ...}
 *	  {"type":"move", ...}       ──>  move files that are done with
 *	                             <──  {"type":"moved", ...}
 *	  {"type":"watch", ...}      ──>  wait for files in local folders
 *	                             <──  {"type":"arrived", ...}
 *	  {"type":"hear", ...}       ──>  wait for messages of new objects
 *	                             <──  {"type":"heard", ...}
 *	  {"type":"inbox", ...}      ──>  read a page of the inbox, or write back
 *	                             <──  {"type":"inboxed", ...}
 *	  {"type":"stop","run_id"}   ──>  stop the run and answer with a result;
 *	                                  with "recall":true, only if it has not
 *	                                  begun; with "yield":true, only if it
 *	                                  may be repeated
 *	  end of file                ──>  stop all work and exit
 */
#define PROTOCOL_FD 3
/* The listening socket of reportd-http. Its PROTOCOL_FD gets {"type":"settings",
 * …}, again when they change, and {"type":"beat","until":MS,"ready":true,
 * "restarts":N} each
 * time that the lease was renewed (boot clock). At the end of file it ends. */
#define PROTOCOL_LISTEN_FD 4
/* Exit status of a worker whose version differs from the version in the
 * MSG_SETTINGS of the supervisor. */
#define PROTOCOL_UNFIT 78
enum message_type {
	MSG_SETTINGS,
	MSG_HELLO,
	MSG_JOB,
	MSG_STOP,
	MSG_PROGRESS,
	MSG_PUBLISH,
	MSG_RESULT,
	MSG_NOTICE,
	MSG_NOTICE_DONE,
	MSG_SWEEP,
	MSG_SWEPT,
	MSG_BEAT,
	MSG_LIST,
	MSG_LISTED,
	MSG_MOVE,
	MSG_MOVED,
	MSG_WATCH,
	MSG_ARRIVED,
	MSG_HEAR,
	MSG_HEARD,
	MSG_INBOX,
	MSG_INBOXED,
};

struct message {
	enum message_type type;
	int64_t run_id; /* 0 in MSG_SETTINGS, MSG_HELLO and MSG_BEAT */
	json_t *body;   /* released by the caller with json_decref */
};
int message_parse(
    const char *line, size_t len, struct message *m, struct err *e);
/* The terms of the last job, which many jobs have in common: a worker parses them
 * again only when they change. Private to message_parse_task. */
struct terms {
	struct buf text;
	json_t *parsed;
};
void terms_init(struct terms *t);
void terms_free(struct terms *t);
/* As message_parse, for any message to a worker. A job has its terms, an object
 * that must not be changed, in the member "terms". */
int message_parse_task(struct terms *t, const char *line, size_t len,
    struct message *m, struct err *e);

/* Says whether the line was made by message_job, even when the rest of it is no
 * JSON to this program; *run_id and *config_id are then those of the job. */
bool message_is_job(const char *line, int64_t *run_id, int64_t *config_id);

/* The terms that many jobs have in common. */
struct common_terms {
	/* made by settings_pack_source; target NULL: the job loads no table */
	const char *source, *target;
	const char *output_root;
	const char *output; /* default template of output_path */
	int64_t file_mode;
	bool no_sync;
};
/* A job: its report's row, and the rest. */
struct job_terms {
	int64_t run_id, config_id;
	/* counts from its arrival at the worker; 0: no limit */
	int64_t timeout_ms;
	int64_t statement_timeout_ms;
	int64_t target_timeout_ms; /* of one statement there; 0: no limit */
	const char *row;           /* JSON object made by claim.sql */
	const char *common;        /* made by message_common */
};
/* Appends the settings, made by settings_pack, and the version of this
 * program. */
void message_settings(struct buf *b, const char *settings);
void message_beat(
    struct buf *b, int64_t until_ms, bool ready, int64_t restarts);
/* The answer of a worker to its first settings: it can take jobs. */
void message_hello(struct buf *b);
/* Appends the common terms, without a line break. */
void message_common(struct buf *b, const struct common_terms *terms);
void message_job(struct buf *b, const struct job_terms *terms);
void message_stop(struct buf *b, int64_t run_id);
/* Appends a stop that takes effect only if the run has not begun. */
void message_recall(struct buf *b, int64_t run_id);
/* Appends a stop that takes effect only if the errand may be repeated without
 * harm. */
void message_yield(struct buf *b, int64_t run_id);

/* Appends a message of an errand, or its answer: the members of `body`, which it
 * releases. `number` identifies the errand, as a run_id identifies a job. */
void message_errand(
    struct buf *b, enum message_type type, int64_t number, json_t *body);

void message_progress(struct buf *b, int64_t run_id, const char *stage,
    int64_t rows, int64_t bytes, const json_t *leftovers);
/* horizon NULL: the run has none. */
void message_publish_ask(struct buf *b, int64_t run_id, const char *horizon);
void message_publish_answer(
    struct buf *b, int64_t run_id, bool go, int64_t until_ms);

/* The end of a run, in the words of sql/queue/finish.sql. Strings may be
 * NULL. */
struct run_result {
	int64_t run_id, config_id;
	const char *status; /* COMPLETED, FAILED, CANCELLED, RELEASED */
	bool permanent;     /* FAILED without a retry */
	const char *stage;  /* start, prep, export, result, publish, done */
	int64_t prep_ms; /* ms from the start to the end of prep; -1: no prep */
	json_t *stage_ms;    /* {stage: ms} that ended well; NULL: none */
	int64_t rows, bytes; /* -1: no export */
	const char *output_url, *sha256;
	const char *error_stage, *error_sqlstate, *error_message;
	const char *outputs; /* JSON array, when there are several */
	const char *remark;
	/* what goes on or stays in other systems, as in place/record.h; NULL or
	 * empty: nothing */
	const json_t *leftovers;
	const json_t *result; /* row of result_sql; NULL: none */
	const char *horizon;  /* NULL: none */
	/* The process that holds the horizon back, and the age of its
	 * transaction in seconds; 0: none does. */
	int64_t holder_pid, holder_age_s;
	const json_t *aside;  /* files set aside; NULL: none */
	const json_t *checks; /* answers; NULL: none */
	int64_t score;        /* -1: no checks */
	bool waits;           /* FAILED by checks that may be asked again */
};
void message_result(struct buf *b, const struct run_result *r);

/* Appends a notice, a JSON object made by notice_claim.sql. timeout_ms counts
 * from its arrival at the worker. */
void message_notice(struct buf *b, int64_t notification_id, int64_t timeout_ms,
    const char *notice);

/* The end of one attempt to deliver a notice, in the words of
 * sql/queue/notice_done.sql. */
struct notice_result {
	int64_t notification_id, attempt;
	const char *state;  /* SENT, FAILED, RETRY, RELEASED */
	const char *error;  /* NULL: none */
	int64_t retry_ms;   /* least wait that the receiver asks for; 0: none */
	const char *detail; /* only for the log; NULL: none */
};
void message_notice_done(struct buf *b, const struct notice_result *r);

/*
 * Decides what follows for a line of message_result or message_notice_done when the
 * statement that was to record `count` such lines has failed. Returns true: it is
 * sent again at once, alone if it was one of several, as any of them may be the
 * reason. false: it is sent again later.
 *
 * A line that the queue cannot store is changed once, which *plain tells: in all
 * texts, every byte that is not printable ASCII becomes a question mark.
 */
bool message_record_failed(
    struct buf *line, bool *plain, int count, const struct err *e);

/* Append the request and the answer of a clean-up. The request's `runs` is a
 * JSON array of {"run_id", "leftovers"}; the answer has the same runs with the
 * leftovers that are still there. `sources`: the settings of the sources of left
 * statements, packed, by name. wait_ms: when the first of these is old enough to be ended;
 * 0: none is too young. error NULL: nothing failed. `number` identifies the
 * errand, as a run_id identifies a job. timeout_ms counts from its arrival at
 * the worker. */
void message_sweep(struct buf *b, int64_t number, int64_t timeout_ms,
    const char *runs, const json_t *sources);
void message_swept(struct buf *b, int64_t number, const json_t *runs,
    int64_t wait_ms, const char *error);

/*
 * A worker that is started as `reportd-worker --ask TASK` answers one question
 * and ends. It reads the question from standard input: a line with a JSON
 * object that holds the "version" of the supervisor, then a connection string
 * as raw bytes. It writes the answer to PROTOCOL_FD: ANSWER_OK and a text, or
 * ANSWER_NO and the reason of the failure, then a zero byte; and ends with status
 * 0. Without these two the answer is not whole and does not count.
 *
 *	login    "settings", "secret_arn", "fresh"
 *	         -> the connection string with the secret's user and password
 *	process  -> the number of the server process that answers a new client
 */
#define ASK_LOGIN "login"
#define ASK_PROCESS "process"
#define ANSWER_OK '+'
#define ANSWER_NO '-'
/* Writes an answer; returns the exit status of the process that gives it. */
int answer_write(char letter, const char *text);

/* Append a whole question; `settings` is made by settings_pack. */
void question_login(struct buf *b, const char *settings, const char *conninfo,
    const char *secret_arn, bool fresh);
void question_process(struct buf *b, const char *conninfo);

#endif
