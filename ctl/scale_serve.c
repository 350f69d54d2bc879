/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/interrupt.h"
#include "ctl/scale.h"

/*
 * The runtime interface of AWS Lambda:
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 *
 * Between two invocations the process may be frozen for minutes, so each
 * invocation connects to the queue anew.
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

/* Reads the ID of the next invocation. Its event is not looked at. */
static int next(const struct runtime *r, char id[static 128], struct err *e)
{
	struct http_reply reply;
	int rc = call(r, "GET", "invocation/next", NULL, &reply, e);

	if (rc == 0) {
		http_header(&reply, "Lambda-Runtime-Aws-Request-Id", id, 128);
		if (*id == '\0')
			rc = err_set(e, ERR_PERMANENT,
			    "Lambda's runtime interface sends no request ID");
	}
	http_reply_free(&reply);
	return rc;
}

/* Decides; returns the body of the answer, which is an error's when *failed. */
static char *decide(struct ctl *c, bool *failed)
{
	struct err e = {.text = ""};
	json_t *answer = ctl_scale(c, false, &e), *body = answer;
	char *text;

	*failed = answer == NULL || ctl_scale_failed(answer);
	if (answer == NULL)
		ctl_complain(&e);
	if (*failed) {
		char *said = answer ? json_dumps(answer, JSON_COMPACT)
				    : mem_strdup(e.text);

		body = json_pack("{ss ss}", "errorType", "ScaleFailed",
		    "errorMessage", said);
		json_decref(answer);
		free(said);
	}
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	pg_close(c->queue);
	c->queue = NULL;
	return text;
}

static int serve(const struct runtime *r, struct ctl *c, struct err *e)
{
	char id[128];
	bool failed;

	while (interrupt_signal() == 0) {
		struct http_reply reply;
		char *path, *body;
		int rc;

		if (next(r, id, e) != 0)
			return -1;
		body = decide(c, &failed);
		path = mem_printf(
		    "invocation/%s/%s", id, failed ? "error" : "response");
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
