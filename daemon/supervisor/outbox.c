/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "protocol.h"
#include "sql/queue.h"
#include "supervisor/outbox_item.h"

/* Most notices in hand whose delivery is not over: this many of slow lanes, and as many
 * of all others. */
#define HAND 64
/* Most notices in hand, with those whose result is not recorded yet. */
#define HAND_MAX 1024
/* Most notices in hand of one lane: its worker does not wait for a claim, and other
 * daemons get their share. */
#define LANE_HAND 16
/* The text of a number in an array, and its comma. */
#define NUMBER_MAX 21
#define CHECK_MS 250

static const struct statement claim = {"notice_claim", sql_notice_claim, 6};

int outbox_count(const struct outbox *o)
{
	return o->count;
}

bool outbox_claiming(const struct outbox *o)
{
	return o->claiming;
}

/* ---- the notices in hand ---- */

static void item_free(struct item *item)
{
	buf_free(&item->errand.message);
	buf_free(&item->result);
	free(item->channel);
	free(item->recipient);
	free(item);
}

void outbox_drop(struct outbox *o, struct item *item)
{
	struct item **at = &o->list;

	while (*at != item)
		at = &(*at)->next;
	*at = item->next;
	if (item->next == NULL)
		o->end = at;
	o->count -= !item->lost;
	item_free(item);
	if (o->count == 0 && !o->claiming)
		o->o.events->idle(o->o.arg);
}

static int count_lane(const struct outbox *o, int64_t lane)
{
	int n = 0;

	for (const struct item *item = o->list; item; item = item->next)
		n += item->state == DELIVERING && item->errand.lane == lane;
	return n;
}

/* Notes that the delivery is over; item->result holds its outcome. */
static void end(struct item *item)
{
	struct outbox *o = item->outbox;
	int left;

	item->state = ENDED;
	if (item->lost) {
		outbox_drop(o, item);
		return;
	}
	left = count_lane(o, item->errand.lane);
	o->hungry = o->hungry || left <= LANE_HAND / 2;
	/* A slow lane has one in hand: its others wait in the queue. */
	o->want = o->want || errands_is_slow(o->o.errands, item->errand.lane);
}

/* Ends a delivery with an outcome that the supervisor sets, without a worker's
 * answer. */
static void end_with(
    struct item *item, const char *state, const char *error, int64_t retry_ms)
{
	buf_clear(&item->result);
	message_notice_done(
	    &item->result, &(struct notice_result){.notification_id = item->id,
			       .attempt = item->attempt,
			       .state = state,
			       .error = error,
			       .retry_ms = retry_ms});
	end(item);
}

static void release_waiting(struct outbox *o)
{
	for (struct item *item = o->list; item != NULL; item = item->next) {
		if (item->state == DELIVERING &&
		    errands_withdraw(o->o.errands, &item->errand))
			end_with(item, "RELEASED", NULL, 0);
	}
}

/* ---- what the errands tell ---- */

static enum errand_outcome on_answered(
    struct errand *errand, const json_t *body, const char *line, size_t len)
{
	struct item *item = errand->arg;
	const char *state = json_str(body, "state", "");
	bool given_back = strcmp(state, "RELEASED") == 0;
	bool in_vain = strcmp(state, "RETRY") == 0;

	if (given_back && !item->released && !item->lost &&
	    !item->outbox->stopping)
		return ERRAND_AGAIN;
	if (item->released && strcmp(state, "SENT") != 0) {
		end_with(item, "RELEASED", NULL, 0);
	} else {
		buf_add(&item->result, line, len);
		end(item);
	}
	return in_vain ? ERRAND_IN_VAIN : ERRAND_DONE;
}

static void on_failed(struct errand *errand, const char *how)
{
	struct item *item = errand->arg;
	char text[256];

	snprintf(text, sizeof(text), "the delivery did not end: %s", how);
	if (item->released)
		end_with(item, "RELEASED", NULL, 0);
	else
		end_with(item, "RETRY", text, 0);
}

static void on_put_off(struct errand *errand, int64_t ms)
{
	const char *why = "waits: its receiver did not answer others in time";

	end_with(errand->arg, "RELEASED", ms > 0 ? why : NULL, ms);
}

static const struct errand_ops errand_ops = {
    .stuck = "delivery does not end, killing its worker",
    .answered = on_answered,
    .failed = on_failed,
    .put_off = on_put_off};

