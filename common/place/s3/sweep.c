/* SPDX-License-Identifier: MIT */
#include "place/s3/s3.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "place/s3/scheme.h"
#include "place/s3/store.h"

#define TRY_MS 15000
/* Seconds by which an upload may have begun before or after the time in the
 * record: the server's clock may differ from the recording host's. */
#define BEFORE_S 120
#define AFTER_S 900

static int send(const struct s3_store *store, const struct s3_target *t,
    const char *operation, const struct sigv4_pair *query, int count,
    struct aws_answer *answer, struct err *e)
{
	bool ends = strcmp(operation, "AbortMultipartUpload") == 0;

	return aws_send(store->aws,
	    &(struct aws_request){.method = ends ? "DELETE" : "GET",
		.operation = operation,
		.host = t->host,
		.path = t->path,
		.query = query,
		.query_count = count,
		.deadline_ms = clock_boot_ms() + TRY_MS},
	    answer, e);
}

/* Returns the ms until the entry is old enough; 0: it is. A recent entry
 * without an id may be of an upload that begins now, so its upload is not taken
 * for a lost one. */
static int64_t too_young(const json_t *upload, int64_t stale_ms)
{
	int64_t old = json_int(upload, "at", 0) * 1000 + stale_ms;
	int64_t now = clock_wall_us() / 1000;

	return json_str(upload, "id", NULL) == NULL && now < old ? old - now
								 : 0;
}

/* Aborts the upload; also returns 0 when no such upload exists any more. */
static int end(const struct s3_store *store, const struct s3_target *t,
    const char *id, struct err *e)
{
	struct sigv4_pair query[] = {{"uploadId", id}};
	struct aws_answer answer;
	int rc = send(store, t, "AbortMultipartUpload", query, 1, &answer, e);

	/* NoSuchUpload; Swift answers NoSuchKey for an upload that was
	 * completed. */
	if (answer.http.status == 404)
		rc = 0;
	aws_answer_free(&answer);
	return rc;
}

/* 1 when the upload holds no part; 0 when it holds one or is gone. */
static int is_empty(const struct s3_store *store, const struct s3_target *t,
    const char *id, struct err *e)
{
	struct sigv4_pair query[] = {{"max-parts", "1"}, {"uploadId", id}};
	struct aws_answer answer;
	int rc = send(store, t, "ListParts", query, 2, &answer, e);

	if (rc == 0)
		rc = answer.http.body.len > 0 &&
		     strstr(answer.http.body.data, "<PartNumber>") == NULL;
	else if (strcmp(answer.code, "NoSuchUpload") == 0)
		rc = 0;
	aws_answer_free(&answer);
	return rc;
}

/* Converts 2026-03-01T05:06:07.000Z to seconds since 1970; 0 for any other
 * text. */
static int64_t parse_time(const char *text)
{
	struct tm tm = {0};

	if (text == NULL || strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
		return 0;
	return timegm(&tm);
}

/* Aborts the upload of one <Upload> element when it is the lost one and is
 * empty. */
static int end_lost(const struct s3_store *store, const struct s3_target *t,
    const char *xml, size_t len, int64_t at, struct err *e)
{
	char *key = aws_xml_text(xml, len, "Key");
	char *id = aws_xml_text(xml, len, "UploadId");
	char *text = aws_xml_text(xml, len, "Initiated");
	int64_t begun = parse_time(text);
	int rc = 0;

	if (key != NULL && id != NULL && strcmp(key, t->key) == 0 &&
	    begun >= at - BEFORE_S && begun <= at + AFTER_S) {
		rc = is_empty(store, t, id, e);
		if (rc == 1)
			rc = end(store, t, id, e);
	}
	free(key);
	free(id);
	free(text);
	return rc;
}

static int end_listed(const struct s3_store *store, const struct s3_target *t,
    const char *xml, int64_t at, struct err *e)
{
	const char *upload;
	size_t len;
	int rc = 0;

	while (rc == 0 && (upload = aws_xml_next(&xml, "Upload", &len)) != NULL)
		rc = end_lost(store, t, upload, len, at, e);
	return rc;
}

/* Lists the bucket's uploads of this key and aborts the lost ones. */
static int find_lost(const struct s3_store *store, const struct s3_target *t,
    int64_t at, struct err *e)
{
	struct sigv4_pair query[] = {{"prefix", t->key}, {"uploads", ""}};
	char *path = t->host ? mem_strdup("/") : mem_printf("/%s", t->bucket);
	struct s3_target bucket = {.host = t->host, .path = path};
	struct aws_answer answer;
	int rc =
	    send(store, &bucket, "ListMultipartUploads", query, 2, &answer, e);

	if (rc == 0 && answer.http.body.len > 0)
		rc = end_listed(store, t, answer.http.body.data, at, e);
	else if (strcmp(answer.code, "NoSuchBucket") == 0)
		rc = 0;
	aws_answer_free(&answer);
	free(path);
	return rc;
}

int s3_sweep(const struct place_lent *lent, const json_t *entry,
    int64_t *wait_ms, struct err *e)
{
	const struct settings *set = services_settings(lent->services);
	const char *place = json_str(entry, "place", "");
	const char *id = json_str(entry, "id", NULL);
	int64_t at = json_int(entry, "at", 0);
	struct s3_store store;
	struct s3_target t;
	struct err unused;
	int rc;

	*wait_ms = too_young(entry, set->s3_stale_uploads);
	if (*wait_ms > 0)
		return 1;
	if (s3_place_check(place, &unused) != 0)
		return 0;
	if (s3_store(&store, lent->services, e) != 0)
		return -1;
	s3_target(&store, place, &t);
	rc = id ? end(&store, &t, id, e) : find_lost(&store, &t, at, e);
	s3_target_free(&t);
	return rc == 0 ? 0 : err_wrap(e, "%s", place);
}
