/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_SNS_H
#define NOTICE_SNS_H

#include "net/aws/sigv4.h"
#include "notice/notice.h"

/* Publishes notice_json to a topic.
 * https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
int notice_sns(struct services *s, const struct notice *n,
    struct notice_answer *answer, struct err *e);

/* Subjects are ASCII, at most 100 characters. */
#define SNS_SUBJECT 101
void sns_subject(const struct notice *n, char to[static SNS_SUBJECT]);
/* The message, at most 256 KiB: without what grows when it would be more. The
 * caller's to free. */
char *sns_message(const struct notice *n);

#endif
