/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_WEBHOOK_H
#define NOTICE_WEBHOOK_H

#include "notice/notice.h"

/* A POST of notice_json, signed with the host's secret of [webhook] secrets. */
int notice_webhook(struct services *s, const struct notice *n,
    struct notice_answer *answer, struct err *e);

/* "sha256=" and the HMAC-SHA256 in hex of timestamp, URL and body, a line feed
 * behind each of the first two: what was signed for one receiver is no proof to
 * another. */
#define WEBHOOK_SIGNATURE 72
void webhook_signature(const char *secret, int64_t timestamp, const char *url,
    const struct buf *body, char to[static WEBHOOK_SIGNATURE]);

#endif
