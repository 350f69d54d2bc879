/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_SLACK_H
#define NOTICE_SLACK_H

#include "notice/notice.h"

/* Posts a message of blocks to an incoming webhook.
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
int notice_slack(struct services *s, const struct notice *n,
    struct notice_answer *answer, struct err *e);

/* Makes the message; the caller calls json_decref. */
json_t *slack_message(const struct notice *n);

#endif
