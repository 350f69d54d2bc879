/* SPDX-License-Identifier: MIT */
#ifndef PLACE_S3_OBJECT_H
#define PLACE_S3_OBJECT_H

#include "base/json.h"
#include "net/aws/sigv4.h"
#include "place/s3/store.h"

/*
 * The headers and bodies of an upload's requests, made by pure functions, so
 * that tests can compare each with the rules of S3.
 */
#define S3_PARTS_MAX 10000
#define S3_PART_MAX ((int64_t)5 << 30)

/* Returns the size in bytes of the n-th part, counted from 1. The first 4,000
 * parts have the size `base`; after them it doubles every 600 parts. So with a
 * base of 5 MiB, 10,000 parts hold 5 TiB, while smaller objects are made with
 * small buffers. */
int64_t s3_part_size(int64_t base, int number);

/* Names and values of headers or of a query; the list owns all of them. */
struct s3_pairs {
	struct sigv4_pair *list;
	int count;
};
void s3_pairs_add(struct s3_pairs *p, const char *name, const char *value);
void s3_pairs_free(struct s3_pairs *p);

/* The properties of an object to be made. */
struct s3_about {
	const json_t *options; /* output_options' "s3"; NULL: none */
	const char *media_type;
	/* Metadata that tells the origin of the object; NULL: none. */
	const char *run_id, *report, *report_id, *request_id, *scheduled_for;
};

/* Adds the headers that ask for encryption: as the options "s3" of a report say, or
 * else the settings. options NULL: none. */
void s3_add_encryption(struct s3_pairs *headers, const struct s3_store *store,
    const json_t *options);

/* Makes the headers of CreateMultipartUpload and PutObject. */
void s3_object_headers(const struct s3_store *store, const char *key,
    const struct s3_about *about, struct s3_pairs *headers);

/* Appends a value of x-amz-meta-*; one that is not printable ASCII is written
 * as an RFC 2047 word. */
void s3_metadata_value(struct buf *to, const char *text);
/* Appends a Content-Disposition (RFC 6266) that names the file after the last
 * segment of the key, with an underscore for what nobody sees. */
void s3_disposition(struct buf *to, const char *type, const char *key);

/* Appends the body of CompleteMultipartUpload. */
void s3_complete_body(struct buf *to, char *const *etags, int count);

#endif
