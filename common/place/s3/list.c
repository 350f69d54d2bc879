/* SPDX-License-Identifier: MIT */
#include "place/s3/list.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* A page has up to 1,000 keys of up to 1,024 bytes, each of which may be an
 * entity of six. */
#define PAGE_MAX ((size_t)8 << 20)

static int send(const struct s3_store *store, const struct s3_target *t,
    struct aws_request *r, struct aws_answer *answer, struct err *e)
{
	r->host = t->host;
	r->path = t->path;
	return aws_send(store->aws, r, answer, e);
}

int s3_get(const struct s3_store *store, const char *place, size_t most,
    struct aws_answer *answer, struct err *e)
{
	struct s3_target t;
	int rc;

	s3_target(store, place, &t);
	rc = send(store, &t,
	    &(struct aws_request){.method = "GET", .reply_max = most}, answer,
	    e);
	s3_target_free(&t);
	return rc == 0 ? 0 : err_wrap(e, "%s", place);
}

/* All <Contents> of a page. */
static int list_page(const char *xml, s3_each *each, void *arg, struct err *e)
{
	static const char open[] = "<Contents>", close[] = "</Contents>";
	const char *from = xml, *to;
	int rc = 0;

	while (rc == 0 && (from = strstr(from, open)) != NULL &&
	       (to = strstr(from, close)) != NULL) {
		size_t len = (size_t)(to - from) + strlen(close);
		char *key = aws_xml_text(from, len, "Key");
		char *text = aws_xml_text(from, len, "Size");
		int64_t size;

		if (key == NULL || text == NULL || str_to_i64(text, &size) != 0)
			rc = err_set(e, ERR_TRANSIENT,
			    "S3: an object of the list has no name or size");
		else
			rc = each(arg, key, size, e);
		free(key);
		free(text);
		from += len;
	}
	return rc;
}

struct listing {
	const struct s3_store *store;
	const char *prefix;
	int64_t deadline_ms;
	bool unstoppable;
	char *token; /* where the next page begins; NULL: nowhere */
	s3_each *each;
	void *arg;
};

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
	int rc = send(l->store, &bucket, &r, &answer, e);

	free(l->token);
	l->token = NULL;
	if (rc == 0 && answer.http.body.len > 0) {
		const struct buf *xml = &answer.http.body;

		l->token =
		    aws_xml_text(xml->data, xml->len, "NextContinuationToken");
		rc = list_page(xml->data, l->each, l->arg, e);
	}
	aws_answer_free(&answer);
	free(path);
	return rc;
}

static int list(struct listing *l, struct err *e)
{
	struct s3_target t;
	int rc;

	s3_target(l->store, l->prefix, &t);
	do {
		rc = list_some(l, &t, e);
	} while (rc == 0 && l->token != NULL);
	free(l->token);
	s3_target_free(&t);
	return rc == 0 ? 0 : err_wrap(e, "%s", l->prefix);
}

int s3_list(const struct s3_store *store, const char *prefix, s3_each *each,
    void *arg, struct err *e)
{
	return list(
	    &(struct listing){
		.store = store, .prefix = prefix, .each = each, .arg = arg},
	    e);
}

static int remove_one(void *arg, const char *key, int64_t size, struct err *e)
{
	const struct listing *l = arg;
	const char *bucket = strchr(l->prefix, ':') + 3;
	char *place =
	    mem_printf("s3://%.*s/%s", (int)strcspn(bucket, "/"), bucket, key);
	struct aws_answer answer;
	struct s3_target t;
	int rc;

	(void)size;
	s3_target(l->store, place, &t);
	rc = send(l->store, &t,
	    &(struct aws_request){.method = "DELETE",
		.unstoppable = l->unstoppable,
		.deadline_ms = l->deadline_ms},
	    &answer, e);
	aws_answer_free(&answer);
	s3_target_free(&t);
	free(place);
	return rc;
}

int s3_remove(const struct s3_store *store, const char *prefix,
    int64_t deadline_ms, struct err *e)
{
	struct listing l = {.store = store,
	    .prefix = prefix,
	    .deadline_ms = deadline_ms,
	    .unstoppable = true,
	    .each = remove_one};

	l.arg = &l;
	return list(&l, e);
}
