/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "place/s3/s3_upload.h"

/* LOOK_MS limits a HEAD request that looks for the object, and the wait for a
 * late success, in which HEAD requests follow each other after LINGER_MS. */
#define LOOK_MS 30000
#define LINGER_MS 1000
#define BACKOFF_MS 200
#define BACKOFF_MAX_MS 5000
#define COMPLETE_MAX (2u << 20)

/* The kind of object that has the key. */
enum found {
	NOTHING, /* none, or the server did not tell */
	OURS,    /* this very output */
	EARLIER, /* an earlier attempt's: same report, same time */
	OTHER,
};

static bool header_is(
    const struct aws_answer *answer, const char *name, const char *expected)
{
	struct buf value;
	char found[1024];
	bool same;

	if (expected == NULL)
		return false;
	http_header(&answer->http, name, found, sizeof(found));
	buf_init(&value, sizeof(found));
	s3_metadata_value(&value, expected);
	same = !value.overflow && strcmp(found, value.data) == 0;
	buf_free(&value);
	return same;
}

static enum found judge(const struct s3 *s, const struct aws_answer *answer)
{
	char bytes[32];

	snprintf(bytes, sizeof(bytes), "%" PRId64, s->bytes);
	if (header_is(answer, "x-amz-meta-run-id", s->run_id) &&
	    header_is(answer, "content-length", bytes))
		return OURS;
	if (header_is(answer, "x-amz-meta-report-id", s->report_id) &&
	    header_is(answer, "x-amz-meta-request-id", s->request_id))
		return EARLIER;
	return OTHER;
}

static enum found look(const struct s3 *s)
{
	enum found found = NOTHING;
	struct aws_answer answer;
	struct err unused;

	if (aws_send(s->store.aws,
		&(struct aws_request){.method = "HEAD",
		    .operation = "HeadObject",
		    .host = s->target.host,
		    .path = s->target.path,
		    .unstoppable = true,
		    .deadline_ms = clock_boot_ms() + LOOK_MS},
		&answer, &unused) == 0)
		found = judge(s, &answer);
	aws_answer_free(&answer);
	return found;
}

static bool expired(const struct sink_terms *terms)
{
	return terms->until_ms != 0 && clock_boot_ms() >= terms->until_ms;
}

static int say_expired(const struct s3 *s, struct err *e)
{
	return err_set(e, ERR_TRANSIENT,
	    "%s: the lease might have ended before it was published", s->place);
}

static int say_exists(const struct s3 *s, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "%s is there already, and with the option \"create_only\" nothing "
	    "is replaced",
	    s->place);
}

/* S3 may report an error of CompleteMultipartUpload with status 200. */
static int read_completed(const struct aws_answer *answer, struct err *e)
{
	const struct buf *body = &answer->http.body;
	char *code, *message;

	if (body->len > 0 &&
	    strstr(body->data, "CompleteMultipartUploadResult") != NULL)
		return 0;
	code = aws_xml_text(body->data, body->len, "Code");
	message = aws_xml_text(body->data, body->len, "Message");
	err_set(e, ERR_TRANSIENT,
	    "CompleteMultipartUpload: HTTP 200, but the answer is %s: %s",
	    code ? code : "empty", message ? message : "");
	free(code);
	free(message);
	return -1;
}

static int send_complete(struct s3 *s, const struct sink_terms *terms,
    bool condition, struct aws_answer *answer, struct err *e)
{
	static const struct sigv4_pair headers[] = {
	    {"content-type", "application/xml"}, {"if-none-match", "*"}};
	struct sigv4_pair query[] = {{"uploadId", s->upload_id}};
	struct buf body;
	int rc;

	buf_init(&body, COMPLETE_MAX);
	s3_complete_body(&body, s->etags, s->count);
	rc = aws_send(s->store.aws,
	    &(struct aws_request){.method = "POST",
		.operation = "CompleteMultipartUpload",
		.host = s->target.host,
		.path = s->target.path,
		.query = query,
		.query_count = 1,
		.headers = headers,
		.header_count = condition ? 2 : 1,
		.body = body.data,
		.body_len = body.len,
		.once = true,
		.unstoppable = true,
		.deadline_ms = terms->until_ms},
	    answer, e);
	buf_free(&body);
	return rc != 0 ? rc : read_completed(answer, e);
}

