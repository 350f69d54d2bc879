/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/external.h"
#include "base/mem.h"
#include "http/endpoint.h"
#include "sql/http.h"

static const struct statement trigger = {"trigger", sql_trigger, 0};

/* A trigger whose answer is awaited; `rows`: the body's "data", NULL when there
 * is none. */
struct triggered {
	struct call *call;
	json_t *rows;
};

static json_t *make_value(const char *pending)
{
	return json_pack("{s:s, s:I}", "message", "the daemons look now",
	    "pending", (json_int_t)strtoll(pending, NULL, 10));
}

static void on_triggered(
    void *arg, const struct reply *reply, const struct err *e, const char *hint)
{
	struct triggered *t = arg;
	json_t *answer;
	char *text;

	if (reply == NULL) {
		call_error(t->call, e, hint);
	} else {
		answer = external_answer(
		    t->rows, make_value(reply_text(reply, 0, 0)));
		text = json_dumps(answer, JSON_COMPACT);
		call_json(t->call, 200, text);
		free(text);
		json_decref(answer);
	}
	json_decref(t->rows);
	free(t);
}

static void refuse(struct call *c)
{
	call_refuse(c, 400, "the body is neither empty nor a JSON object",
	    "Send nothing, {} or {\"data\": [[0]]}.");
}

void serve_trigger(struct call *c)
{
	json_t *body = NULL, *rows;
	struct triggered *t;
	struct err e;

	if (c->x->length > 0) {
		body = json_parse_object(c->x->body, c->x->length, &e);
		if (body == NULL) {
			refuse(c);
			return;
		}
	}
	if (external_rows(body, &rows) != 0) {
		json_decref(body);
		refuse(c);
		return;
	}
	json_decref(body);
	t = mem_zalloc(sizeof(*t));
	t->call = c;
	t->rows = rows;
	if (store_ask(c->app->store, c->role, &trigger, NULL, on_triggered, t,
		&e) == 0)
		return;
	json_decref(rows);
	free(t);
	call_error(c, &e, "");
}
