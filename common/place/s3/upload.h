/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_UPLOAD_H
#define PLACE_S3_UPLOAD_H

#include "place/s3/object.h"
#include "place/s3/s3.h"
#include "place/s3/store.h"

/* What s3.c (bytes into parts), s3_upload.c (the requests of a multipart upload)
 * and s3_publish.c (the moment it appears) share. */
struct s3_part {
	struct aws_call *call; /* NULL: not under way */
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
	char *run_id, *report_id, *scheduled_for; /* NULL: none */
	struct place_record *record;              /* NULL: nobody keeps one */

	struct s3_part *parts;   /* of them one is filled, the others leave */
	struct s3_part *filling; /* NULL: nothing more is to come */
	int part_slots;
	int in_flight, in_flight_max;
	int64_t *held, own_held, holds;

	char *upload_id; /* NULL: there is no upload */
	char **etags;    /* by part; NULL: not there yet */
	int count;       /* parts sent */
	int64_t bytes;
};

/* s3_upload.c */

/* The filled part leaves; -1 also when one before it has failed. Waits until
 * there is a place for it. */
int s3_upload_part(struct s3 *s, struct err *e);
/* Moves what is under way without waiting. */
int s3_upload_pump(struct s3 *s, struct err *e);
/* Waits for all parts. */
int s3_upload_settle(struct s3 *s, struct err *e);
/* Ends it, within S3_ABORT_MS; no parts are under way then. */
void s3_upload_abort(struct s3 *s);
/* "s3://bucket/key: ..." with what to do about it. Returns -1. */
int s3_explain(const struct s3 *s, const struct aws_answer *answer,
    const char *action, struct err *e);

/* s3_publish.c */
int s3_publish(
    struct sink *sink, const struct sink_terms *terms, struct err *e);

#endif
