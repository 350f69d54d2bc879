/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_MAIL_REPORT_H
#define NOTICE_MAIL_REPORT_H

#include <stdbool.h>

#include "net/mail/mime.h"
#include "notice/notice.h"
#include "place/place.h"

/*
 * An output of the run, as it was published: read back for a mail, or linked to.
 * It is what the run has made, or nothing: size and SHA-256 are compared.
 */
struct mail_report {
	const char *url;         /* of the run */
	char *place;             /* its address */
	const char *name, *type; /* of the file; what is in it */
	char *shown;             /* the name as notice_show has it */
	int64_t rows, bytes;
	const char *sha256; /* "": unknown */

	/* While it is read. */
	struct place_lent lent;
	struct place_reader *reader; /* NULL: not open */
	int64_t done;
	void *digest;
};

struct mail_reports {
	struct mail_report *list;
	int count;
};

/* All outputs of the run; none when it made none. */
int mail_reports_open(struct services *services, const struct notice *n,
    struct mail_reports *r, struct err *e);
void mail_reports_free(struct mail_reports *r);

/* Begins to read; transient when it is not here. Then a mime_attachment whose
 * `arg` the report is. */
int mail_report_begin(struct mail_report *r, struct err *e);
int mail_report_read(void *arg, char *to, size_t len, struct err *e);
/* The whole of it, the caller's to free. */
char *mail_report_text(struct mail_report *r, struct err *e);

/* Where people find it: a URL (the caller's to free) and when it ends, seconds
 * since 1970; NULL with *e untouched for a file, which is where it is. */
int mail_report_link(
    struct mail_report *r, char **url, int64_t *ends, struct err *e);

#endif
