/* SPDX-License-Identifier: MIT */
#ifndef NET_MAIL_MIME_HEADER_H
#define NET_MAIL_MIME_HEADER_H

#include <stdbool.h>

#include "base/buf.h"
#include "net/mail/mime.h"

/*
 * Header lines, encoded and folded, each with its CRLF. Texts are UTF-8. All but
 * the first two take texts that passed mime_header_check.
 */

/* `what` names it in the message: "the subject". */
int mime_header_check(const char *what, const char *text, struct err *e);
bool mime_header_is_ascii(const char *text); /* printable, all of it */

/* A text that means nothing to programs: Subject. */
void mime_header_text(struct buf *b, const char *name, const char *text);
/* From, To. None at all: the header says that there are, but unnamed. */
void mime_header_addresses(struct buf *b, const char *name,
    const struct mime_address *list, int count);
/* `Name: value; parameter="text"`: by RFC 2231 where the text needs it. */
void mime_header_parameter(struct buf *b, const char *name, const char *value,
    const char *parameter, const char *text);
/* The same in ASCII only, what is not replaced, for programs that know no RFC
 * 2231. */
void mime_header_fallback(struct buf *b, const char *name, const char *value,
    const char *parameter, const char *text);
/* RFC 5322, in UTC. */
void mime_header_date(struct buf *b, time_t date);

#endif
