/* SPDX-License-Identifier: MIT */
#ifndef NET_MAIL_MIME_H
#define NET_MAIL_MIME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"

/*
 * A mail as bytes: composed once, read as a stream, so that an attachment is
 * never in memory as a whole. Only US-ASCII goes out, in lines of CRLF: header
 * texts as encoded words (RFC 2047) folded at 76, file names by RFC 2231, bodies
 * as quoted-printable, attachments as base64. No line begins with a dot.
 *
 * A control character in anything that becomes a header is refused: a line
 * break there would begin a header of somebody else's making.
 */

/* local@domain in ASCII, and the name before it, UTF-8; NULL: none. */
struct mime_address {
	char *name, *mailbox;
};

/* `a@b`, `Name <a@b>` or `"Name, Inc." <a@b>`. Permanent error: the sentence
 * says what is wrong. */
int mime_address_parse(
    const char *text, struct mime_address *address, struct err *e);
void mime_address_free(struct mime_address *address); /* may be zeroed */
/* What stands behind the @. */
const char *mime_address_domain(const struct mime_address *address);

struct mime_attachment {
	const char *name; /* of the file, UTF-8 */
	const char *type; /* text/csv */
	int64_t size;
	/* Gives exactly len bytes more, or fails, and the mail with it. The last
	 * ones only when all of them are what they should be. */
	int (*read)(void *arg, char *to, size_t len, struct err *e);
	void *arg;
};

struct mime_mail {
	const struct mime_address *from, *reply_to; /* reply_to may be NULL */
	const struct mime_address *to, *cc;
	int to_count, cc_count;
	const char *subject;    /* UTF-8 */
	const char *message_id; /* without < and > */
	time_t date;
	const char *plain, *html; /* UTF-8, lines end with \n */
	const struct mime_attachment *attachments;
	int attachment_count;
};

/* All strings are copied; what attachments read from lives as long. */
struct mime;
struct mime *mime_open(const struct mime_mail *mail, struct err *e);
void mime_free(struct mime *m); /* accepts NULL */

/* How many bytes mime_read gives in all. */
int64_t mime_size(const struct mime *m);
/* How many an attachment takes once it is encoded. */
int64_t mime_encoded(int64_t size);
/* The next bytes, at most `size` of them; 0 at the end, -1 on error. */
ssize_t mime_read(struct mime *m, char *to, size_t size, struct err *e);

#endif
