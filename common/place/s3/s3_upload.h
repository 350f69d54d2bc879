/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_S3_UPLOAD_H
#define PLACE_S3_S3_UPLOAD_H

#include "place/s3/object.h"
#include "place/s3/s3.h"
#include "place/s3/store.h"

/* Shared by s3.c (puts bytes into parts), s3_upload.c (the requests of a multipart
 * upload) and publish.c (makes the object visible). */
struct s3_part {
	struct aws_call *call; /* NULL: not in flight */
	char *data;
	size_t len, room;
	int number;
	char number_text[12];
	struct sigv4_pair query[2];
};

struct s3 {
	struct sink base;
	struct s3_store store;
	char *place;
	struct s3_target target;
	struct s3_pairs headers;
	bool create_only;
	char *run_id, *report_id, *request_id; /* NULL: none */
	struct place_record *record;           /* NULL: no record is kept */

	/* one is filled, the others are in flight or free */
	struct s3_part *parts;
	struct s3_part *filling; /* NULL: nothing more will be written */
	int part_slots;
	int in_flight, in_flight_max;
	int64_t *held, own_held, holds;

	char *upload_id; /* NULL: there is no upload */
	char **etags;    /* one for each part; NULL: not known yet */
	int count;       /* number of parts sent */
	int64_t bytes;
};

/* Functions of s3_upload.c. */

/* Sends the filled part; waits first while too many parts are in flight. -1 also
 * when an earlier part has failed. */
int s3_upload_part(struct s3 *s, struct err *e);
/* Moves the parts in flight without waiting. */
int s3_upload_pump(struct s3 *s, struct err *e);
/* Waits until no part is in flight; -1 when one has failed. */
int s3_upload_settle(struct s3 *s, struct err *e);
/* Drops the parts in flight and ends the upload, within S3_ABORT_MS. */
void s3_upload_abort(struct s3 *s);
/* Puts "s3://bucket/key: " before the error and adds what to do about it.
 * Returns -1. */
int s3_explain(const struct s3 *s, const struct aws_answer *answer,
    const char *action, struct err *e);

/* Functions of publish.c. */
int s3_publish(
    struct sink *sink, const struct sink_terms *terms, struct err *e);

#endif
