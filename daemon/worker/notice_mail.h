/* SPDX-License-Identifier: MIT */
#ifndef WORKER_NOTICE_MAIL_H
#define WORKER_NOTICE_MAIL_H

#include "worker/notice.h"

int notice_mail(struct services *s, const struct notice *n, struct err *e);

#endif
