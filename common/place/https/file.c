/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "place/https/https.h"
#include "place/https/web.h"

#define VERSION_MAX 300
#define TRIES 4

/* A file as the headers of an answer describe it. */
struct version {
	char text[VERSION_MAX];
	int64_t size;        /* -1: not said */
	int64_t modified_ms; /* 0: not said */
};

static bool is_weak(const char *etag)
{
	return strncmp(etag, "W/\"", 3) == 0;
}

static bool is_etag(const char *text)
{
	return *text == '"' || is_weak(text);
}

/* Fills in the version; "" when the headers tell none. */
static void read_version(const struct http_reply *reply, struct version *v)
{
	char etag[VERSION_MAX], time[64], size[32];

	http_header(reply, "ETag", etag, sizeof(etag));
	http_header(reply, "Last-Modified", time, sizeof(time));
	http_header(reply, "Content-Length", size, sizeof(size));
	*v = (struct version){.modified_ms = (int64_t)http_time(time) * 1000};
	if (str_to_i64(size, &v->size) != 0 || v->size < 0)
		v->size = -1;
	if (is_etag(etag) && strlen(etag) < VERSION_MAX - 1)
		str_copy(v->text, sizeof(v->text), etag);
	else if (v->modified_ms > 0 && v->size >= 0)
		snprintf(
		    v->text, sizeof(v->text), "%s %" PRId64, time, v->size);
}

/* Says why the file cannot be an input; NULL: it can. */
static const char *fault_of(
    const struct http_reply *reply, const struct version *v)
{
	char coding[32];

	http_header(reply, "Content-Encoding", coding, sizeof(coding));
	if (v->text[0] == '\0')
		return "its server tells neither its ETag nor its time "
		       "(Last-Modified), so versions cannot be told apart";
	if (v->size < 0)
		return "its server does not tell its length (Content-Length)";
	if (*coding != '\0' && strcmp(coding, "identity") != 0)
		return "its server encodes it for the way (Content-Encoding)";
	return NULL;
}

static bool is_gone(int status)
{
	return status == 404 || status == 410 || status == 412;
}

/* Asks for the headers alone: by HEAD or, where that is not allowed, by a GET
 * that ends with them. */
static int ask_headers(const struct place_lent *lent, const char *url,
    int tries, struct http_reply *reply, struct err *e)
{
	struct web_request r = {.method = "HEAD", .url = url, .tries = tries};
	int rc = web_send(lent, &r, reply, e);

	if (rc != 0 || (reply->status != 405 && reply->status != 501))
		return rc;
	http_reply_free(reply);
	r.method = "GET";
	return web_send(lent, &r, reply, e);
}

int https_scan(
    const struct place_lent *lent, struct place_scan *scan, struct err *e)
{
	struct http_reply reply;
	struct version v;
	int rc = ask_headers(lent, scan->pattern, 1, &reply, e);

	scan->looked = 1;
	if (rc == 0 && is_gone(reply.status)) {
		http_reply_free(&reply);
		return 0;
	}
	if (rc == 0 && reply.status / 100 != 2)
		rc = web_refuse(scan->pattern, reply.status, e);
	if (rc == 0) {
		const char *fault;

		read_version(&reply, &v);
		fault = fault_of(&reply, &v);
		rc = scan->meet(scan->arg,
		    &(struct place_file){.address = scan->pattern,
			.version = v.text,
			.size = v.size < 0 ? 0 : v.size,
			.modified_ms = v.modified_ms > 0
					   ? v.modified_ms
					   : (int64_t)http_date(&reply) * 1000,
			.fault = fault},
		    e);
	}
	http_reply_free(&reply);
	return rc < 0 ? -1 : 0;
}

/* ---- one version of a file ---- */

/* The content is read once, when it is first asked for, into a file without a
 * name: servers need not know ranges. */
struct reader {
	struct place_reader base;
	const struct place_lent *lent;
	char *url, *version;
	char *name;   /* the URL without its query, which often has a token */
	int fd;       /* -1: not read yet */
	int64_t have; /* bytes of it in the file */
};

static int begin(void *arg, struct err *e)
{
	struct reader *r = arg;

	r->have = 0;
	if (ftruncate(r->fd, 0) != 0 || lseek(r->fd, 0, SEEK_SET) < 0)
		return err_errno(e, errno, "the copy of %s", r->name);
	return 0;
}

static int take(void *arg, const char *data, size_t len, struct err *e)
{
	struct reader *r = arg;

	r->have += (int64_t)len;
	if (r->have > r->base.size)
		return err_set(e, ERR_TRANSIENT,
		    "%s has more bytes than its server has said", r->name);
	return io_write_all(r->fd, data, len, r->name, e);
}

