/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "http/endpoint.h"
#include "sql/http.h"

/* Rows that a Snowflake external function sends at a time, at most. */
#define ROWS_MAX 5000

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

/* Answers an external function: {"data": [[ROW, VALUE], ...]} with the numbers
 * of the rows that it sent. */
static json_t *make_rows(const json_t *rows, const char *pending)
{
	json_t *answers = json_array();
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_array_append_new(
		    answers, json_pack("[O, o]", json_array_get(row, 0),
				 make_value(pending)));
	}
	return json_pack("{s:o}", "data", answers);
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
		answer = t->rows ? make_rows(t->rows, reply_text(reply, 0, 0))
				 : make_value(reply_text(reply, 0, 0));
		text = json_dumps(answer, JSON_COMPACT);
		call_json(t->call, 200, text);
		free(text);
		json_decref(answer);
	}
	json_decref(t->rows);
	free(t);
}

/* Takes the rows of an external function out of the body. Returns -1 when they
 * are none. */
static int take_rows(const json_t *body, json_t **rows)
{
	json_t *data = json_object_get(body, "data");
	const json_t *row;
	size_t i;

	*rows = NULL;
	if (data == NULL)
		return 0;
	if (!json_is_array(data) || json_array_size(data) > ROWS_MAX)
		return -1;
	json_array_foreach(data, i, row)
	{
		if (!json_is_integer(json_array_get(row, 0)))
			return -1;
	}
	*rows = json_incref(data);
	return 0;
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
	if (take_rows(body, &rows) != 0) {
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
