/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "protocol.h"
#include "sql/queue.h"
#include "supervisor/outbox_item.h"

/* A result that cannot be recorded is sent again after this many ms. */
#define AGAIN_MS 5000

static const struct statement done = {"notice_done", sql_notice_done, 5};

static void log_end(
    const struct outbox *o, const struct item *item, const char *outcome)
{
	bool sent = strcmp(outcome, "SENT") == 0;
	struct err unused;
	json_t *v;

	if (sent && o->o.log->level > LVL_INFO)
		return;
	v = json_parse_object(item->result.data, item->result.len, &unused);
	if (sent)
		LOG(o->o.log, LVL_INFO, L_MSG("notice sent"),
		    L_INT("notice", item->id), L_INT("run", item->run_id),
		    L_STR("channel", item->channel),
		    L_STR("recipient", item->recipient));
	else if (strcmp(json_str(v, "state", ""), "RELEASED") == 0)
		LOG(o->o.log, LVL_DEBUG, L_MSG("notice given back"),
		    L_INT("notice", item->id), L_INT("run", item->run_id),
		    L_STR("why", json_str(v, "error", "")));
	else
		LOG(o->o.log, LVL_WARN, L_MSG("notice not delivered"),
		    L_INT("notice", item->id), L_INT("run", item->run_id),
		    L_STR("channel", item->channel),
		    L_STR("recipient", item->recipient),
		    L_STR("state",
			strcmp(outcome, "PENDING") == 0 ? "RETRY" : outcome),
		    L_INT("attempt", item->attempt),
		    L_STR("error", json_str(v, "error", "")),
		    L_STR("detail", json_str(v, "detail", "")));
	json_decref(v);
}

static void take_outcome(
    struct outbox *o, struct item *item, const char *outcome)
{
	if (strcmp(outcome, "busy") == 0) {
		/* Another session has locked the row: repeated a little
		 * later. */
		item->state = UNRECORDED;
		return;
	}
	if (strcmp(outcome, "lost") == 0)
		LOG(o->o.log, LVL_WARN,
		    L_MSG("notice not recorded: it was taken over or recorded "
			  "before"),
		    L_INT("notice", item->id), L_INT("run", item->run_id));
	else
		log_end(o, item, outcome);
	if (strcmp(outcome, "PENDING") == 0)
		o->o.events->due_again(o->o.arg);
	outbox_drop(o, item);
}

static void record_failed(struct outbox *o, const struct err *e)
{
	int64_t again_ms = clock_boot_ms() + AGAIN_MS;
	int sent = 0;

	for (const struct item *item = o->list; item; item = item->next)
		sent += item->state == RECORDING;
	if (e->kind != ERR_LOST)
		LOG(o->o.log, LVL_ERROR, L_MSG("recording notices failed"),
		    L_INT("notices", sent), L_STR("error", e->text),
		    L_STR("sqlstate", e->sqlstate));
	for (struct item *item = o->list; item != NULL; item = item->next) {
		if (item->state != RECORDING)
			continue;
		item->suspect = e->kind != ERR_LOST;
		item->again_ms = again_ms;
		item->state =
		    message_record_failed(&item->result, &item->plain, sent, e)
			? ENDED
			: UNRECORDED;
	}
}

static void on_done(void *arg, const struct reply *reply, const struct err *e)
{
	struct outbox *o = arg;

	o->recording = false;
	if (reply == NULL) {
		record_failed(o, e);
		return;
	}
	for (int i = 0; i < reply_rows(reply); i++) {
		int64_t id = reply_int(reply, i, 0, 0);
		struct item *item = o->list;

		while (item != NULL &&
		       (item->id != id || item->state != RECORDING))
			item = item->next;
		if (item != NULL)
			take_outcome(o, item, reply_text(reply, i, 1));
	}
	outbox_claim(o);
}

/* Adds the results of the next record: one suspect alone, or all the others. */
static void gather(struct outbox *o, struct buf *b)
{
	const struct item *alone = o->list;

	while (alone != NULL && (alone->state != ENDED || !alone->suspect))
		alone = alone->next;
	for (struct item *item = o->list; item != NULL; item = item->next) {
		if (item->state != ENDED || (alone && item != alone) ||
		    b->len > BATCH_MAX)
			continue;
		item->state = RECORDING;
		if (b->len > 1)
			buf_char(b, ',');
		buf_add(b, item->result.data, item->result.len);
	}
}

static void send_done(struct outbox *o)
{
	const struct settings *s = o->o.settings;
	char backoff[32], most[32], attempts[32];
	struct buf b;

	buf_init(&b, 2 * BATCH_MAX + 2);
	buf_char(&b, '[');
	gather(o, &b);
	buf_char(&b, ']');
	if (b.len > 2) {
		snprintf(
		    backoff, sizeof(backoff), "%" PRId64, s->notify_backoff);
		snprintf(most, sizeof(most), "%" PRId64, s->notify_backoff_max);
		snprintf(
		    attempts, sizeof(attempts), "%" PRId64, s->notify_attempts);
		o->recording = true;
		queue_send(o->o.queue, NULL, &done,
		    (const char *const[]){o->o.events->worker_id(o->o.arg),
			queue_text(&b), backoff, most, attempts},
		    on_done, o);
	}
	buf_free(&b);
}

void outbox_record(struct outbox *o)
{
	if (o->count > 0 && o->running && !o->recording &&
	    queue_is_up(o->o.queue))
		send_done(o);
}
