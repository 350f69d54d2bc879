/* SPDX-License-Identifier: MIT */
#include "place/s3/s3_upload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

#define LOOK_UP_MS 1000
#define CREATE_TRIES 4
#define CREATE_WAIT_MS 300

int s3_explain(const struct s3 *s, const struct aws_answer *answer,
    const char *action, struct err *e)
{
	const char *code = answer->code;
	char region[64], said[sizeof(e->text)];

	http_header(
	    &answer->http, "x-amz-bucket-region", region, sizeof(region));
	memcpy(said, e->text, sizeof(said));
	if (answer->http.status == 403 && strcmp(code, "AccessDenied") == 0)
		err_set(e, e->kind, "%s; the credentials need %s on %s", said,
		    action, s->place);
	else if (strcmp(code, "NoSuchBucket") == 0)
		err_set(e, e->kind, "%s; there is no bucket \"%s\"", said,
		    s->target.bucket);
	else if (answer->http.status / 100 != 2 && *region != '\0' &&
		 (answer->http.status == 301 || answer->http.status == 400))
		err_set(e, ERR_PERMANENT,
		    "%s; the bucket is in region %s: set region in [s3]", said,
		    region);
	return err_wrap(e, "%s", s->place);
}

/* ---- begin ---- */

/* Creates the upload, with `once`: a Create that is repeated after a cut
 * connection may leave an upload whose id nobody knows. The record already has
 * an entry without an id for this try. */
static int try_create(struct s3 *s, struct err *e)
{
	static const struct sigv4_pair query[] = {{"uploads", ""}};
	struct aws_answer answer;
	int rc = aws_send(s->store.aws,
	    &(struct aws_request){.method = "POST",
		.operation = "CreateMultipartUpload",
		.host = s->target.host,
		.path = s->target.path,
		.query = query,
		.query_count = 1,
		.headers = s->headers.list,
		.header_count = s->headers.count,
		.once = true},
	    &answer, e);

	if (rc != 0) {
		s3_explain(s, &answer, "s3:PutObject", e);
	} else {
		s->upload_id = aws_xml_text(
		    answer.http.body.data, answer.http.body.len, "UploadId");
		if (s->upload_id == NULL)
			rc = err_set(e, ERR_TRANSIENT,
			    "%s: the answer to CreateMultipartUpload has no "
			    "UploadId",
			    s->place);
	}
	aws_answer_free(&answer);
	return rc;
}

