/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "place/s3/object.h"
#include "place/s3/s3.h"
#include "place/s3/store.h"

/* https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html */
#define COPY_MAX ((int64_t)5 << 30)

/* Metadata of a copy: the ETag of its source. The copy's own is another one when
 * the source was uploaded in parts, or when it is encrypted in another way. */
#define META "x-amz-meta-"
#define MARK META "reportd-source-etag"
/* Bytes of names and values that the metadata of an object may have. */
#define META_MAX 2048

struct moving {
	struct s3_store store;
	struct place_move *m;
	char *etag; /* of the source, with quotes */
};

static int ask(const struct moving *g, const char *address,
    struct aws_request *r, struct aws_answer *answer, struct err *e)
{
	struct s3_target t;
	int rc;

	s3_target(&g->store, address, &t);
	r->host = t.host;
	r->path = t.path;
	rc = aws_send(g->store.aws, r, answer, e);
	s3_target_free(&t);
	return rc;
}

/* Compares the object of an answer with the source: of its ETag, or marked as a
 * whole copy of it. */
static bool is_the_same(const struct moving *g, const struct http_reply *reply)
{
	char found[128], length[32];

	http_header(reply, "etag", found, sizeof(found));
	if (strcmp(found, g->etag) == 0)
		return true;
	http_header(reply, MARK, found, sizeof(found));
	http_header(reply, "content-length", length, sizeof(length));
	return strcmp(found, g->m->version) == 0 &&
	       strtoll(length, NULL, 10) == g->m->size;
}

/* Says what lies at an address: 0: the object, or a copy of it; 1: none; 2:
 * another one. `answer` is the caller's to free. */
static int look_at(const struct moving *g, const char *address,
    struct aws_answer *answer, struct err *e)
{
	int rc = ask(g, address,
	    &(struct aws_request){.method = "HEAD", .operation = "HeadObject"},
	    answer, e);

	if (rc == 0)
		return is_the_same(g, &answer->http) ? 0 : 2;
	return answer->http.status == 404 ? 1 : rc;
}

static int look(const struct moving *g, const char *address, struct err *e)
{
	struct aws_answer answer;
	int rc = look_at(g, address, &answer, e);

	aws_answer_free(&answer);
	return rc;
}

/* "/bucket/key", escaped but for its slashes. */
static char *source_of(const char *address)
{
	struct buf b;

	buf_init(&b, 4096);
	http_escape(&b, address + strlen("s3:/"),
	    strlen(address) - strlen("s3:/"), true);
	return b.data;
}

/* Sends a PUT under the condition that no object has the key. Servers that know
 * no such condition (501) get it without: somebody has just looked. */
static int put_new(const struct moving *g, const char *to,
    struct aws_request *r, struct aws_answer *answer, struct err *e)
{
	int n = r->header_count;
	struct sigv4_pair *headers =
	    mem_zalloc(((size_t)n + 1) * sizeof(*headers));
	int rc;

	memcpy(headers, r->headers, (size_t)n * sizeof(*headers));
	headers[n] = (struct sigv4_pair){"if-none-match", "*"};
	r->headers = headers;
	r->header_count = n + 1;
	rc = ask(g, to, r, answer, e);
	if (rc != 0 && answer->http.status == 501) {
		aws_answer_free(answer);
		r->header_count = n;
		rc = ask(g, to, r, answer, e);
	}
	free(headers);
	return rc;
}

/* Checks that the copy has all bytes. */
static int check_copy(const struct moving *g, const char *to, struct err *e)
{
	struct aws_answer answer;
	char length[32];
	int rc = ask(g, to,
	    &(struct aws_request){.method = "HEAD", .operation = "HeadObject"},
	    &answer, e);

	if (rc == 0) {
		http_header(
		    &answer.http, "content-length", length, sizeof(length));
		if (strtoll(length, NULL, 10) != g->m->size)
			rc = err_set(e, ERR_TRANSIENT,
			    "%s has %s bytes, not %lld", to, length,
			    (long long)g->m->size);
	}
	aws_answer_free(&answer);
	return rc;
}

