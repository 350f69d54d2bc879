/* SPDX-License-Identifier: MIT */
#include "notice/mail_report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "encode/encoder.h"
#include "place/beneath.h"
#include "place/template.h"

/* S3 is read in such pieces, in memory one at a time. */
#define CHUNK ((int64_t)1 << 20)

/* ---- which there are ---- */

/* A path below output_root: the rows that notices are read from could have been
 * written by others than this program. */
static int check_path(
    const struct settings *settings, const char *path, struct err *e)
{
	const char *root = settings->output_root;

	if (root != NULL && beneath_part(root, path) != NULL &&
	    strstr(path, "/../") == NULL)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "the report %s is not below [reportd] output_root (%s), so it "
	    "cannot be read back",
	    path, root ? root : "not set");
}

static int check_object(
    const struct settings *settings, const char *place, struct err *e)
{
	const char *bucket = place + strlen("s3://");
	char *name = mem_strndup(bucket, strcspn(bucket, "/"));
	bool allowed = settings_allows_bucket(settings, name);

	free(name);
	if (!allowed)
		return err_set(e, ERR_PERMANENT,
		    "the report %s is in a bucket that [s3] buckets does not "
		    "allow",
		    place);
	return s3_place_check(place, e);
}

static const char *type_of(const char *name)
{
	const struct encoder_type *type;
	const char *dot = strrchr(name, '.');

	if (dot != NULL && strcasecmp(dot, ".gz") == 0)
		return "application/gzip";
	if (dot != NULL && strcasecmp(dot, ".zst") == 0)
		return "application/zstd";
	for (int i = 0; dot != NULL && (type = encoder_type_at(i)) != NULL;
	     i++) {
		if (strcasecmp(dot + 1, type->extension) == 0)
			return type->media_type;
	}
	return "application/octet-stream";
}

static int add(struct mail_reports *all, struct services *services,
    const struct mail_report *said, struct err *e)
{
	const struct settings *settings = services_settings(services);
	struct mail_report r = *said;

	r.place = destination_of_url(r.url);
	if ((s3_is_place(r.place) ? check_object(settings, r.place, e)
				  : check_path(settings, r.place, e)) != 0) {
		free(r.place);
		return -1;
	}
	r.name = strrchr(r.place, '/') + 1;
	r.type = type_of(r.name);
	r.services = services;
	r.fd = -1;
	buf_init(&r.chunk, (size_t)CHUNK);
	all->list =
	    mem_realloc(all->list, (size_t)all->count + 1, sizeof(*all->list));
	all->list[all->count++] = r;
	return 0;
}

int mail_reports_open(struct services *services, const struct notice *n,
    struct mail_reports *r, struct err *e)
{
	struct mail_report one = {.url = n->output_url,
	    .rows = n->rows,
	    .bytes = n->bytes,
	    .sha256 = n->sha256};
	const json_t *v;
	size_t i;

	*r = (struct mail_reports){0};
	if (n->outputs == NULL)
		return *one.url == '\0' ? 0 : add(r, services, &one, e);
	json_array_foreach(n->outputs, i, v)
	{
		one = (struct mail_report){.url = json_str(v, "url", ""),
		    .rows = json_int(v, "rows", -1),
		    .bytes = json_int(v, "bytes", -1),
		    .sha256 = json_str(v, "sha256", "")};
		if (add(r, services, &one, e) != 0) {
			mail_reports_free(r);
			return -1;
		}
	}
	return 0;
}

static void end_reading(struct mail_report *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	EVP_MD_CTX_free(r->digest);
	r->digest = NULL;
	buf_free(&r->chunk);
	r->chunk_done = 0;
	r->done = 0;
}

void mail_reports_free(struct mail_reports *r)
{
	for (int i = 0; i < r->count; i++) {
		end_reading(&r->list[i]);
		free(r->list[i].place);
	}
	free(r->list);
	*r = (struct mail_reports){0};
}

/* ---- reading ---- */

static bool is_s3(const struct mail_report *r)
{
	return s3_is_place(r->place);
}

static int refuse_change(const struct mail_report *r, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "%s is no longer what the run has made: it was replaced or changed "
	    "since; a later run sends its own mail",
	    r->place);
}

