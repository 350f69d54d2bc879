/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "place/glob.h"
#include "place/s3/s3.h"
#include "place/s3/scheme.h"
#include "place/s3/store.h"

/* Bytes of one answer: up to 1,000 keys of up to 1,024 bytes, each of which may
 * be written as an entity of six bytes. */
#define ANSWER_MAX ((size_t)8 << 20)
/* Keys to look at in one search: after that, another one goes on. */
#define KEYS_MAX 20000

struct search {
	struct place_scan *scan;
	struct s3_store store;
	struct s3_target target; /* of the bucket */
	char *prefix;            /* keys to look at */
	char *token;             /* of the next answer; NULL: no more */
	char *last;              /* address that was looked at last */
};

/* Objects of these classes must be restored before they can be read. */
static const char *fault_of(const char *class)
{
	if (class != NULL && (strcmp(class, "GLACIER") == 0 ||
				 strcmp(class, "DEEP_ARCHIVE") == 0))
		return "it lies in the archive of S3 (GLACIER): restore it, or "
		       "copy it to another storage class";
	return NULL;
}

static char *without_quotes(char *etag)
{
	size_t n = etag ? strlen(etag) : 0;

	if (n >= 2 && etag[0] == '"' && etag[n - 1] == '"') {
		memmove(etag, etag + 1, n - 2);
		etag[n - 2] = '\0';
	}
	return etag;
}

/* Meets the object of one <Contents>, when its key is wanted. */
static int meet(struct search *s, const char *xml, size_t len, struct err *e)
{
	char *size_text = aws_xml_text(xml, len, "Size");
	char *etag = without_quotes(aws_xml_text(xml, len, "ETag"));
	char *time = aws_xml_text(xml, len, "LastModified");
	char *class = aws_xml_text(xml, len, "StorageClass");
	int64_t size;
	int rc;

	if (etag == NULL || size_text == NULL ||
	    str_to_i64(size_text, &size) != 0)
		rc = err_set(e, ERR_TRANSIENT,
		    "S3: %s in the listing has no ETag or size", s->last);
	else
		rc = s->scan->meet(s->scan->arg,
		    &(struct place_file){.address = s->last,
			.version = etag,
			.size = size,
			.modified_ms = (int64_t)aws_time(time) * 1000,
			.fault = fault_of(class)},
		    e);
	free(size_text);
	free(etag);
	free(time);
	free(class);
	return rc;
}

static int look_at(struct search *s, const char *xml, size_t len, struct err *e)
{
	char *key = aws_xml_text(xml, len, "Key");

	if (key == NULL)
		return err_set(e, ERR_TRANSIENT,
		    "S3: an object in the listing has no name");
	free(s->last);
	s->last = mem_printf("s3://%s/%s", s->target.bucket, key);
	s->scan->looked++;
	if (glob_is_partial(key) || str_has_control(key) ||
	    !glob_matches(s->scan->pattern, s->last)) {
		free(key);
		return 0;
	}
	free(key);
	return meet(s, xml, len, e);
}

/* Reads the objects of an answer; 1: the search ends with the last one. */
static int read_answer(struct search *s, const char *xml, struct err *e)
{
	const char *object;
	size_t len;
	int rc = 0;

	while (
	    rc == 0 && (object = aws_xml_next(&xml, "Contents", &len)) != NULL)
		rc = look_at(s, object, len, e);
	if (rc == 1 && s->token == NULL &&
	    aws_xml_next(&xml, "Contents", &len) == NULL)
		return 0;
	return rc;
}

static int ask(struct search *s, const char *after, struct err *e)
{
	struct sigv4_pair query[5] = {{"list-type", "2"}};
	struct aws_answer answer;
	struct aws_request r = {.method = "GET",
	    .operation = "ListObjectsV2",
	    .host = s->target.host,
	    .path = s->target.host ? "/" : s->target.path,
	    .query = query,
	    .reply_max = ANSWER_MAX};
	int n = 1, rc;

	query[n++] = (struct sigv4_pair){"prefix", s->prefix};
	if (glob_is_flat(s->scan->pattern))
		query[n++] = (struct sigv4_pair){"delimiter", "/"};
	if (s->token != NULL)
		query[n++] =
		    (struct sigv4_pair){"continuation-token", s->token};
	else if (after != NULL)
		query[n++] = (struct sigv4_pair){"start-after", after};
	r.query_count = n;
	rc = aws_send(s->store.aws, &r, &answer, e);
	free(s->token);
	s->token = NULL;
	if (rc == 0 && answer.http.body.len > 0) {
		const struct buf *xml = &answer.http.body;

		s->token =
		    aws_xml_text(xml->data, xml->len, "NextContinuationToken");
		rc = read_answer(s, xml->data, e);
	}
	aws_answer_free(&answer);
	return rc;
}

static int search(struct search *s, struct err *e)
{
	const char *after = s->scan->after;
	int rc;

	if (after != NULL)
		after += S3_SCHEME_LEN + strlen(s->target.bucket) + 1;
	do {
		rc = ask(s, after, e);
		if (rc == 0 && s->token != NULL && s->scan->looked >= KEYS_MAX)
			rc = 1;
	} while (rc == 0 && s->token != NULL);
	if (rc == 1)
		s->scan->next = mem_strdup(s->last);
	return rc < 0 ? -1 : 0;
}

/* The bucket alone as the target: /bucket, or its host. */
static void aim(struct search *s, const char *pattern)
{
	char *bucket = mem_strndup(
	    pattern + S3_SCHEME_LEN, strcspn(pattern + S3_SCHEME_LEN, "/"));
	char *address = mem_printf("s3://%s", bucket);
	size_t skip = S3_SCHEME_LEN + strlen(bucket) + 1;

	s3_target(&s->store, address, &s->target);
	s->prefix = mem_strndup(pattern + skip, glob_literal(pattern) - skip);
	free(address);
	free(bucket);
}

int s3_scan(
    const struct place_lent *lent, struct place_scan *scan, struct err *e)
{
	struct search s = {.scan = scan};
	int rc;

	if (s3_store(&s.store, lent->services, e) != 0)
		return -1;
	aim(&s, scan->pattern);
	rc = search(&s, e);
	s3_target_free(&s.target);
	free(s.prefix);
	free(s.token);
	free(s.last);
	return rc;
}