/* Says whether a header of an object describes it, and is to be said again of
 * its copy. */
static bool describes(const char *name)
{
	static const char *const names[] = {"content-type", "cache-control",
	    "content-disposition", "content-encoding", "content-language",
	    "expires"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return strncasecmp(name, META, strlen(META)) == 0 &&
	       strcasecmp(name, MARK) != 0;
}

/* Adds what describes the source, and the mark. Metadata that cannot be said
 * again, or beside which the mark has no room, are left to S3, which copies them
 * when it is told nothing: such a copy has no mark. */
static void add_description(const struct moving *g,
    const struct http_reply *source, struct s3_pairs *headers)
{
	struct s3_pairs found = {0};
	size_t bytes = strlen(MARK) - strlen(META) + strlen(g->m->version);
	char missing[16];

	http_header(source, "x-amz-missing-meta", missing, sizeof(missing));
	for (const char *at = source->headers.data; at != NULL && *at != '\0';
	     at += strspn(at, "\r\n")) {
		size_t len = strcspn(at, "\r\n"), n = strcspn(at, ":\r\n");
		char *name = mem_strndup(at, n);
		char *value =
		    mem_strndup(at + n + (n < len), len - n - (n < len));

		if (describes(name))
			s3_pairs_add(&found, name, value);
		if (strncasecmp(name, META, strlen(META)) == 0)
			bytes += strlen(name) - strlen(META) + strlen(value);
		free(name);
		free(value);
		at += len;
	}
	if (*missing == '\0' && bytes <= META_MAX) {
		s3_pairs_add(headers, "x-amz-metadata-directive", "REPLACE");
		s3_pairs_add(headers, MARK, g->m->version);
		for (int i = 0; i < found.count; i++)
			s3_pairs_add(
			    headers, found.list[i].name, found.list[i].value);
	}
	s3_pairs_free(&found);
}

static void copy_headers(const struct moving *g,
    const struct http_reply *described, struct s3_pairs *headers)
{
	char *source = source_of(g->m->address);

	s3_pairs_add(headers, "x-amz-copy-source", source);
	s3_pairs_add(headers, "x-amz-copy-source-if-match", g->etag);
	s3_add_encryption(headers, &g->store, NULL);
	add_description(g, described, headers);
	free(source);
}

/* Says why S3 has found a condition of a copy not fulfilled: 0: the copy is
 * there; 1: the source is gone; 2: the name is taken. */
static int explain_refusal(
    const struct moving *g, const char *to, struct err *e)
{
	int rc = look(g, g->m->address, e);

	if (rc != 0)
		return rc < 0 ? -1 : 1;
	rc = look(g, to, e);
	if (rc == 1)
		rc = err_set(e, ERR_PERMANENT,
		    "the server does not copy %s on the condition that its "
		    "ETag is %s, which it tells itself: move the object by "
		    "other means",
		    g->m->address, g->etag);
	return rc;
}

/* 0: copied; 1: the source is gone; 2: the name is taken. S3 may report an error
 * with status 200. */
static int send_copy(const struct moving *g, const char *to,
    const struct s3_pairs *headers, struct err *e)
{
	char code[64], *failure;
	struct aws_answer answer;
	int rc = put_new(g, to,
	    &(struct aws_request){.method = "PUT",
		.operation = "CopyObject",
		.headers = headers->list,
		.header_count = headers->count},
	    &answer, e);

	failure =
	    aws_xml_error(answer.http.body.data, answer.http.body.len, code);
	if (rc == 0 && failure != NULL)
		rc = err_set(
		    e, ERR_TRANSIENT, "CopyObject: %s: %s", code, failure);
	else if (rc != 0 && strcmp(answer.code, "NoSuchBucket") == 0)
		rc = err_wrap(e, "%s", to);
	else if (rc != 0 && answer.http.status == 404)
		rc = 1;
	else if (rc != 0 && answer.http.status == 412)
		rc = explain_refusal(g, to, e);
	free(failure);
	aws_answer_free(&answer);
	return rc;
}

/* Copies, and looks at the copy. Returns as send_copy. */
static int copy(const struct moving *g, const char *to, struct err *e)
{
	struct s3_pairs headers = {0};
	struct aws_answer answer;
	int rc = look_at(g, g->m->address, &answer, e);

	if (rc == 0) {
		copy_headers(g, &answer.http, &headers);
		rc = send_copy(g, to, &headers, e);
		s3_pairs_free(&headers);
	} else if (rc > 0) {
		rc = 1;
	}
	aws_answer_free(&answer);
	if (rc == 0)
		rc = check_copy(g, to, e);
	return rc;
}

/* Removes the source, unless it was replaced meanwhile: that is a new file, which
 * a server that knows no condition (501) would remove as well. */
static int remove_source(const struct moving *g, struct err *e)
{
	struct sigv4_pair header = {"if-match", g->etag};
	struct aws_answer answer;
	int rc = look(g, g->m->address, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	rc = ask(g, g->m->address,
	    &(struct aws_request){.method = "DELETE",
		.operation = "DeleteObject",
		.headers = &header,
		.header_count = 1},
	    &answer, e);
	if (rc != 0 && (answer.http.status == 412 || answer.http.status == 404))
		rc = 0;
	else if (rc != 0 && answer.http.status == 501)
		rc = err_set(e, ERR_PERMANENT,
		    "the server does not remove %s on the condition that its "
		    "ETag is %s; a copy is made: have the original removed by "
		    "other means",
		    g->m->address, g->etag);
	aws_answer_free(&answer);
	return rc;
}

static int write_reason(const struct moving *g, const char *to, struct err *e)
{
	static const struct sigv4_pair type = {
	    "content-type", "application/json"};
	char *address = mem_printf("%s.reason.json", to);
	struct aws_answer answer;
	int rc = put_new(g, address,
	    &(struct aws_request){.method = "PUT",
		.operation = "PutObject",
		.headers = &type,
		.header_count = 1,
		.body = g->m->reason,
		.body_len = strlen(g->m->reason)},
	    &answer, e);

	if (rc != 0 && answer.http.status == 412)
		rc = 0;
	aws_answer_free(&answer);
	free(address);
	return rc;
}

/* 0: it lies there; 1: the source is gone; 2: the name is taken. */
static int move_to(const struct moving *g, const char *to, struct err *e)
{
	int rc = look(g, to, e);

	if (rc == 1)
		rc = copy(g, to, e);
	if (rc == 0 && g->m->reason != NULL)
		rc = write_reason(g, to, e);
	if (rc == 0)
		rc = remove_source(g, e);
	if (rc == 0)
		g->m->moved_to = mem_strdup(to);
	return rc;
}

int s3_move(const struct place_lent *lent, struct place_move *m, struct err *e)
{
	struct moving g = {.m = m};
	int rc;

	if (m->size > COPY_MAX)
		return err_set(e, ERR_PERMANENT,
		    "%s has more than 5 GiB, which S3 copies in parts only: "
		    "move it by a rule of the bucket",
		    m->address);
	if (s3_store(&g.store, lent->services, e) != 0)
		return -1;
	g.etag = mem_printf("\"%s\"", m->version);
	rc = move_to(&g, m->to, e);
	if (rc == 2)
		rc = move_to(&g, m->otherwise, e);
	if (rc == 2)
		rc = err_set(
		    e, ERR_PERMANENT, "%s is there already", m->otherwise);
	if (rc == 1)
		err_set(e, ERR_TRANSIENT,
		    "%s was replaced or removed meanwhile", m->address);
	free(g.etag);
	return rc;
}
