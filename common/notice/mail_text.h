/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_MAIL_TEXT_H
#define NOTICE_MAIL_TEXT_H

#include "notice/notice.h"

/*
 * The text of a mail, written as plain text and as HTML at the same time.
 */
struct mail_text {
	struct buf plain, html; /* html: content of <body> */
};

void mail_text_init(struct mail_text *t);
void mail_text_free(struct mail_text *t);

/* Adds a paragraph. */
void mail_text_say(struct mail_text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Adds a line that only the plain text gets. */
void mail_text_plain(struct mail_text *t, const char *text);
/* Adds a paragraph with a link. */
void mail_text_link(struct mail_text *t, const char *text, const char *url);

/* mail_text_open writes the beginning of a mail whose body the report does not
 * define: the result of the run, and after a failure what comes next and what
 * to do. mail_text_close writes its end: which run it was and, with `place`,
 * where its output is. */
void mail_text_open(struct mail_text *t, const struct notice *n);
void mail_text_close(struct mail_text *t, const struct notice *n, bool place);

/* Returns the text as an HTML document, which the caller frees. `shown` is the
 * HTML of a report that follows the text: when it is a whole document, the text
 * is put into its body; NULL: none. */
char *mail_text_document(const struct mail_text *t, const char *shown);

/* Appends the template with {report_name}, {rows} and so on replaced by values
 * of the notice. `what` names the template in an error, such as "subject". -1:
 * an unknown name. */
int mail_text_expand(const struct notice *n, const char *what,
    const char *template, struct buf *to, struct err *e);

/* Formats a number of bytes, such as "12.3 MB"; the units are powers of
 * 1024. */
void mail_text_bytes(char to[static 32], int64_t bytes);

#endif
