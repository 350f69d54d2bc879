/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_OBJECT_H
#define PLACE_S3_OBJECT_H

#include "base/json.h"
#include "net/aws/sigv4.h"
#include "place/s3/store.h"

/*
 * What the requests of an upload say: pure functions, so that each can be held
 * against S3's rules.
 */
#define S3_PARTS_MAX 10000
#define S3_PART_MAX ((int64_t)5 << 30)

/* Of the n-th part, from 1, in bytes. 4,000 parts have the size `base`, then it
 * doubles every 600 parts, so that from 5 MiB on 10,000 parts hold 5 TiB while
 * smaller objects are made with small buffers. */
int64_t s3_part_size(int64_t base, int number);

/* Names and values of headers or of a query, all its own. */
struct s3_pairs {
	struct sigv4_pair *list;
	int count;
};
void s3_pairs_add(struct s3_pairs *p, const char *name, const char *value);
void s3_pairs_free(struct s3_pairs *p);

/* What an object is made with. */
struct s3_about {
	const json_t *options; /* output_options' "s3"; NULL: none */
	const char *media_type;
	/* Metadata, so that the object says where it is from; NULL: nothing. */
	const char *run_id, *report, *report_id, *scheduled_for;
};

/* The headers of CreateMultipartUpload and PutObject. */
void s3_object_headers(const struct s3_store *store, const char *key,
    const struct s3_about *about, struct s3_pairs *headers);

/* A value of x-amz-meta-*: what is not ASCII as an RFC 2047 word. */
void s3_metadata_value(struct buf *to, const char *text);
/* RFC 6266: the last segment of the key as the file's name. */
void s3_disposition(struct buf *to, const char *type, const char *key);

/* The body of CompleteMultipartUpload. */
void s3_complete_body(struct buf *to, char *const *etags, int count);

#endif