/* The columns of the result of notice_claim.sql. */
enum { NOTIFICATION_ID, ATTEMPT, NOTICE, LANE, OWNER };

static void take_row(struct outbox *o, const struct reply *reply, int row)
{
	const char *text = reply_text(reply, row, NOTICE);
	int64_t timeout_ms = o->o.settings->notify_timeout;
	struct item *item = mem_zalloc(sizeof(*item));
	struct err unused;
	json_t *notice = json_parse_object(text, strlen(text), &unused);

	item->outbox = o;
	item->id = reply_int(reply, row, NOTIFICATION_ID, 0);
	item->attempt = reply_int(reply, row, ATTEMPT, 0);
	item->run_id = json_int(notice, "run_id", 0);
	item->channel = mem_strdup(json_str(notice, "channel", ""));
	item->recipient = mem_strdup(json_str(notice, "recipient", ""));
	json_decref(notice);
	item->errand = (struct errand){.ops = &errand_ops,
	    .arg = item,
	    .number = item->id,
	    .lane = reply_int(reply, row, LANE, 0),
	    .owner = reply_int(reply, row, OWNER, 0),
	    .timeout_ms = timeout_ms,
	    .end = MSG_NOTICE_DONE};
	buf_init(&item->errand.message, PROTOCOL_LINE_MAX);
	buf_init(&item->result, BATCH_MAX);
	message_notice(&item->errand.message, item->id, timeout_ms, text);
	*o->end = item;
	o->end = &item->next;
	o->count++;
	if (item->errand.message.overflow)
		end_with(item, "FAILED", "the notice is too large", 0);
	else
		errands_add(o->o.errands, &item->errand);
}

/* ---- what became of them ---- */

static void on_check(uv_timer_t *timer)
{
	struct outbox *o = timer->data;
	int64_t now = clock_boot_ms();

	for (struct item *item = o->list; item != NULL; item = item->next) {
		if (item->state == UNRECORDED && now >= item->again_ms)
			item->state = ENDED;
	}
	if (o->list == NULL)
		uv_timer_stop(timer);
}

/* ---- the claim ---- */

static void on_claim(void *arg, const struct reply *reply, const struct err *e)
{
	struct outbox *o = arg;
	int rows = reply ? reply_rows(reply) : 0;

	o->claiming = false;
	if (reply == NULL && e->kind != ERR_LOST)
		LOG(o->o.log, LVL_ERROR, L_MSG("claiming notices failed"),
		    L_STR("error", e->text), L_STR("sqlstate", e->sqlstate));
	for (int i = 0; i < rows; i++)
		take_row(o, reply, i);
	/* More notices may be due when a claim brought some. */
	o->want = o->want || rows > 0;
	if (o->stopping)
		release_waiting(o);
	if (o->count == 0) {
		o->o.events->idle(o->o.arg);
		return;
	}
	if (!uv_is_active((uv_handle_t *)&o->check))
		uv_timer_start(&o->check, on_check, CHECK_MS, CHECK_MS);
	errands_go(o->o.errands);
}

static void list_ids(const struct outbox *o, struct buf *ids)
{
	buf_char(ids, '{');
	for (const struct item *item = o->list; item; item = item->next) {
		if (!item->lost)
			buf_printf(ids, "%s%" PRId64, ids->len > 1 ? "," : "",
			    item->id);
	}
	buf_char(ids, '}');
}

/* The lanes and how many notices of each are in hand: arrays of the same length. */
struct lanes_held {
	struct buf lanes, held;
	int fresh, slow; /* in hand */
};

static void count_held(void *arg, int64_t lane, int held, bool slow)
{
	struct lanes_held *h = arg;

	(void)lane;
	*(slow ? &h->slow : &h->fresh) += held;
}

/* Adds a lane for the claim. A slow lane is full with one notice, and also with none
 * when all slow lanes together have their share. */
static void add_lane(void *arg, int64_t lane, int held, bool slow)
{
	struct lanes_held *h = arg;
	const char *comma = h->lanes.len > 1 ? "," : "";

	if (slow && (held > 0 || h->slow >= HAND))
		held = LANE_HAND;
	else if (slow)
		held = LANE_HAND - 1;
	if (held == 0)
		return;
	buf_printf(&h->lanes, "%s%" PRId64, comma, lane);
	buf_printf(&h->held, "%s%d", comma, held);
}

