/* SPDX-License-Identifier: MIT */
#ifndef NET_MAIL_MIME_HEADER_H
#define NET_MAIL_MIME_HEADER_H

#include <stdbool.h>

#include "base/buf.h"
#include "net/mail/mime.h"

/*
 * Writes header lines, encoded and folded, each with its CRLF. Texts are UTF-8.
 * All functions but the first two need texts that passed mime_header_check.
 */

/* Refuses a text with control characters; `what` names the text in the error:
 * "the subject". */
int mime_header_check(const char *what, const char *text, struct err *e);
bool mime_header_is_ascii(const char *text); /* all characters are printable */

/* Writes a header of free text, such as Subject. */
void mime_header_text(struct buf *b, const char *name, const char *text);
/* Writes From, To or Cc. For an empty list, the header says that there are
 * recipients, without naming any. */
void mime_header_addresses(struct buf *b, const char *name,
    const struct mime_address *list, int count);
/* Writes `Name: value; parameter="text"`, by RFC 2231 where the text needs
 * it. */
void mime_header_parameter(struct buf *b, const char *name, const char *value,
    const char *parameter, const char *text);
/* Writes the parameter in ASCII only, with other characters replaced, for
 * programs that do not know RFC 2231. */
void mime_header_fallback(struct buf *b, const char *name, const char *value,
    const char *parameter, const char *text);
/* Writes the Date header by RFC 5322, in UTC. */
void mime_header_date(struct buf *b, time_t date);

#endif
