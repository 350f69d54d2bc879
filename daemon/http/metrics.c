/* SPDX-License-Identifier: MIT */
#include "http/metrics.h"

#include "base/clock.h"
#include "http/kept.h"
#include "sql/http.h"

/* ms for which samples of the database are kept and given to further callers.
 * */
#define KEEP_MS 5000
#define TEXT_MAX (4u << 20)

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

/* Writes samples of the database, which are kept as text. */
static char *write_samples(const char *field)
{
	json_t *samples = json_loads(field, 0, NULL);
	struct buf text;

	buf_init(&text, TEXT_MAX);
	buf_str(&text, "");
	metrics_write_queue(samples, &text);
	json_decref(samples);
	return text.data;
}

static void answer(struct call *c, const char *kept)
{
	json_t *own = own_samples(c->app);
	struct buf text;

	buf_init(&text, TEXT_MAX);
	metrics_write_process(own, &text);
	json_decref(own);
	buf_str(&text, kept);
	call_answer(c, &(struct answer){.status = 200,
			   .type = "text/plain; version=0.0.4; charset=utf-8",
			   .body = text.data,
			   .length = text.len,
			   .own = text.data});
}

static const struct kept_question samples = {
    .statement = {"metrics", sql_metrics, 0},
    .keep_ms = KEEP_MS,
    .form = write_samples,
    .answer = answer};

void serve_metrics(struct call *c)
{
	kept_ask(c, &samples);
}