static void list_lanes(const struct outbox *o, struct lanes_held *h)
{
	size_t max = (size_t)(HAND_MAX + ERRANDS_LANES) * NUMBER_MAX;

	*h = (struct lanes_held){.fresh = 0};
	buf_init(&h->lanes, max);
	buf_init(&h->held, max);
	buf_char(&h->lanes, '{');
	buf_char(&h->held, '{');
	errands_each_lane(o->o.errands, count_held, h);
	errands_each_lane(o->o.errands, add_lane, h);
	buf_char(&h->lanes, '}');
	buf_char(&h->held, '}');
}

/* Returns how many notices a claim may bring. */
static int room(const struct outbox *o, const struct lanes_held *h)
{
	int in_all = HAND_MAX - o->count, fresh = HAND - h->fresh;

	return fresh < in_all ? fresh : in_all;
}

static void send_claim(
    struct outbox *o, const struct lanes_held *h, const struct buf *ids)
{
	char wanted[16], most[16];

	o->want = o->hungry = false;
	o->claiming = true;
	snprintf(wanted, sizeof(wanted), "%d", room(o, h));
	snprintf(most, sizeof(most), "%d", LANE_HAND);
	queue_send(o->o.queue, NULL, &claim,
	    (const char *const[]){o->o.events->worker_id(o->o.arg), wanted,
		queue_text(ids), queue_text(&h->lanes), queue_text(&h->held),
		most},
	    on_claim, o);
}

void outbox_claim(struct outbox *o)
{
	struct lanes_held held;
	struct buf ids;

	if (!o->running || o->stopping || o->claiming || !o->want ||
	    !o->hungry || !queue_is_up(o->o.queue))
		return;
	buf_init(&ids, 2 * HAND_MAX * NUMBER_MAX);
	list_ids(o, &ids);
	list_lanes(o, &held);
	if (room(o, &held) > 0)
		send_claim(o, &held, &ids);
	buf_free(&ids);
	buf_free(&held.lanes);
	buf_free(&held.held);
}

void outbox_look(struct outbox *o)
{
	o->want = o->hungry = true;
	outbox_claim(o);
}

void outbox_start(struct outbox *o)
{
	o->running = true;
	for (struct item *item = o->list; item != NULL; item = item->next) {
		if (item->state == UNRECORDED)
			item->state = ENDED;
	}
	outbox_look(o);
}

/* ---- stopping ---- */

void outbox_lose(struct outbox *o)
{
	struct item *next;

	o->running = false;
	for (struct item *item = o->list; item != NULL; item = next) {
		next = item->next;
		if (item->lost)
			continue;
		if (item->state != DELIVERING ||
		    errands_withdraw(o->o.errands, &item->errand)) {
			outbox_drop(o, item);
			continue;
		}
		if (!item->errand.stopped)
			errands_stop(o->o.errands, &item->errand);
		item->lost = true;
		o->count--;
	}
}

void outbox_stop(struct outbox *o)
{
	o->stopping = true;
	release_waiting(o);
}

void outbox_release(struct outbox *o)
{
	for (struct item *item = o->list; item != NULL; item = item->next) {
		if (item->state != DELIVERING)
			continue;
		item->released = true;
		errands_stop(o->o.errands, &item->errand);
	}
}

/* ---- */

void outbox_set_settings(struct outbox *o, const struct settings *settings)
{
	o->o.settings = settings;
}

/* Runs just before the loop sleeps. Only one statement is under way; the next
 * one takes the results that arrive meanwhile. */
static void on_turn(uv_prepare_t *turn)
{
	outbox_record(turn->data);
}

struct outbox *outbox_open(const struct outbox_options *options)
{
	struct outbox *o = mem_zalloc(sizeof(*o));

	o->o = *options;
	o->end = &o->list;
	uv_timer_init(o->o.loop, &o->check);
	uv_prepare_init(o->o.loop, &o->turn);
	o->check.data = o->turn.data = o;
	uv_prepare_start(&o->turn, on_turn);
	return o;
}

static void on_closed(uv_handle_t *handle)
{
	struct outbox *o = handle->data;
	struct item *next;

	if (++o->handles < 2)
		return;
	for (struct item *item = o->list; item != NULL; item = next) {
		next = item->next;
		item_free(item);
	}
	free(o);
}

void outbox_close(struct outbox *o)
{
	uv_close((uv_handle_t *)&o->turn, on_closed);
	uv_close((uv_handle_t *)&o->check, on_closed);
}
