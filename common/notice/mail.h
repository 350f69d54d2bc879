/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_MAIL_H
#define NOTICE_MAIL_H

#include "notice/notice.h"

int notice_mail(struct services *s, const struct notice *n,
    struct notice_answer *answer, struct err *e);

#endif
