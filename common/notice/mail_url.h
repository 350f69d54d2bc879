/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_MAIL_URL_H
#define NOTICE_MAIL_URL_H

#include "net/mail/mime.h"

/*
 * mailto:a@b,c@d?cc=e@f&bcc=g@h&subject=...&body=...&report=link as RFC 6068 has
 * it, with %XX for what has a meaning of its own; `report` is ours. Of bcc
 * nothing is kept: each recipient is a notice of its own.
 */
enum mail_how { MAIL_ATTACH, MAIL_LINK, MAIL_INLINE, MAIL_NONE };

struct mail_url {
	struct mime_address *to, *cc;
	int to_count, cc_count;
	char *subject, *body; /* templates; NULL: ours */
	enum mail_how report;
};

/* On error nothing need be freed. */
int mail_url_parse(const char *url, struct mail_url *m, struct err *e);
void mail_url_free(struct mail_url *m);

#endif
