/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_MAIL_REPORT_H
#define NOTICE_MAIL_REPORT_H

#include <stdbool.h>

#include "net/mail/mime.h"
#include "notice/notice.h"
#include "place/place.h"

/*
 * An output of the run that is read back for a mail, or linked to. Its size and
 * SHA-256 are compared, so that a mail never contains anything that the run has
 * not made.
 */
struct mail_report {
	const char *url; /* as in the record of the run */
	char *place;     /* address of the output */
	/* Name of the file, with an underscore for what nobody sees. */
	char *name;
	const char *type; /* its media type */
	char *shown;      /* the name as notice_show writes it */
	int64_t rows, bytes;
	const char *sha256; /* "": unknown */

	/* State of reading. */
	struct place_lent lent;
	struct place_reader *reader; /* NULL: not open */
	int64_t done;
	void *digest;
};

struct mail_reports {
	struct mail_report *list;
	int count;
};

/* Finds all outputs of the run, which may be none. */
int mail_reports_open(struct services *services, const struct notice *n,
    struct mail_reports *r, struct err *e);
void mail_reports_free(struct mail_reports *r);

/* Opens the report for reading; the error is transient when the file is not
 * there. Afterwards the report can be the `arg` of a mime_attachment, and
 * mail_report_read its `read`. */
int mail_report_begin(struct mail_report *r, struct err *e);
int mail_report_read(void *arg, char *to, size_t len, struct err *e);
/* Reads the whole report, a page of HTML, and leaves out its script; the caller
 * frees the text. NULL on error. */
char *mail_report_shown(struct mail_report *r, struct err *e);

/* Makes a URL at which people find the report, which the caller frees, and the
 * time when it expires (seconds since 1970). A file has no URL: *url is NULL
 * then, without an error. */
int mail_report_link(
    struct mail_report *r, char **url, int64_t *ends, struct err *e);

#endif
