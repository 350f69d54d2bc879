/* SPDX-License-Identifier: MIT */
#include "supervisor/listings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sql/queue.h"

/* At most this many zones are listed at a time, so that workers are left for
 * notices. */
#define MOST 4
/* ms: time limit of one page. */
#define PAGE_MS 120000
/* ms: for this long no other daemon gets this listing from the queue. */
#define PATIENCE_MS "180000"
/* Numbers and lanes of the errands begin here; notices have none of these. */
#define NUMBER ((int64_t)1 << 61)
#define LANE INT64_MIN

static const struct statement zones = {"zones", sql_zones, 4};
static const struct statement listed = {"listed", sql_listed, 10};

struct listing {
	struct listing *next;
	struct listings *all;
	struct errand errand;
	char number[24], zone[24];
	char *path, *after;
	json_t *readable; /* NULL: any URL */
};

struct listings {
	struct listings_options o;
	struct listing *first;
	int count;
	bool asking;
	bool astray; /* the queue may show listings that are not in hand */
};

static void drop(struct listing *one)
{
	struct listing **at = &one->all->first;

	while (*at != one)
		at = &(*at)->next;
	*at = one->next;
	one->all->count--;
	buf_free(&one->errand.message);
	free(one->path);
	free(one->after);
	json_decref(one->readable);
	free(one);
}

static const struct errand_ops errand_ops;

static void send_page(struct listing *one)
{
	json_t *body =
	    json_pack("{sI ss ss* sO*}", "timeout", (json_int_t)PAGE_MS, "path",
		one->path, "after", one->after, "readable", one->readable);

	buf_clear(&one->errand.message);
	message_errand(
	    &one->errand.message, MSG_LIST, one->errand.number, body);
	errands_add(one->all->o.errands, &one->errand);
	errands_go(one->all->o.errands);
}

/* The columns of the result of zones.sql. */
enum { ZONE_ID, PATH, LISTING_NUMBER, READABLE };

static void begin(struct listings *l, const struct reply *reply, int row)
{
	struct listing *one = mem_zalloc(sizeof(*one));
	int64_t zone = reply_int(reply, row, ZONE_ID, 0);

	one->all = l;
	one->next = l->first;
	l->first = one;
	l->count++;
	snprintf(one->zone, sizeof(one->zone), "%" PRId64, zone);
	str_copy(one->number, sizeof(one->number),
	    reply_text(reply, row, LISTING_NUMBER));
	one->path = mem_strdup(reply_text(reply, row, PATH));
	if (reply_text(reply, row, READABLE) != NULL) {
		one->readable =
		    json_loads(reply_text(reply, row, READABLE), 0, NULL);
		if (one->readable == NULL)
			one->readable = json_array();
	}
	one->errand = (struct errand){.ops = &errand_ops,
	    .arg = one,
	    .number = NUMBER + zone,
	    .lane = LANE + zone,
	    .timeout_ms = PAGE_MS,
	    .end = MSG_LISTED};
	buf_init(&one->errand.message, PROTOCOL_LINE_MAX);
	send_page(one);
	l->o.events->begun(l->o.arg, one->path);
}

