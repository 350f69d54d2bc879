/* SPDX-License-Identifier: MIT */
#include "http/kept.h"
#include "sql/http.h"

/* ms; each page that is open asks, and all runs of two days are counted. */
#define KEEP_MS 1000

static void answer(struct call *c, const char *json)
{
	call_json(c, 200, json);
}

static const struct kept_question hours = {
    .statement = {"hours", sql_hours, 0}, .keep_ms = KEEP_MS, .answer = answer};

void serve_hours(struct call *c)
{
	const char *params[PARAMS_MAX];

	if (endpoint_gather(c, params) == 0)
		kept_ask(c, &hours);
}
