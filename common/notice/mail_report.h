/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_MAIL_REPORT_H
#define NOTICE_MAIL_REPORT_H

#include <stdbool.h>

#include "net/mail/mime.h"
#include "notice/notice.h"
#include "place/s3/place.h"

/*
 * An output of the run, as it was published: read back for a mail, or linked to.
 * It is what the run has made, or nothing: size and SHA-256 are compared.
 */
struct mail_report {
	const char *url;         /* of the run */
	char *place;             /* a path, or s3://bucket/key */
	const char *name, *type; /* of the file; what is in it */
	int64_t rows, bytes;
	const char *sha256; /* "": unknown */

	/* While it is read. */
	struct services *services;
	int fd; /* -1: it is in S3, or not open */
	int64_t done;
	struct buf chunk; /* of S3's */
	size_t chunk_done;
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

/* Where people find it: for S3 a URL (the caller's to free) and when it ends,
 * seconds since 1970; for a file NULL with *e untouched when it is there. */
int mail_report_link(
    struct mail_report *r, char **url, int64_t *ends, struct err *e);

#endif
