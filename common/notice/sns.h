/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_SNS_H
#define NOTICE_SNS_H

#include "net/aws/sigv4.h"
#include "notice/notice.h"

/* Publishes notice_json to a topic.
 * https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
int notice_sns(struct services *s, const struct notice *n,
    struct notice_answer *answer, struct err *e);

/* Writes the subject, which SNS limits to 100 characters of ASCII. */
#define SNS_SUBJECT 101
void sns_subject(const struct notice *n, char to[static SNS_SUBJECT]);

#endif
