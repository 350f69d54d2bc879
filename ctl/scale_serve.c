/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/external.h"
#include "base/mem.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/interrupt.h"
#include "ctl/scale.h"
#include "sql/scale.h"

/*
 * The runtime interface of AWS Lambda:
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 *
 * Between two invocations the process may be frozen for minutes, so each
 * invocation connects to the queue anew. An event with a requestContext is a call
 * by an API gateway, of which body and answer are members:
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
struct runtime {
	struct http *http;
	const char *host; /* host:port */
};

static int call(const struct runtime *r, const char *method, const char *path,
    const char *body, struct http_reply *reply, struct err *e)
{
	char *url =
	    mem_printf("http://%s/2018-06-01/runtime/%s", r->host, path);
	int rc = http_send(r->http,
	    &(struct http_request){.method = method,
		.url = url,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.headers = (const char *const[]){"Content-Type: "
						 "application/json",
		    NULL},
		/* The next invocation may be long in coming. */
		.terms = {.proxy = "", .silence_ms = INT64_C(86400000)}},
	    reply, e);

	free(url);
	if (rc == 0 && reply->status / 100 != 2)
		rc = err_set(e, ERR_PERMANENT, "HTTP %d", reply->status);
	return rc == 0 ? 0
		       : err_wrap(e, "Lambda's runtime interface: %s", path);
}

struct invocation {
	char id[128];
	/* The call by an API gateway that the event brings; NULL: the event
	 * comes from elsewhere, and its content does not matter. */
	json_t *call;
};

/* Reads the next invocation. */
static int next(const struct runtime *r, struct invocation *v, struct err *e)
{
	struct http_reply reply;
	struct err unused;
	json_t *event;
	int rc = call(r, "GET", "invocation/next", NULL, &reply, e);

	*v = (struct invocation){.call = NULL};
	if (rc == 0) {
		http_header(&reply, "Lambda-Runtime-Aws-Request-Id", v->id,
		    sizeof(v->id));
		if (*v->id == '\0')
			rc = err_set(e, ERR_PERMANENT,
			    "Lambda's runtime interface sends no request ID");
		event =
		    json_parse_object(reply.body.data, reply.body.len, &unused);
		if (json_is_object(json_object_get(event, "requestContext")))
			v->call = json_incref(event);
		json_decref(event);
	}
	http_reply_free(&reply);
	return rc;
}

/* Takes the rows of an external function out of a gateway's call; *rows is NULL
 * when it has none. */
static int rows_of(const json_t *call, json_t **rows, struct err *e)
{
	const char *text = json_str(call, "body", "");
	json_t *body = NULL;
	int rc = 0;

	*rows = NULL;
	if (json_bool(call, "isBase64Encoded", false))
		return err_set(e, ERR_PERMANENT,
		    "the body is compressed; write compression = none in the "
		    "external function");
	if (*text != '\0') {
		body = json_parse_object(text, strlen(text), e);
		rc = body != NULL ? external_rows(body, rows) : -1;
		json_decref(body);
	}
	return rc == 0 ? 0
		       : err_set(e, ERR_PERMANENT,
			     "the body is neither empty nor a JSON object such "
			     "as {\"data\": [[0]]}");
}

/* Wraps a value in the form that the caller of a gateway expects; takes the
 * value over. */
static json_t *to_gateway(int status, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	json_t *answer = json_pack("{si s{ss} ss}", "statusCode", status,
	    "headers", "Content-Type", "application/json", "body", text);

	json_decref(value);
	free(text);
	return answer;
}

/* A caller by a gateway has new work, which may be in the table of an inbox, so
 * the inboxes are read soon. */
static int wake_inboxes(struct ctl *c, struct err *e)
{
	struct pg_rows *rows =
	    connect_queue(c, e) == 0
		? pg_query(c->queue, sql_scale_wake, 0, NULL, e)
		: NULL;
	int rc = rows != NULL ? 0 : -1;

	pg_rows_free(rows);
	return rc;
}

/* Decides; returns the answer, or NULL. */
static json_t *decide(struct ctl *c, const json_t *call, struct err *e)
{
	json_t *answer = call == NULL || wake_inboxes(c, e) == 0
			     ? ctl_scale(c, false, e)
			     : NULL;

	pg_close(c->queue);
	c->queue = NULL;
	if (answer != NULL && ctl_scale_failed(answer)) {
		char *said = json_dumps(answer, JSON_COMPACT);

		err_set(e, ERR_TRANSIENT, "%s", said);
		free(said);
		json_decref(answer);
		return NULL;
	}
	if (answer == NULL)
		ctl_complain(e);
	return answer;
}

static json_t *answer_call(struct ctl *c, const json_t *call, struct err *e)
{
	struct err wrong = {.text = ""};
	json_t *rows, *answer;

	if (rows_of(call, &rows, &wrong) != 0)
		return to_gateway(400, json_pack("{ss}", "error", wrong.text));
	answer = decide(c, call, e);
	if (answer != NULL)
		answer = to_gateway(200, external_answer(rows, answer));
	json_decref(rows);
	return answer;
}

/* Returns the body of the answer, which is an error's when *failed. */
static char *answer_to(struct ctl *c, const struct invocation *v, bool *failed)
{
	struct err e = {.text = ""};
	json_t *body =
	    v->call ? answer_call(c, v->call, &e) : decide(c, NULL, &e);
	char *text;

	*failed = body == NULL;
	if (*failed)
		body = json_pack("{ss ss}", "errorType", "ScaleFailed",
		    "errorMessage", e.text);
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	return text;
}

static int serve(const struct runtime *r, struct ctl *c, struct err *e)
{
	struct invocation v;
	bool failed;

	while (interrupt_signal() == 0) {
		struct http_reply reply;
		char *path, *body;
		int rc;

		if (next(r, &v, e) != 0)
			return -1;
		body = answer_to(c, &v, &failed);
		json_decref(v.call);
		path = mem_printf(
		    "invocation/%s/%s", v.id, failed ? "error" : "response");
		rc = call(r, "POST", path, body, &reply, e);
		http_reply_free(&reply);
		free(path);
		free(body);
		if (rc != 0)
			return -1;
	}
	return 0;
}

int ctl_scale_serve(struct ctl *c, const char *runtime, struct err *e)
{
	struct runtime r = {.http = http_open(), .host = runtime};
	int rc;

	http_set_watch(r.http, &interrupt_watch);
	rc = serve(&r, c, e);
	http_close(r.http);
	return rc;
}