/* Waits ms milliseconds; -1 when the watch says stop. */
static int wait_a_while(const struct s3 *s, int64_t ms, struct err *e)
{
	const struct timespec some = {
	    .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	const struct watch *watch = services_watch(s->store.services);

	nanosleep(&some, NULL);
	return watch ? watch_check(watch, e) : 0;
}

static int create(struct s3 *s, struct err *e)
{
	struct err why;

	place_record_begins(s->record, s->place);
	for (int try = 1; try_create(s, &why) != 0; try++) {
		if (why.kind != ERR_TRANSIENT || try == CREATE_TRIES) {
			/* The server has refused it for good: this try has made
			 * none. */
			if (why.kind == ERR_PERMANENT)
				place_record_over(s->record, s->place, NULL);
			*e = why;
			return -1;
		}
		if (wait_a_while(s, CREATE_WAIT_MS * try, e) != 0)
			return -1;
		/* The try before may have created an upload, so each try has
		 * its own entry. */
		place_record_begins(s->record, s->place);
	}
	place_record_made(s->record, s->place, s->upload_id);
	return 0;
}

/* ---- parts ---- */

static int take_etag(struct s3 *s, const struct s3_part *p,
    const struct aws_answer *answer, struct err *e)
{
	char etag[256];

	http_header(&answer->http, "etag", etag, sizeof(etag));
	if (*etag == '\0')
		return err_set(e, ERR_TRANSIENT,
		    "%s: part %d: the answer has no ETag", s->place, p->number);
	s->etags[p->number - 1] = mem_strdup(etag);
	return 0;
}

static int take_part(struct s3 *s, struct s3_part *p, struct err *e)
{
	struct aws_answer answer;
	int rc = aws_take(p->call, &answer, e);

	p->call = NULL;
	p->len = 0;
	s->in_flight--;
	if (rc != 0) {
		err_wrap(e, "part %d", p->number);
		s3_explain(s, &answer, "s3:PutObject", e);
	} else {
		rc = take_etag(s, p, &answer, e);
	}
	aws_answer_free(&answer);
	return rc;
}

static int take_parts(struct s3 *s, struct err *e)
{
	for (int i = 0; i < s->part_slots; i++) {
		struct s3_part *p = &s->parts[i];

		if (p->call != NULL && aws_done(p->call) &&
		    take_part(s, p, e) != 0)
			return -1;
	}
	return 0;
}

int s3_upload_pump(struct s3 *s, struct err *e)
{
	if (s->in_flight == 0)
		return 0;
	if (aws_step(s->store.aws, 0, e) != 0)
		return -1;
	return take_parts(s, e);
}

static int wait_for_parts(struct s3 *s, int most, struct err *e)
{
	if (take_parts(s, e) != 0)
		return -1;
	while (s->in_flight > most) {
		if (aws_step(s->store.aws, LOOK_UP_MS, e) != 0 ||
		    take_parts(s, e) != 0)
			return -1;
	}
	return 0;
}

int s3_upload_settle(struct s3 *s, struct err *e)
{
	return wait_for_parts(s, 0, e);
}

static void send_part(struct s3 *s, struct s3_part *p)
{
	s->etags =
	    mem_realloc(s->etags, (size_t)s->count + 1, sizeof(*s->etags));
	s->etags[s->count++] = NULL;
	p->number = s->count;
	snprintf(p->number_text, sizeof(p->number_text), "%d", p->number);
	p->query[0] = (struct sigv4_pair){"partNumber", p->number_text};
	p->query[1] = (struct sigv4_pair){"uploadId", s->upload_id};
	s->in_flight++;
	p->call = aws_start(s->store.aws, &(struct aws_request){.method = "PUT",
					      .operation = "UploadPart",
					      .host = s->target.host,
					      .path = s->target.path,
					      .query = p->query,
					      .query_count = 2,
					      .body = p->data,
					      .body_len = p->len});
}

/* The number of parts that may be in flight. When parts have become large, they
 * are sent one at a time, so that memory holds no more than two. */
static int most_in_flight(const struct s3 *s)
{
	int64_t size = s3_part_size(s->store.part_size, s->count + 1);
	int64_t most = s->in_flight_max * s->store.part_size / size;

	return most > 1 ? (int)most : 1;
}

/* Finds a buffer that is not in use, preferably the largest. */
static struct s3_part *free_slot(struct s3 *s)
{
	struct s3_part *found = NULL;

	for (int i = 0; i < s->part_slots; i++) {
		struct s3_part *p = &s->parts[i];

		if (p->call == NULL && p != s->filling &&
		    (found == NULL || p->room > found->room))
			found = p;
	}
	return found;
}

/* Frees the buffers that are superfluous once parts have become large. */
static void trim(struct s3 *s)
{
	int spare = s->part_slots - 1 - most_in_flight(s);

	for (int i = 0; i < s->part_slots && spare > 0; i++) {
		struct s3_part *p = &s->parts[i];

		if (p->call != NULL || p == s->filling)
			continue;
		free(p->data);
		p->data = NULL;
		p->room = 0;
		spare--;
	}
}

int s3_upload_part(struct s3 *s, struct err *e)
{
	if (s->count == S3_PARTS_MAX)
		return err_set(e, ERR_PERMANENT,
		    "%s: more than %d parts; an object of S3 has at most 5 TiB",
		    s->place, S3_PARTS_MAX);
	if (s->upload_id == NULL && create(s, e) != 0)
		return -1;
	if (wait_for_parts(s, most_in_flight(s) - 1, e) != 0)
		return -1;
	send_part(s, s->filling);
	s->filling = free_slot(s);
	s->filling->len = 0;
	trim(s);
	return 0;
}

/* ---- abort ---- */

static void drop_parts(struct s3 *s)
{
	for (int i = 0; i < s->part_slots; i++) {
		if (s->parts[i].call != NULL)
			aws_drop(s->parts[i].call);
		s->parts[i].call = NULL;
	}
	s->in_flight = 0;
}

void s3_upload_abort(struct s3 *s)
{
	struct sigv4_pair query[] = {{"uploadId", s->upload_id}};
	struct aws_answer answer;
	struct err unused;
	int rc;

	drop_parts(s);
	if (s->upload_id == NULL)
		return;
	rc = aws_send(s->store.aws,
	    &(struct aws_request){.method = "DELETE",
		.operation = "AbortMultipartUpload",
		.host = s->target.host,
		.path = s->target.path,
		.query = query,
		.query_count = 1,
		.unstoppable = true,
		.deadline_ms = clock_boot_ms() + S3_ABORT_MS},
	    &answer, &unused);
	if (rc == 0 || answer.http.status == 404)
		place_record_over(s->record, s->place, s->upload_id);
	aws_answer_free(&answer);
}
