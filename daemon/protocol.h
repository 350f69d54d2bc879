/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_PROTOCOL_H
#define DAEMON_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

/*
 * What supervisor and worker say to each other: JSON objects, one a line, over a
 * socket pair that is the worker's PROTOCOL_FD. A worker runs its jobs one after
 * the other; while one's output waits for the answer the next one runs. Notices
 * are told apart by their notification_id, which stands in run_id.
 *
 *	supervisor                          worker
 *	  {"type":"settings", ...}   ──>  for the jobs from now on
 *	  {"type":"job", ...}        ──>
 *	                             <──  {"type":"progress","run_id", "stage",
 *	                                   "row_count","byte_count"}   (<= 1/s)
 *	                             <──  {"type":"publish","run_id"}  may I?
 *	  {"type":"publish","run_id",
 *	   "go":true,"until":MS}     ──>                     yes, until then
 *	                             <──  {"type":"result", ...}
 *	  {"type":"notice", ...}     ──>  deliver it
 *	                             <──  {"type":"notice_done", ...}
 *	  {"type":"sweep", ...}      ──>  end what killed runs left in S3
 *	                             <──  {"type":"swept", ...}
 *	  {"type":"stop","run_id"}   ──>  stop it, answer with a result; with
 *	                                  "recall":true unless it has begun, with
 *	                                  "yield":true if it may be done again
 *	  end of file                ──>  stop all, exit
 */
#define PROTOCOL_FD 3
/* Exit status of a worker whose version is not the supervisor's, which
 * MSG_SETTINGS tells. */
#define PROTOCOL_UNFIT 78
/* Above any job: 1 MiB of SQL (checked at INSERT), parameters, escapes. */
#define PROTOCOL_LINE_MAX (16u << 20)

/* Bytes in, lines out. */
struct lines {
	struct buf in;
	size_t looked; /* no line break before it */
	size_t taken;  /* the line that was handed out last */
};
void lines_init(struct lines *l);
void lines_free(struct lines *l);
/* -1 when a line grows past PROTOCOL_LINE_MAX. */
int lines_feed(struct lines *l, const char *data, size_t len, struct err *e);
/* The next whole line, NUL-terminated without its break, valid until the next
 * call of either function; NULL when there is none yet. */
char *lines_next(struct lines *l, size_t *len);

enum message_type {
	MSG_SETTINGS,
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
	int64_t run_id; /* 0 in MSG_SETTINGS */
	json_t *body;   /* the caller's to json_decref */
};
int message_parse(
    const char *line, size_t len, struct message *m, struct err *e);
/* Whether the line is a message_job, though the rest of it may be no JSON to this
 * program; whose it is. */
bool message_is_job(const char *line, int64_t *run_id, int64_t *config_id);

/* What a job needs beside the row itself. */
struct job_terms {
	int64_t run_id, config_id;
	int64_t timeout_ms; /* from its arrival at the worker; 0: none */
	int64_t statement_timeout_ms;
	const char *source; /* as settings_pack_source made it */
	const char *output_root;
	const char *output; /* the default template */
	int64_t file_mode;
	bool no_sync;
	const char *row; /* JSON object made by claim.sql */
};
/* `settings` as settings_pack made it. The version of this program goes along. */
void message_settings(struct buf *b, const char *settings);
void message_job(struct buf *b, const struct job_terms *terms);
void message_stop(struct buf *b, int64_t run_id);
/* The same, unless it has begun. */
void message_recall(struct buf *b, int64_t run_id);
/* For an errand: the same, if doing it twice does no harm. */
void message_yield(struct buf *b, int64_t run_id);

void message_progress(struct buf *b, int64_t run_id, const char *stage,
    int64_t rows, int64_t bytes, const json_t *uploads);
void message_publish_ask(struct buf *b, int64_t run_id);
void message_publish_answer(
    struct buf *b, int64_t run_id, bool go, int64_t until_ms);

/* How a run ended, in the words of sql/queue/finish.sql. Strings may be NULL. */
struct run_result {
	int64_t run_id, config_id;
	const char *status;  /* COMPLETED, FAILED, CANCELLED, RELEASED */
	bool permanent;      /* FAILED: no retry */
	const char *stage;   /* start, prep, export, publish, done */
	int64_t prep_ms;     /* from the start to prep's end; -1: no prep */
	int64_t rows, bytes; /* -1: no export */
	const char *output_url, *sha256;
	const char *error_stage, *error_sqlstate, *error_message;
	const char *outputs; /* JSON array, when there are several */
	const char *remark;
	const json_t *uploads; /* that are left; NULL or empty: none */
};
void message_result(struct buf *b, const struct run_result *r);

/* `notice`: a JSON object made by notice_claim.sql. timeout_ms from its arrival
 * at the worker. */
void message_notice(struct buf *b, int64_t notification_id, int64_t timeout_ms,
    const char *notice);

/* What became of one attempt, in the words of sql/queue/notice_done.sql. */
struct notice_result {
	int64_t notification_id, attempt;
	const char *state;  /* SENT, FAILED, RETRY, RELEASED */
	const char *error;  /* NULL: none */
	int64_t retry_ms;   /* what the receiver asks to wait; 0: nothing */
	const char *detail; /* for the log alone; NULL: none */
};
void message_notice_done(struct buf *b, const struct notice_result *r);

/* Of a line of message_result or message_notice_done that the queue cannot hold:
 * all texts become printable ASCII, question marks for the rest. */
void message_make_plain(struct buf *line);
/* Whether a statement failed for a character in what it was given. */
bool message_unfit(const struct err *e);

/* `runs`: a JSON array of {"run_id", "uploads"}. Back come the same runs with
 * what is left of their uploads. error NULL: nothing went wrong. `number` tells the
 * errand from others, as a run_id tells a job. timeout_ms as of notices. */
void message_sweep(struct buf *b, int64_t number, int64_t timeout_ms,
    int64_t stale_ms, const char *runs);
void message_swept(
    struct buf *b, int64_t number, const json_t *runs, const char *error);

/*
 * A worker that is started as `reportd-worker --ask TASK` answers one question
 * and ends. The question stands on standard input: a line that holds a JSON
 * object with the "version" of the supervisor, then a connection string, bytes as
 * they are. The answer goes to PROTOCOL_FD: ANSWER_OK and a text, or ANSWER_NO
 * and what is wrong.
 *
 *	login    "settings", "secret_arn", "fresh"
 *	         -> the connection string with the secret's user and password
 *	process  -> the number of the server process that answers a new client
 */
#define ASK_LOGIN "login"
#define ASK_PROCESS "process"
#define ANSWER_OK '+'
#define ANSWER_NO '-'

/* `settings` as settings_pack made it. Both append a whole question. */
void question_login(struct buf *b, const char *settings, const char *conninfo,
    const char *secret_arn, bool fresh);
void question_process(struct buf *b, const char *conninfo);

#endif
