/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_MAIL_TEXT_H
#define NOTICE_MAIL_TEXT_H

#include "notice/notice.h"

/*
 * What a mail says, as plain text and as HTML, written side by side.
 */
struct mail_text {
	struct buf plain, html; /* of html: what is inside of <body> */
};

void mail_text_init(struct mail_text *t);
void mail_text_free(struct mail_text *t);

void mail_text_heading(struct mail_text *t, const char *text);
/* A paragraph. */
void mail_text_say(struct mail_text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* What somebody else has said, set off. */
void mail_text_quote(struct mail_text *t, const char *text);
/* For those alone who read the plain text. */
void mail_text_plain(struct mail_text *t, const char *text);
/* What only those look at who search. */
void mail_text_small(struct mail_text *t, const char *text);
/* A paragraph about a link, with it. */
void mail_text_link(struct mail_text *t, const char *text, const char *url);

/* How a mail begins that has no body of its own: what became of the run and, of a
 * failure, what comes next and what to do. And how it ends: which run, and with
 * `place` where its output is. */
void mail_text_open(struct mail_text *t, const struct notice *n);
void mail_text_close(struct mail_text *t, const struct notice *n, bool place);

/* The body as a document of its own; `shown` is HTML that follows what is said,
 * a document that it is put into; NULL: none. The caller's to free. */
char *mail_text_document(const struct mail_text *t, const char *shown);

/* Replaces {report_name}, {rows}, ... of the notice. `what` is for the message:
 * "subject". -1: an unknown name. */
int mail_text_expand(const struct notice *n, const char *what,
    const char *template, struct buf *to, struct err *e);

/* 12.3 MB. */
void mail_text_bytes(char to[static 32], int64_t bytes);

#endif
