/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_MAIL_URL_H
#define NOTICE_MAIL_URL_H

#include "net/mail/mime.h"

/*
 * A URL mailto:a@b,c@d?cc=e@f&bcc=g@h&subject=...&body=...&report=link as in
 * RFC 6068, with %XX for characters that have a meaning in it. The field
 * `report` is our own. bcc is not kept, because each recipient gets a notice of
 * its own.
 */
enum mail_how { MAIL_ATTACH, MAIL_LINK, MAIL_INLINE, MAIL_NONE };

struct mail_url {
	struct mime_address *to, *cc;
	int to_count, cc_count;
	char *subject, *body; /* templates; NULL: the standard text */
	enum mail_how report;
};

/* Reads the URL. After an error nothing has to be freed. */
int mail_url_parse(const char *url, struct mail_url *m, struct err *e);
void mail_url_free(struct mail_url *m);

#endif
