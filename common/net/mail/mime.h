/* SPDX-License-Identifier: MIT */
#ifndef NET_MAIL_MIME_H
#define NET_MAIL_MIME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"

/*
 * A mail as bytes: composed once and read as a stream, so that an attachment is
 * never in memory as a whole. The mail is US-ASCII with CRLF at the end of
 * lines: header texts as encoded words (RFC 2047), folded at 76 characters;
 * file names by RFC 2231; bodies as quoted-printable; attachments as base64. No
 * line begins with a dot.
 *
 * A control character in a text that goes into a header is refused: a line
 * break there could begin a header that somebody else has written.
 */

/* A mailbox local@domain in ASCII, and the display name in UTF-8; NULL: no
 * name. */
struct mime_address {
	char *name, *mailbox;
};

/* Reads `a@b`, `Name <a@b>` or `"Name, Inc." <a@b>`. A permanent error says
 * what is wrong. */
int mime_address_parse(
    const char *text, struct mime_address *address, struct err *e);
/* accepts a zeroed struct */
void mime_address_free(struct mime_address *address);
/* Returns the part after the @. */
const char *mime_address_domain(const struct mime_address *address);

struct mime_attachment {
	const char *name; /* file name, UTF-8 */
	const char *type; /* media type: text/csv */
	int64_t size;
	/* Writes exactly len bytes to `to`, or fails, and the mail with it. The
	 * last bytes come only when the whole content has proved correct. */
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

/* Composes a mail. All strings are copied; the data that attachments are read
 * from must outlive the mail. */
struct mime;
struct mime *mime_open(const struct mime_mail *mail, struct err *e);
void mime_free(struct mime *m); /* accepts NULL */

/* Returns the number of bytes that mime_read gives in all. */
int64_t mime_size(const struct mime *m);
/* Returns the encoded size of an attachment, in bytes. */
int64_t mime_encoded(int64_t size);
/* Writes the next bytes, at most `size`; returns how many, 0 at the end, -1 on
 * error. */
ssize_t mime_read(struct mime *m, char *to, size_t size, struct err *e);

#endif
