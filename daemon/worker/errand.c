/* SPDX-License-Identifier: MIT */
#include "worker/errand.h"

#include "notice/notice.h"
#include "place/place.h"
#include "worker/arrival.h"
#include "worker/hearing.h"
#include "worker/inbox.h"
#include "worker/listing.h"
#include "worker/moving.h"
#include "worker/statements.h"

static void say_delivered(const struct notice *n, const struct err *failure,
    bool stopped, const struct notice_answer *answer, struct buf *out)
{
	struct notice_result r = {.notification_id = n->notification_id,
	    .attempt = n->attempt,
	    .state = "SENT",
	    .retry_ms = answer->retry_ms,
	    .detail = answer->detail[0] ? answer->detail : NULL};

	if (failure != NULL) {
		r.error = failure->text;
		r.state = failure->kind == ERR_PERMANENT ? "FAILED"
			  : failure->kind == ERR_CANCELLED && stopped
			      ? "RELEASED"
			      : "RETRY";
	}
	message_notice_done(out, &r);
}

static void deliver(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out)
{
	struct notice_answer answer;
	struct notice n;
	struct err e;
	int rc;

	notice_open(&n, json_object_get(message, "notice"));
	rc = notice_deliver(services, &n, &answer, &e);
	say_delivered(&n, rc != 0 ? &e : NULL, *stopped, &answer, out);
	notice_free(&n);
}

static void decline_notice(const json_t *message, struct buf *out)
{
	static const struct notice_answer none;
	struct notice n;
	struct err e;

	notice_open(&n, json_object_get(message, "notice"));
	err_set(&e, ERR_CANCELLED, "stopped on request");
	say_delivered(&n, &e, true, &none, out);
	notice_free(&n);
}

static bool notice_repeats(const json_t *message)
{
	const json_t *notice = json_object_get(message, "notice");

	return notice_channel_repeats(json_str(notice, "channel", ""));
}

/* Clears away what the entries of a record name, and removes those of which nothing is
 * left. Returns false when one of them failed. */
static bool sweep_record(struct services *services, const json_t *sources,
    json_t *list, int64_t *wait_ms, struct err *e)
{
	const struct place_lent lent = {.services = services};
	bool fine = true;
	size_t i = 0;

	while (i < json_array_size(list)) {
		const json_t *entry = json_array_get(list, i);
		int rc = place_sweep(&lent, entry, wait_ms, e);

		if (rc == 2)
			rc = statements_sweep(
			    services, sources, entry, wait_ms, e);
		if (rc == 0)
			json_array_remove(list, i);
		else
			i++;
		fine &= rc >= 0;
	}
	return fine;
}

static void sweep(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out)
{
	json_t *runs = json_object_get(message, "runs"), *one;
	const json_t *sources = json_object_get(message, "sources");
	struct err e = {.kind = ERR_CANCELLED};
	int64_t wait_ms = INT64_MAX;
	bool failed = false;
	size_t i;

	(void)stopped;
	json_array_foreach(runs, i, one)
	{
		failed |= !sweep_record(services, sources,
		    json_object_get(one, "leftovers"), &wait_ms, &e);
	}
	/* A stopped clean-up is no failure; it continues a little later. */
	message_swept(out, json_int(message, "run_id", 0), runs,
	    wait_ms == INT64_MAX ? 0 : wait_ms,
	    failed && e.kind != ERR_CANCELLED ? e.text : NULL);
}

static void decline_sweep(const json_t *message, struct buf *out)
{
	message_swept(out, json_int(message, "run_id", 0),
	    json_object_get(message, "runs"), 0, NULL);
}

static bool always(const json_t *message)
{
	(void)message;
	return true;
}

static const struct errand_kind kinds[] = {
    {MSG_NOTICE, "not delivered", deliver, decline_notice, notice_repeats},
    {MSG_SWEEP, "not cleaned up", sweep, decline_sweep, always},
    {MSG_LIST, "not listed", listing_run, listing_decline, always},
    {MSG_MOVE, "not moved", moving_run, moving_decline, always},
    {MSG_WATCH, "nothing arrived", arrival_run, arrival_decline, always},
    {MSG_HEAR, "nothing heard", hearing_run, hearing_decline, always},
    {MSG_INBOX, "the inbox does not answer", inbox_run, inbox_decline,
	inbox_repeats},
};

const struct errand_kind *errand_kind(enum message_type type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (kinds[i].type == type)
			return &kinds[i];
	}
	return NULL;
}
