/* SPDX-License-Identifier: MIT */
#ifndef WORKER_NOTICE_WEBHOOK_H
#define WORKER_NOTICE_WEBHOOK_H

#include "worker/notice.h"

/* A POST of notice_json, signed with [webhook] secret. */
int notice_webhook(struct services *s, const struct notice *n,
    int64_t *retry_ms, struct err *e);

/* "sha256=" and the HMAC-SHA256 of "TIMESTAMP.BODY" in hex. */
#define WEBHOOK_SIGNATURE 72
void webhook_signature(const char *secret, int64_t timestamp, const void *body,
    size_t len, char to[static WEBHOOK_SIGNATURE]);

#endif
