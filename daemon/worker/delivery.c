/* SPDX-License-Identifier: MIT */
#include "worker/delivery.h"

#include "notice/notice.h"

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

void delivery_run(const json_t *message, struct services *services,
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

void delivery_decline(const json_t *message, struct buf *out)
{
	static const struct notice_answer none;
	struct notice n;
	struct err e;

	notice_open(&n, json_object_get(message, "notice"));
	err_set(&e, ERR_CANCELLED, "stopped on request");
	say_delivered(&n, &e, true, &none, out);
	notice_free(&n);
}

bool delivery_repeats(const json_t *message)
{
	const json_t *notice = json_object_get(message, "notice");

	return notice_channel_repeats(json_str(notice, "channel", ""));
}