/* Whoever may make links below the root gets nothing else mailed. */
static int open_below(const char *root, const char *path)
{
	int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, why;

	if (dir < 0)
		return -1;
	fd = beneath_open(
	    dir, beneath_part(root, path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	why = errno;
	close(dir);
	errno = why;
	return fd;
}

static int open_file(struct mail_report *r, struct err *e)
{
	struct stat st;

	r->fd =
	    open_below(services_settings(r->services)->output_root, r->place);
	if (r->fd < 0 && errno == ENOENT) {
		char host[256] = "";

		gethostname(host, sizeof(host) - 1);
		return err_set(e, ERR_TRANSIENT,
		    "%s is not there on %s: it was removed, or another daemon "
		    "of this queue has made it on a disk of its own (share "
		    "output_root, or write to s3://)",
		    r->place, host);
	}
	if (r->fd < 0) {
		err_errno(e, errno, "%s", r->place);
		e->kind = ERR_TRANSIENT; /* mended without the report */
		return -1;
	}
	if (fstat(r->fd, &st) != 0)
		return err_errno(e, errno, "%s", r->place);
	if (!S_ISREG(st.st_mode) || (int64_t)st.st_size != r->bytes)
		return refuse_change(r, e);
	return 0;
}

/* The next piece of an object. */
static int fetch(struct mail_report *r, struct err *e)
{
	const struct s3_store *store = services_s3(r->services, e);
	int64_t end = r->done + CHUNK < r->bytes ? r->done + CHUNK : r->bytes;
	struct aws_answer answer;
	struct s3_target target;
	char range[64];
	struct sigv4_pair header = {"range", range};
	int rc;

	if (store == NULL)
		return err_wrap(e, "%s", r->place);
	snprintf(range, sizeof(range), "bytes=%" PRId64 "-%" PRId64, r->done,
	    end - 1);
	s3_target(store, r->place, &target);
	rc = aws_send(store->aws,
	    &(struct aws_request){.method = "GET",
		.host = target.host,
		.path = target.path,
		.headers = &header,
		.header_count = 1,
		.reply_max = (size_t)CHUNK + 1},
	    &answer, e);
	s3_target_free(&target);
	if (rc != 0)
		err_wrap(e, "reading %s", r->place);
	else if (answer.http.body.len != (size_t)(end - r->done))
		rc = refuse_change(r, e);
	buf_clear(&r->chunk);
	r->chunk_done = 0;
	if (rc == 0)
		buf_add(&r->chunk, answer.http.body.data, answer.http.body.len);
	aws_answer_free(&answer);
	return rc;
}

int mail_report_begin(struct mail_report *r, struct err *e)
{
	end_reading(r);
	buf_init(&r->chunk, (size_t)CHUNK);
	r->digest = EVP_MD_CTX_new();
	if (r->digest == NULL ||
	    EVP_DigestInit_ex(r->digest, EVP_sha256(), NULL) != 1)
		return err_set(e, ERR_PERMANENT, "there is no SHA-256 here");
	if (!is_s3(r))
		return open_file(r, e);
	/* Before the mail server is asked for anything. */
	return r->bytes > 0 ? fetch(r, e) : 0;
}

static int read_file(struct mail_report *r, char *to, size_t len, struct err *e)
{
	while (len > 0) {
		ssize_t n = read(r->fd, to, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno, "%s", r->place);
		if (n == 0)
			return refuse_change(r, e);
		to += n;
		len -= (size_t)n;
	}
	return 0;
}

static int read_object(
    struct mail_report *r, char *to, size_t len, struct err *e)
{
	int64_t begun = r->done;
	int rc = 0;

	while (len > 0 && rc == 0) {
		size_t n = r->chunk.len - r->chunk_done;

		n = n < len ? n : len;
		if (n == 0) {
			rc = fetch(r, e);
			continue;
		}
		memcpy(to, r->chunk.data + r->chunk_done, n);
		r->chunk_done += n;
		r->done += (int64_t)n; /* for the next fetch */
		to += n;
		len -= n;
	}
	r->done = begun;
	return rc;
}

static int check_digest(struct mail_report *r, struct err *e)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned n = 0;

	EVP_DigestFinal_ex(r->digest, digest, &n);
	for (unsigned i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	if (*r->sha256 != '\0' && strcmp(hex, r->sha256) != 0)
		return refuse_change(r, e);
	return 0;
}

int mail_report_read(void *arg, char *to, size_t len, struct err *e)
{
	struct mail_report *r = arg;
	int rc =
	    is_s3(r) ? read_object(r, to, len, e) : read_file(r, to, len, e);

	if (rc != 0)
		return -1;
	EVP_DigestUpdate(r->digest, to, len);
	r->done += (int64_t)len;
	return r->done == r->bytes ? check_digest(r, e) : 0;
}

char *mail_report_text(struct mail_report *r, struct err *e)
{
	char *text = mem_alloc((size_t)r->bytes + 1);

	text[r->bytes] = '\0';
	if (mail_report_begin(r, e) == 0 &&
	    mail_report_read(r, text, (size_t)r->bytes, e) == 0)
		return text;
	free(text);
	return NULL;
}

/* ---- linking ---- */

int mail_report_link(
    struct mail_report *r, char **url, int64_t *ends, struct err *e)
{
	const struct settings *settings = services_settings(r->services);
	const struct s3_store *store;
	struct s3_target target;

	*url = NULL;
	if (!is_s3(r)) {
		int rc = open_file(r, e);

		end_reading(r);
		return rc;
	}
	store = services_s3(r->services, e);
	if (store == NULL)
		return err_wrap(e, "%s", r->place);
	s3_target(store, r->place, &target);
	*url = aws_presign(store->aws, target.host, target.path, NULL, 0,
	    settings->smtp_link_expiry / 1000, ends, e);
	s3_target_free(&target);
	return *url ? 0 : err_wrap(e, "a link to %s", r->place);
}
