/* SPDX-License-Identifier: MIT */
#ifndef HTTP_ENDPOINT_H
#define HTTP_ENDPOINT_H

#include "http/app.h"

/* Parameters of a statement, at most. */
#define PARAMS_MAX 8
/* Values in a path, at most. */
#define SEGMENTS_MAX 2

/* A request whose endpoint is known; exchange.data. It lives until its answer. */
struct call {
	struct app *app;
	struct exchange *x;
	const struct endpoint *endpoint;
	char *role; /* NULL: the endpoint needs no token */
	/* values of {...} in the path, in their order */
	const char *segments[SEGMENTS_MAX];
};

/*
 * An endpoint: a method and a path, and what answers. Either a function, or a
 * statement whose only field is the answer's JSON (no row: 404; null: 204).
 */
struct endpoint {
	enum method method;
	const char *path; /* such as /api/v1/reports/{report} */
	bool open;        /* without a token */
	int64_t body_max; /* bytes; 0: there is no body */
	void (*serve)(struct call *c);
	struct statement statement;
	/*
	 * Where its parameters come from: "{" a value of the path, in their
	 * order; "?name" a name of the query, null when it is not there;
	 * "=" the whole body, a JSON object.
	 */
	const char *params[PARAMS_MAX];
	int status; /* of the answer */
	/* Members that the body may have, a[] for a list, b{} for an object:
	 * " a[] b{} c "; NULL: any. */
	const char *keys;
};

/* All endpoints, ending with one without a path. */
extern const struct endpoint endpoints[];

/* Finds the endpoint of a call by its method and path, and the path's values.
 * Returns 0, or the status of the answer (404, 405) with the methods that the
 * path knows in `allow`. */
int endpoint_find(struct call *c, struct buf *allow);
/* Gives the endpoint's parameters their values, which live as long as the call.
 * Returns -1 when the request is wrong, and has answered it. */
int endpoint_gather(struct call *c, const char *params[]);
/* Answers by the endpoint's statement. */
void endpoint_query(struct call *c);

/* The answers; each ends and frees the call. The first takes JSON, copied; the
 * second a sentence and what to do ("" or NULL: nothing to say). */
void call_json(struct call *c, int status, const char *json);
void call_refuse(
    struct call *c, int status, const char *message, const char *hint);
/* Answers with an error of the database; the status follows from its kind. */
void call_error(struct call *c, const struct err *e, const char *hint);
void call_answer(struct call *c, const struct answer *a);
void call_free(struct call *c);

/* The functions of endpoints. */
void serve_health(struct call *c);
void serve_ready(struct call *c);
void serve_trigger(struct call *c);
void serve_metrics(struct call *c);
void serve_hours(struct call *c);
void serve_page(struct call *c);
void serve_openapi(struct call *c);

#endif
