/* SPDX-License-Identifier: MIT */
#include "http/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/endpoint.h"
#include "sql/http.h"

/* ms for which the samples of the database are answered again. */
#define KEEP_MS 5000
#define TEXT_MAX (4u << 20)

static const struct statement read_samples = {"metrics", sql_metrics, 0};

/* The samples that the database gave last, for each role that has asked, since
 * not every role may. */
struct metrics {
	struct metrics *next;
	char *role;
	int64_t read_ms;
	json_t *samples;
};

void metrics_free(struct metrics *list)
{
	while (list != NULL) {
		struct metrics *m = list;

		list = m->next;
		json_decref(m->samples);
		free(m->role);
		free(m);
	}
}

static struct metrics *find(struct app *app, const char *role)
{
	struct metrics *m = app->metrics;

	while (m != NULL && strcmp(m->role, role) != 0)
		m = m->next;
	if (m != NULL)
		return m;
	m = mem_zalloc(sizeof(*m));
	m->role = mem_strdup(role);
	m->next = app->metrics;
	app->metrics = m;
	return m;
}

/* Returns samples of this process, which the database does not know. */
static json_t *own_samples(const struct app *app)
{
	static const char *const classes[] = {"2", "4", "5"};
	struct server_counts n;
	json_t *list = json_array();

	server_count(app->server, &n);
	json_array_append_new(list,
	    json_pack("[s, {}, i]", "up", app->until_ms > clock_boot_ms()));
	json_array_append_new(
	    list, json_pack("[s, {}, I]", "worker_restarts_total",
		      (json_int_t)app->restarts));
	json_array_append_new(
	    list, json_pack("[s, {}, i]", "http_connections", n.connections));
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
		json_array_append_new(list,
		    json_pack("[s, {s:s}, I]", "http_requests_total", "class",
			classes[i], (json_int_t)n.answers[*classes[i] - '0']));
	return list;
}

static void answer(struct call *c, const json_t *samples)
{
	json_t *all = own_samples(c->app);
	struct buf text;

	json_array_extend(all, (json_t *)(uintptr_t)samples);
	buf_init(&text, TEXT_MAX);
	metrics_write(all, &text);
	json_decref(all);
	call_answer(c, &(struct answer){.status = 200,
			   .type = "text/plain; version=0.0.4; charset=utf-8",
			   .body = text.data,
			   .length = text.len,
			   .own = text.data});
}

static void on_samples(
    void *arg, const struct reply *reply, const struct err *e, const char *hint)
{
	struct call *c = arg;
	struct metrics *m;

	if (reply == NULL) {
		call_error(c, e, hint);
		return;
	}
	m = find(c->app, c->role);
	json_decref(m->samples);
	m->samples = json_loads(reply_text(reply, 0, 0), 0, NULL);
	m->read_ms = clock_boot_ms();
	answer(c, m->samples);
}

void serve_metrics(struct call *c)
{
	const struct metrics *m = find(c->app, c->role);
	struct err e;

	if (m->samples != NULL && clock_boot_ms() - m->read_ms < KEEP_MS)
		answer(c, m->samples);
	else if (store_ask(c->app->store, c->role, &read_samples, NULL,
		     on_samples, c, &e) != 0)
		call_error(c, &e, "");
}
