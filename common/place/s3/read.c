/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "place/s3/s3.h"
#include "place/s3/store.h"

/* Bytes: an object is read in pieces of this size; one piece is in memory. */
#define PIECE ((int64_t)1 << 20)

struct reader {
	struct place_reader base;
	struct s3_store store;
	struct s3_target target;
	char *address;
	struct buf piece;
	int64_t from; /* offset of the piece in the object */
	/* with quotes: the version that was asked for, or that the first piece
	 * was of; NULL: none was read yet */
	char *etag;
};

/* Returns the size of the object in bytes: "bytes 0-99/1234" -> 1234. A server
 * that supports no ranges sends the whole object. */
static int64_t size_said(const struct aws_answer *answer)
{
	char range[128];
	const char *slash;

	http_header(&answer->http, "content-range", range, sizeof(range));
	slash = strchr(range, '/');
	return slash != NULL ? strtoll(slash + 1, NULL, 10)
			     : (int64_t)answer->http.body.len;
}

static int ask(
    struct reader *r, int64_t from, struct aws_answer *answer, struct err *e)
{
	char range[64];
	struct sigv4_pair headers[] = {{"range", range}, {"if-match", r->etag}};

	snprintf(range, sizeof(range), "bytes=%" PRId64 "-%" PRId64, from,
	    from + PIECE - 1);
	return aws_send(r->store.aws,
	    &(struct aws_request){.method = "GET",
		.host = r->target.host,
		.path = r->target.path,
		.headers = headers,
		.header_count = r->etag ? 2 : 1,
		.reply_max = (size_t)PIECE + 1},
	    answer, e);
}

/* Says whether there is no object of the key, or one with another ETag. */
static bool is_gone(int status)
{
	return status == 404 || status == 412;
}

/* All pieces after the first one must be of the same version of the object. */
static void keep_version(struct reader *r, const struct aws_answer *answer)
{
	char etag[128];

	http_header(&answer->http, "etag", etag, sizeof(etag));
	if (r->etag == NULL && *etag != '\0')
		r->etag = mem_strdup(etag);
}

/* Fetches the piece that begins at `from`; 1: the object ends before it, or has
 * changed. */
static int fetch(struct reader *r, int64_t from, struct err *e)
{
	struct aws_answer answer;
	int rc = ask(r, from, &answer, e);

	buf_clear(&r->piece);
	r->from = from;
	if (rc != 0 && (answer.http.status == 416 ||
			   (r->etag != NULL && is_gone(answer.http.status))))
		rc = 1;
	else if (rc != 0)
		err_wrap(e, "reading %s", r->address);
	else if (from > 0 && size_said(&answer) != r->base.size)
		rc = 1;
	if (rc == 0) {
		r->base.size = size_said(&answer);
		keep_version(r, &answer);
		buf_add(&r->piece, answer.http.body.data, answer.http.body.len);
		rc = answer.http.body.len == 0 && r->base.size > 0;
	}
	aws_answer_free(&answer);
	return rc;
}

static struct reader *reader_of(
    const struct place_lent *lent, const char *address, struct err *e)
{
	struct s3_store store;
	struct reader *r;

	if (s3_store(&store, lent->services, e) != 0) {
		err_wrap(e, "%s", address);
		return NULL;
	}
	r = mem_zalloc(sizeof(*r));
	r->base.type = &place_s3;
	r->store = store;
	r->address = mem_strdup(address);
	buf_init(&r->piece, (size_t)PIECE + 1);
	s3_target(&store, address, &r->target);
	return r;
}

/* Fetches the first piece, whose answer contains the size of the object. */
struct place_reader *s3_read(
    const struct place_lent *lent, const char *address, struct err *e)
{
	struct reader *r = reader_of(lent, address, e);

	if (r != NULL && fetch(r, 0, e) >= 0)
		return &r->base;
	if (r != NULL)
		s3_read_end(&r->base);
	return NULL;
}

int s3_pin(const struct place_lent *lent, const char *address,
    const char *version, struct place_reader **reader, struct err *e)
{
	struct reader *r = reader_of(lent, address, e);
	int rc;

	*reader = NULL;
	if (r == NULL)
		return -1;
	r->etag = mem_printf("\"%s\"", version);
	rc = fetch(r, 0, e);
	if (rc == 0)
		*reader = &r->base;
	else
		s3_read_end(&r->base);
	if (rc == 1)
		err_set(e, ERR_TRANSIENT,
		    "%s was replaced or removed meanwhile", address);
	return rc;
}

int s3_read_at(struct place_reader *reader, int64_t from, char *to, size_t len,
    struct err *e)
{
	struct reader *r = (struct reader *)reader;

	while (len > 0) {
		int64_t skip = from - r->from;
		size_t n;

		if (skip < 0 || skip >= (int64_t)r->piece.len) {
			int rc = from < r->base.size ? fetch(r, from, e) : 1;

			if (rc != 0)
				return rc;
			continue;
		}
		n = r->piece.len - (size_t)skip;
		n = n < len ? n : len;
		memcpy(to, r->piece.data + skip, n);
		to += n;
		from += (int64_t)n;
		len -= n;
	}
	return 0;
}

void s3_read_end(struct place_reader *reader)
{
	struct reader *r = (struct reader *)reader;

	s3_target_free(&r->target);
	buf_free(&r->piece);
	free(r->address);
	free(r->etag);
	free(r);
}
