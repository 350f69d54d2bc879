/* SPDX-License-Identifier: MIT */
#include "worker/notice_mail.h"

int notice_mail(struct services *s, const struct notice *n, struct err *e)
{
	(void)s;
	(void)n;
	return err_set(e, ERR_PERMANENT, "mail cannot be sent yet");
}
