/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_WEBHOOK_H
#define NOTICE_WEBHOOK_H

#include "notice/notice.h"

/* Posts notice_json, signed with the secret that [webhook] secrets has for the
 * host. */
int notice_webhook(struct services *s, const struct notice *n,
    struct notice_answer *answer, struct err *e);

/* Writes "sha256=" and the HMAC-SHA256, in hex, of timestamp, line feed, URL,
 * line feed and body. The URL is signed, so that a notice to one receiver
 * cannot be sent to another as genuine. */
#define WEBHOOK_SIGNATURE 72
void webhook_signature(const char *secret, int64_t timestamp, const char *url,
    const struct buf *body, char to[static WEBHOOK_SIGNATURE]);

#endif
