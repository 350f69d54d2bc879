/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "place/s3/upload.h"

/* A HEAD that looks what has become of it. */
#define LOOK_MS 30000
#define LINGER_MS 1000
#define BACKOFF_MS 200
#define BACKOFF_MAX_MS 5000
#define COMPLETE_MAX (2u << 20)

/* What stands under the key. */
enum found {
	NOTHING, /* or nobody can tell */
	OURS,    /* this very output */
	EARLIER, /* of the same report for the same time: of an attempt before */
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
	    header_is(answer, "x-amz-meta-scheduled-for", s->scheduled_for))
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

/* A reply to Complete of status 200 may still tell of an error. */
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
		.once = condition, /* the second would meet the first */
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

/* 0: it is visible after all; 1: once more; -1: no. */
static int after_failure(struct s3 *s, const struct aws_answer *answer,
    bool *condition, struct err *e)
{
	int status = answer->http.status;
	/* Refused for what it is, so nothing has become of it. 404 may be the
	 * answer to the second of two Completes, 412 to the second PUT. */
	bool refused = status / 100 == 4 && e->kind == ERR_PERMANENT &&
		       status != 404 && status != 409 && status != 412;
	enum found found = refused ? NOTHING : look(s);

	if (found == OURS)
		return 0;
	/* 501: this server knows no conditions. So it was looked up. */
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

/* No more tries, but the last one may still be at work. */
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

/* An outcome that nobody can tell is looked at, not guessed. */
static int appear(struct s3 *s, const struct sink_terms *terms, struct err *e)
{
	bool condition = s->create_only;
	int64_t wait = BACKOFF_MS;
	struct aws_answer answer;
	int rc, status;

	/* Not every server knows a condition on CompleteMultipartUpload. */
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