static void on_zones(void *arg, const struct reply *reply, const struct err *e)
{
	struct listings *l = arg;

	l->asking = false;
	l->astray = l->astray || reply == NULL;
	if (reply == NULL && e->kind != ERR_LOST)
		LOG(l->o.log, LVL_ERROR,
		    L_MSG("looking for files to list failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
	for (int i = 0; reply != NULL && i < reply_rows(reply); i++)
		begin(l, reply, i);
}

static void send_look(struct listings *l)
{
	struct buf held;
	char wanted[16];

	l->asking = true;
	l->astray = false;
	snprintf(wanted, sizeof(wanted), "%d", MOST - l->count);
	buf_init(&held, 256);
	buf_char(&held, '{');
	for (const struct listing *one = l->first; one; one = one->next) {
		buf_str(&held, one->zone);
		if (one->next != NULL)
			buf_char(&held, ',');
	}
	buf_char(&held, '}');
	queue_send(l->o.queue, NULL, &zones,
	    (const char *const[]){l->o.events->worker_id(l->o.arg), wanted,
		PATIENCE_MS, held.data},
	    on_zones, l);
	buf_free(&held);
}

void listings_look(struct listings *l, bool due)
{
	if (l->asking || !(l->astray || (due && l->count < MOST)) ||
	    l->o.events->worker_id(l->o.arg) == NULL ||
	    !queue_is_up(l->o.queue))
		return;
	send_look(l);
}

/* ---- pages ---- */

static void on_recorded(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct listing *one = arg;
	struct listings *l = one->all;

	if (reply == NULL && e->kind != ERR_LOST)
		LOG(l->o.log, LVL_ERROR, L_MSG("recording a listing failed"),
		    L_STR("path", one->path), L_STR("error", e->text),
		    L_STR("sqlstate", e->sqlstate));
	if (reply != NULL && one->after != NULL && reply_bool(reply, 0, 0)) {
		send_page(one);
		return;
	}
	drop(one);
	if (reply != NULL) {
		l->o.events->listed(l->o.arg);
		return;
	}
	l->astray = true;
	listings_look(l, false);
}

/* Records a page in the queue, or an error without files. When that is not
 * possible, the zone is listed again. */
static void record(
    struct listing *one, const char *files, int64_t looked, const char *error)
{
	struct listings *l = one->all;
	const char *id = l->o.events->worker_id(l->o.arg);
	char count[24], most[24], rescan[24];

	if (id == NULL || !queue_is_up(l->o.queue)) {
		drop(one);
		l->astray = true;
		return;
	}
	snprintf(count, sizeof(count), "%" PRId64, looked);
	snprintf(
	    most, sizeof(most), "%" PRId64, l->o.settings->inputs_max_files);
	snprintf(
	    rescan, sizeof(rescan), "%" PRId64, l->o.settings->inputs_rescan);
	queue_send(l->o.queue, NULL, &listed,
	    (const char *const[]){id, one->zone, one->number, files, count,
		one->after ? "t" : "f", error, most, rescan, "180000"},
	    on_recorded, one);
}

static enum errand_outcome on_answered(
    struct errand *e, const json_t *body, const char *line, size_t len)
{
	struct listing *one = e->arg;
	const char *error = json_str(body, "error", NULL);

	(void)line;
	(void)len;
	if (json_bool(body, "again", false) && !e->stopped)
		return ERRAND_AGAIN;
	free(one->after);
	one->after = mem_strdup(json_str(body, "next", NULL));
	if (error != NULL)
		LOG(one->all->o.log, LVL_WARN, L_MSG("files cannot be listed"),
		    L_STR("path", one->path), L_STR("error", error));
	record(one, json_str(body, "files", "[]"), json_int(body, "looked", 0),
	    error);
	return error != NULL ? ERRAND_IN_VAIN : ERRAND_DONE;
}

static void on_failed(struct errand *e, const char *how)
{
	struct listing *one = e->arg;

	LOG(one->all->o.log, LVL_WARN, L_MSG("a listing did not end"),
	    L_STR("path", one->path), L_STR("error", how));
	record(one, "[]", 0, how);
}

static void on_put_off(struct errand *e, int64_t ms)
{
	(void)ms;
	record(e->arg, "[]", 0, "its server does not answer at the moment");
}

static const struct errand_ops errand_ops = {
    .stuck = "listing does not end, killing its worker",
    .answered = on_answered,
    .failed = on_failed,
    .put_off = on_put_off};

/* ---- */

void listings_down(struct listings *l)
{
	l->asking = false;
	l->astray = true;
}

void listings_set_settings(struct listings *l, const struct settings *settings)
{
	l->o.settings = settings;
}

struct listings *listings_open(const struct listings_options *options)
{
	struct listings *l = mem_zalloc(sizeof(*l));

	l->o = *options;
	return l;
}

void listings_free(struct listings *l)
{
	if (l == NULL)
		return;
	while (l->first != NULL)
		drop(l->first);
	free(l);
}