static int send_put(struct s3 *s, const struct sink_terms *terms,
    bool condition, struct aws_answer *answer, struct err *e)
{
	struct s3_pairs headers = {0};
	char rows[32];
	int rc;

	for (int i = 0; i < s->headers.count; i++)
		s3_pairs_add(&headers, s->headers.list[i].name,
		    s->headers.list[i].value);
	if (terms->rows >= 0) {
		snprintf(rows, sizeof(rows), "%" PRId64, terms->rows);
		s3_pairs_add(&headers, "x-amz-meta-rows", rows);
	}
	if (*terms->sha256 != '\0')
		s3_pairs_add(&headers, "x-amz-meta-sha256", terms->sha256);
	if (condition)
		s3_pairs_add(&headers, "if-none-match", "*");
	rc = aws_send(s->store.aws,
	    &(struct aws_request){.method = "PUT",
		.operation = "PutObject",
		.host = s->target.host,
		.path = s->target.path,
		.headers = headers.list,
		.header_count = headers.count,
		.body = s->filling->data,
		.body_len = s->filling->len,
		/* a repeat would find the object of the first PUT */
		.once = condition,
		.unstoppable = true,
		.deadline_ms = terms->until_ms},
	    answer, e);
	s3_pairs_free(&headers);
	return rc;
}

static int try_once(struct s3 *s, const struct sink_terms *terms,
    bool condition, struct aws_answer *answer, struct err *e)
{
	return s->upload_id != NULL
		   ? send_complete(s, terms, condition, answer, e)
		   : send_put(s, terms, condition, answer, e);
}

/* Decides after a failed try. 0: the object is visible after all; 1: try once
 * more; -1: give up. */
static int after_failure(struct s3 *s, const struct aws_answer *answer,
    bool *condition, struct err *e)
{
	int status = answer->http.status;
	/* S3 rejected the request itself, so nothing was stored. Three codes
	 * do not tell that: 404 may answer a repeated Complete, 412 a repeated
	 * PUT, and 409 a request that met another one. After those the object
	 * is looked up. */
	bool refused = status / 100 == 4 && e->kind == ERR_PERMANENT &&
		       status != 404 && status != 409 && status != 412;
	enum found found = refused ? NOTHING : look(s);

	if (found == OURS)
		return 0;
	/* 412: the key is taken. 501: this server supports no conditions, so
	 * the object that was looked up decides. */
	if ((status == 412 || status == 501) && *condition) {
		*condition = false;
		return found == EARLIER || (found == NOTHING && status == 501)
			   ? 1
			   : say_exists(s, e);
	}
	s3_explain(s, answer, "s3:PutObject", e);
	return e->kind == ERR_TRANSIENT || status == 409 ? 1 : -1;
}

static void wait_a_while(int64_t ms)
{
	const struct timespec some = {
	    .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&some, NULL);
}

/* No try is left, but the last one got no answer and may still take effect:
 * looks for the object until LOOK_MS have passed. */
static int linger(const struct s3 *s)
{
	int64_t end = clock_boot_ms() + LOOK_MS;

	while (clock_boot_ms() < end) {
		if (look(s) == OURS)
			return 0;
		wait_a_while(LINGER_MS);
	}
	return -1;
}

/* Makes the object visible. When the outcome of a try is unknown, the object is
 * looked up, so that nothing is guessed. */
static int appear(struct s3 *s, const struct sink_terms *terms, struct err *e)
{
	bool condition = s->create_only;
	int64_t wait = BACKOFF_MS;
	struct aws_answer answer;
	int rc, status;

	/* Some servers ignore a condition on CompleteMultipartUpload, so the
	 * key is looked up first. */
	if (condition && s->upload_id != NULL) {
		enum found found = look(s);

		if (found == OTHER)
			return say_exists(s, e);
		condition = found == NOTHING;
	}
	for (bool tried = false;; tried = true) {
		if (expired(terms))
			return tried ? -1 : say_expired(s, e);
		rc = try_once(s, terms, condition, &answer, e);
		if (rc != 0)
			rc = after_failure(s, &answer, &condition, e);
		status = answer.http.status;
		aws_answer_free(&answer);
		if (rc <= 0)
			return rc;
		if (wait > BACKOFF_MAX_MS || expired(terms))
			return status == 0 ? linger(s) : -1;
		wait_a_while(wait);
		wait *= 2;
	}
}

int s3_publish(struct sink *sink, const struct sink_terms *terms, struct err *e)
{
	struct s3 *s = (struct s3 *)sink;
	int rc = appear(s, terms, e);

	if (rc == 0 && s->upload_id != NULL)
		place_record_over(s->record, s->place, s->upload_id);
	return rc;
}
