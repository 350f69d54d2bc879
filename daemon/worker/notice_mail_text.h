/* SPDX-License-Identifier: MIT */
#ifndef WORKER_NOTICE_MAIL_TEXT_H
#define WORKER_NOTICE_MAIL_TEXT_H

#include "worker/notice.h"

/*
 * What a mail says, as plain text and as HTML, written side by side.
 */
struct mail_text {
	struct buf plain, html; /* of html: what is inside of <body> */
	bool in_table;
};

void mail_text_init(struct mail_text *t);
void mail_text_free(struct mail_text *t);

void mail_text_heading(struct mail_text *t, const char *text);
/* A line of the table: what it is, and its value. Empty values are left out. */
void mail_text_row(struct mail_text *t, const char *name, const char *value);
/* A paragraph. */
void mail_text_say(struct mail_text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A paragraph that ends with a link. */
void mail_text_link(struct mail_text *t, const char *text, const char *url);

/* The table of a notice: success or failure, and what to do about it. */
void mail_text_facts(struct mail_text *t, const struct notice *n);

/* The body as a document of its own; `shown` is HTML that follows what is said,
 * a document that it is put into; NULL: none. The caller's to free. */
char *mail_text_document(const struct mail_text *t, const char *shown);

/* Replaces {report_name}, {rows}, ... of the notice. `what` is for the message:
 * "subject". -1: an unknown name. */
int mail_text_expand(const struct notice *n, const char *what,
    const char *template, struct buf *to, struct err *e);

/* 1,234,567 and 12.3 MB. */
void mail_text_count(char to[static 32], int64_t n);
void mail_text_bytes(char to[static 32], int64_t bytes);

#endif
