/* SPDX-License-Identifier: MIT */
#include "place/s3/s3.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "place/s3/store.h"

/* Bytes of one page: up to 1,000 keys of up to 1,024 bytes, each of which may
 * be written as an entity of six bytes. */
#define PAGE_MAX ((size_t)8 << 20)

static int send(const struct s3_store *store, const struct s3_target *t,
    struct aws_request *r, struct aws_answer *answer, struct err *e)
{
	r->host = t->host;
	r->path = t->path;
	return aws_send(store->aws, r, answer, e);
}

struct listing {
	struct s3_store store;
	const char *prefix;
	int64_t deadline_ms;
	bool unstoppable;
	bool gone;   /* there is no such bucket */
	char *token; /* where the next page begins; NULL: no more pages */
	place_each *each;
	void *arg;
};

/* Calls the listing's callback with the address of a key, which is in the
 * bucket of the prefix. */
static int meet(struct listing *l, const char *key, int64_t size, struct err *e)
{
	const char *slash = strchr(l->prefix + strlen("s3://"), '/');
	char *address =
	    mem_printf("%.*s/%s", (int)(slash - l->prefix), l->prefix, key);
	int rc = l->each(l->arg, address, size, e);

	free(address);
	return rc;
}

/* Reads all <Contents> elements of a page. */
static int list_page(struct listing *l, const char *xml, struct err *e)
{
	const char *object;
	size_t len;
	int rc = 0;

	while (rc == 0 &&
	       (object = aws_xml_next(&xml, "Contents", &len)) != NULL) {
		char *key = aws_xml_text(object, len, "Key");
		char *text = aws_xml_text(object, len, "Size");
		int64_t size;

		if (key == NULL || text == NULL || str_to_i64(text, &size) != 0)
			rc = err_set(e, ERR_TRANSIENT,
			    "S3: an object in the listing has no name or size");
		else
			rc = meet(l, key, size, e);
		free(key);
		free(text);
	}
	return rc;
}

static int list_some(
    struct listing *l, const struct s3_target *t, struct err *e)
{
	char *path = t->host ? mem_strdup("/") : mem_printf("/%s", t->bucket);
	struct s3_target bucket = {.host = t->host, .path = path};
	struct sigv4_pair query[3] = {{"list-type", "2"}, {"prefix", t->key},
	    {"continuation-token", l->token}};
	struct aws_request r = {.method = "GET",
	    .query = query,
	    .query_count = l->token ? 3 : 2,
	    .reply_max = PAGE_MAX,
	    .unstoppable = l->unstoppable,
	    .deadline_ms = l->deadline_ms};
	struct aws_answer answer;
	int rc = send(&l->store, &bucket, &r, &answer, e);

	free(l->token);
	l->token = NULL;
	if (rc == 0 && answer.http.body.len > 0) {
		const struct buf *xml = &answer.http.body;

		l->token =
		    aws_xml_text(xml->data, xml->len, "NextContinuationToken");
		rc = list_page(l, xml->data, e);
	}
	l->gone = strcmp(answer.code, "NoSuchBucket") == 0;
	aws_answer_free(&answer);
	free(path);
	return rc;
}

static int list(struct listing *l, const struct place_lent *lent, struct err *e)
{
	struct s3_target t;
	int rc;

	if (s3_store(&l->store, lent->services, e) != 0)
		return -1;
	s3_target(&l->store, l->prefix, &t);
	do {
		rc = list_some(l, &t, e);
	} while (rc == 0 && l->token != NULL);
	free(l->token);
	s3_target_free(&t);
	return rc == 0 ? 0 : err_wrap(e, "%s", l->prefix);
}

int s3_list(const struct place_lent *lent, const char *prefix, place_each *each,
    void *arg, struct err *e)
{
	return list(
	    &(struct listing){.prefix = prefix, .each = each, .arg = arg}, lent,
	    e);
}

static int remove_one(
    void *arg, const char *address, int64_t size, struct err *e)
{
	const struct listing *l = arg;
	struct aws_answer answer;
	struct s3_target t;
	int rc;

	(void)size;
	s3_target(&l->store, address, &t);
	rc = send(&l->store, &t,
	    &(struct aws_request){.method = "DELETE",
		.unstoppable = l->unstoppable,
		.deadline_ms = l->deadline_ms},
	    &answer, e);
	aws_answer_free(&answer);
	s3_target_free(&t);
	return rc;
}

int s3_remove(const struct place_lent *lent, const char *prefix,
    int64_t deadline_ms, struct err *e)
{
	struct listing l = {.prefix = prefix,
	    .deadline_ms = deadline_ms,
	    .unstoppable = true,
	    .each = remove_one};

	l.arg = &l;
	/* Nothing is left in a bucket that was removed as a whole. */
	return list(&l, lent, e) == 0 || l.gone ? 0 : -1;
}
