/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_PROTOCOL_H
#define DAEMON_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

/*
 * The messages between supervisor and worker: JSON objects, one on each line,
 * over a socket pair that is the worker's PROTOCOL_FD. A worker runs its jobs
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
 *	  {"type":"sweep", ...}      ──>  end uploads left by killed runs
 *	                             <──  {"type":"swept", ...}
 *	  {"type":"stop","run_id"}   ──>  stop the run and answer with a result;
 *	                                  with "recall":true, only if it has not
 *	                                  begun; with "yield":true, only if it
 *	                                  may be repeated
 *	  end of file                ──>  stop all work and exit
 */
#define PROTOCOL_FD 3
/* Exit status of a worker whose version differs from the version in the
 * MSG_SETTINGS of the supervisor. */
#define PROTOCOL_UNFIT 78
/* Bytes, more than any job needs: 1 MiB of SQL (checked at INSERT), parameters
 * and escapes. */
#define PROTOCOL_LINE_MAX (16u << 20)

/* Splits a stream of bytes into lines. */
struct lines {
	struct buf in;
	size_t looked; /* bytes without a line break */
	size_t taken;  /* bytes of the line returned last, with its break */
};
void lines_init(struct lines *l);
void lines_free(struct lines *l);
/* Adds bytes. Returns -1 when a line grows past PROTOCOL_LINE_MAX. */
int lines_feed(struct lines *l, const char *data, size_t len, struct err *e);
/* Returns the next whole line, NUL-terminated without its break and valid until
 * the next call of either function; NULL when there is none yet. */
char *lines_next(struct lines *l, size_t *len);

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
};

struct message {
	enum message_type type;
	int64_t run_id; /* 0 in MSG_SETTINGS and MSG_HELLO */
	json_t *body;   /* released by the caller with json_decref */
};
int message_parse(
    const char *line, size_t len, struct message *m, struct err *e);
/* Says whether the line was made by message_job, even when the rest of it is no
 * JSON to this program; *run_id and *config_id are then those of the job. */
bool message_is_job(const char *line, int64_t *run_id, int64_t *config_id);

/* The parts of a job besides the report's row. */
struct job_terms {
	int64_t run_id, config_id;
	/* counts from its arrival at the worker; 0: no limit */
	int64_t timeout_ms;
	int64_t statement_timeout_ms;
	const char *source; /* made by settings_pack_source */
	const char *output_root;
	const char *output; /* default template of output_path */
	int64_t file_mode;
	bool no_sync;
	const char *row; /* JSON object made by claim.sql */
};
/* Appends the settings, made by settings_pack, and the version of this
 * program. */
void message_settings(struct buf *b, const char *settings);
/* The answer of a worker to its first settings: it can take jobs. */
void message_hello(struct buf *b);
void message_job(struct buf *b, const struct job_terms *terms);
void message_stop(struct buf *b, int64_t run_id);
/* Appends a stop that takes effect only if the run has not begun. */
void message_recall(struct buf *b, int64_t run_id);
/* Appends a stop that takes effect only if the errand may be repeated without
 * harm. */
void message_yield(struct buf *b, int64_t run_id);

void message_progress(struct buf *b, int64_t run_id, const char *stage,
    int64_t rows, int64_t bytes, const json_t *uploads);
void message_publish_ask(struct buf *b, int64_t run_id);
void message_publish_answer(
    struct buf *b, int64_t run_id, bool go, int64_t until_ms);

/* The end of a run, in the words of sql/queue/finish.sql. Strings may be
 * NULL. */
struct run_result {
	int64_t run_id, config_id;
	const char *status; /* COMPLETED, FAILED, CANCELLED, RELEASED */
	bool permanent;     /* FAILED without a retry */
	const char *stage;  /* start, prep, export, publish, done */
	int64_t prep_ms; /* ms from the start to the end of prep; -1: no prep */
	int64_t rows, bytes; /* -1: no export */
	const char *output_url, *sha256;
	const char *error_stage, *error_sqlstate, *error_message;
	const char *outputs; /* JSON array, when there are several */
	const char *remark;
	const json_t *uploads; /* unfinished uploads; NULL or empty: none */
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

/* Changes a line of message_result or message_notice_done that the queue cannot
 * store: in all texts, every byte that is not printable ASCII becomes a
 * question mark. */
void message_make_plain(struct buf *line);
/* Says whether a statement failed because of a character in its parameters. */
bool message_unfit(const struct err *e);

/* Append the request and the answer of a clean-up. The request's `runs` is a
 * JSON array of {"run_id", "uploads"}; the answer has the same runs with the
 * uploads that are left. error NULL: nothing failed. `number` identifies the
 * errand, as a run_id identifies a job. timeout_ms counts from its arrival at
 * the worker. */
void message_sweep(struct buf *b, int64_t number, int64_t timeout_ms,
    int64_t stale_ms, const char *runs);
void message_swept(
    struct buf *b, int64_t number, const json_t *runs, const char *error);

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

/* Append a whole question; `settings` is made by settings_pack. */
void question_login(struct buf *b, const char *settings, const char *conninfo,
    const char *secret_arn, bool fresh);
void question_process(struct buf *b, const char *conninfo);

#endif