static int replaced(const struct reader *r, struct err *e)
{
	err_set(
	    e, ERR_TRANSIENT, "%s was replaced or removed meanwhile", r->name);
	return 1;
}

/* 1: the answer is of another version. */
static int judge(
    const struct reader *r, const struct http_reply *reply, struct err *e)
{
	struct version v;

	if (is_gone(reply->status))
		return replaced(r, e);
	if (reply->status != 200)
		return web_refuse(r->url, reply->status, e);
	read_version(reply, &v);
	if (strcmp(v.text, r->version) != 0)
		return replaced(r, e);
	if (r->fd >= 0 && r->have != r->base.size)
		return err_set(e, ERR_TRANSIENT,
		    "%s ended after %" PRId64 " of %" PRId64 " bytes", r->name,
		    r->have, r->base.size);
	return 0;
}

static int check_size(const struct reader *r, struct err *e)
{
	int64_t most = services_settings(r->lent->services)->inputs_max_bytes;

	if (most == 0 || r->base.size <= most)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "%s has %" PRId64 " bytes, more than the %" PRId64
	    " of max_bytes in [inputs] of the settings",
	    r->name, r->base.size, most);
}

/* Copies the version; 1: there is another one now. */
static int fetch(struct reader *r, struct err *e)
{
	const char *folder =
	    services_settings(r->lent->services)->inputs_temp_directory;
	struct web_request request = {.method = "GET",
	    .url = r->url,
	    .if_match = *r->version == '"' ? r->version : NULL,
	    .tries = TRIES,
	    .begin = begin,
	    .take = take,
	    .arg = r};
	struct http_reply reply;
	int rc;

	if (check_size(r, e) != 0)
		return -1;
	r->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (r->fd < 0)
		return err_errno(
		    e, errno, "[inputs] temp_directory %s", folder);
	rc = web_send(r->lent, &request, &reply, e);
	if (rc == 0)
		rc = judge(r, &reply, e);
	http_reply_free(&reply);
	if (rc != 0) {
		close(r->fd);
		r->fd = -1;
	}
	return rc;
}

int https_pin(const struct place_lent *lent, const char *address,
    const char *version, struct place_reader **reader, struct err *e)
{
	struct reader *r = mem_zalloc(sizeof(*r));
	struct http_reply reply;
	int rc;

	r->base.type = &place_https;
	r->lent = lent;
	r->url = mem_strdup(address);
	r->name = mem_strndup(address, strcspn(address, "?"));
	r->version = mem_strdup(version);
	r->fd = -1;
	*reader = NULL;
	rc = ask_headers(lent, address, TRIES, &reply, e);
	if (rc == 0)
		rc = judge(r, &reply, e);
	if (rc == 0) {
		struct version v;

		read_version(&reply, &v);
		r->base.size = v.size;
		*reader = &r->base;
		if (v.size < 0)
			rc = err_set(e, ERR_TRANSIENT, "%s: %s", r->name,
			    fault_of(&reply, &v));
	}
	http_reply_free(&reply);
	if (rc != 0) {
		*reader = NULL;
		https_read_end(&r->base);
	}
	return rc;
}

int https_read_at(struct place_reader *reader, int64_t from, char *to,
    size_t len, struct err *e)
{
	struct reader *r = (struct reader *)reader;

	if (r->fd < 0) {
		int rc = fetch(r, e);

		if (rc != 0)
			return rc;
	}
	while (len > 0) {
		ssize_t n = pread(r->fd, to, len, from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno, "the copy of %s", r->name);
		if (n == 0)
			return replaced(r, e);
		to += n;
		from += n;
		len -= (size_t)n;
	}
	return 0;
}

void https_read_end(struct place_reader *reader)
{
	struct reader *r = (struct reader *)reader;

	if (r->fd >= 0)
		close(r->fd);
	free(r->url);
	free(r->name);
	free(r->version);
	free(r);
}

/* ---- whatever is there ---- */

int https_stream(
    const struct place_lent *lent, struct place_stream *s, struct err *e)
{
	struct web_request r = {.method = "GET",
	    .url = s->address,
	    .tries = TRIES,
	    .begin = s->begin,
	    .take = s->take,
	    .arg = s->arg};
	struct http_reply reply;
	int rc = web_send(lent, &r, &reply, e);

	if (rc == 0 && reply.status / 100 != 2)
		rc = web_refuse(s->address, reply.status, e);
	http_reply_free(&reply);
	return rc;
}
