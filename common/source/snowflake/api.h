/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SNOWFLAKE_API_H
#define SOURCE_SNOWFLAKE_API_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/json_reader.h"
#include "net/http/http.h"
#include "source/snowflake/login.h"

/*
 * Calls of Snowflake's SQL API, version 2
 * (https://docs.snowflake.com/en/developer-guide/sql-api/reference). A call is
 * repeated with back-off after a broken connection, 429 and 5xx, and once with a
 * fresh token after 401.
 */
struct api {
	struct http *http;
	struct http_terms terms;
	struct login *login;
	/* boot clock, ms: no call is repeated after it; 0: no limit */
	int64_t deadline_ms;
};

/* Fills a zeroed struct. api_close drops the login. */
int api_open(struct api *a, const struct source_how *how, struct err *e);
void api_close(struct api *a);

struct api_request {
	const char *method;
	const char *path; /* with its query */
	const char *body; /* NULL: none */
	/* A repetition says so in its query. The connection is a new one, as curl
	 * itself would repeat a request over an old one that breaks. */
	bool retry;
};

/*
 * An answer, which is read in pieces: its members but `data`, then the rows of
 * `data`, then the members that follow.
 */
struct answer {
	int status;
	bool sent;  /* the request, or a part of it, has left this host */
	bool broke; /* the connection did, in the answer */
	struct http_call *call;
	struct json_reader reader;
	struct buf members; /* text of the members so far */
	json_t *object;     /* the members, parsed; NULL: not read yet */
	bool in_data;       /* the rows come next */
	bool had_data;
};

/* Sends the request and waits for the status and the members before `data`. The
 * status is 200 or 202 after success. For any other, *e holds the server's message
 * and SQLSTATE, and answer->object what the server said, or NULL. The caller ends
 * the answer also on error. */
int api_call(struct api *a, const struct api_request *r, struct answer *answer,
    struct err *e);
/* Begins a call whose answer is wanted later. api_take does the rest of api_call;
 * it repeats the call when the first attempt fails. */
struct http_call *api_begin(
    struct api *a, const struct api_request *r, struct err *e);
int api_take(struct api *a, const struct api_request *r, struct http_call *call,
    struct answer *answer, struct err *e);

/* Waits unless the watch ends it. */
int api_wait(struct api *a, int64_t ms, struct err *e);

/* Fails unless the members so far, of an answer of status 200, are those of a result:
 * with rows, and with the code of success or none. */
int answer_check(const struct answer *answer, struct err *e);
/* Steps to the next row, whose values answer->reader gives: 1, 0 after the last
 * row, when all members have been read, -1. */
int answer_row(struct answer *answer, struct err *e);
void answer_end(struct answer *answer);

#endif
