/* SPDX-License-Identifier: MIT */
#include "input/pages.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "input/split.h"
#include "net/http/http.h"
#include "net/http/url.h"

/* Bytes of lines that are written together. */
#define TOGETHER ((size_t)256 << 10)
#define ROOM (TOGETHER + SPLIT_ROW_MAX + 1)

struct reading {
	struct pages *p;
	struct split *split;
	struct buf lines;
	json_t *seen;              /* digests of the URLs of all pages */
	int64_t bytes, page_bytes; /* of the answers before, and of this one */
	int64_t rows, at;          /* lines and their bytes before this page */
};

/* ---- lines ---- */

static int flush(struct reading *r, struct err *e)
{
	int rc =
	    io_write_all(r->p->fd, r->lines.data, r->lines.len, r->p->name, e);

	r->p->written += (int64_t)r->lines.len;
	buf_clear(&r->lines);
	return rc;
}

static int add_row(void *arg, const char *text, size_t len, struct err *e)
{
	struct reading *r = arg;

	buf_add(&r->lines, text, len);
	buf_char(&r->lines, '\n');
	r->p->rows++;
	return r->lines.len < TOGETHER ? 0 : flush(r, e);
}

/* Forgets what an earlier try of this page has written. */
static int begin_page(void *arg, struct err *e)
{
	struct reading *r = arg;

	split_reset(r->split);
	buf_clear(&r->lines);
	r->p->rows = r->rows;
	r->p->written = r->at;
	r->page_bytes = 0;
	if (ftruncate(r->p->fd, r->at) != 0 ||
	    lseek(r->p->fd, r->at, SEEK_SET) < 0)
		return err_errno(e, errno, "%s", r->p->name);
	return 0;
}

static int take(void *arg, const char *data, size_t len, struct err *e)
{
	struct reading *r = arg;

	r->page_bytes += (int64_t)len;
	if (r->p->most_bytes > 0 && r->bytes + r->page_bytes > r->p->most_bytes)
		return err_set(e, ERR_PERMANENT,
		    "its answers have more than %" PRId64 " bytes: max_bytes "
		    "in [inputs] of the settings",
		    r->p->most_bytes);
	return split_feed(r->split, data, len, e);
}

/* ---- pages ---- */

/* Remembers the URL; an error when it was read before: the answer would have no
 * end. */
static int note(struct reading *r, const char *url, struct err *e)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char key[2 * SHA256_DIGEST_LENGTH + 1];

	SHA256((const unsigned char *)url, strlen(url), digest);
	str_hex(key, digest, sizeof(digest));
	if (json_object_get(r->seen, key) != NULL)
		return err_set(e, ERR_PERMANENT,
		    "\"next\" leads back to a page that was read before");
	json_object_set_new(r->seen, key, json_true());
	if (r->p->count++ < r->p->most_pages)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "it has more than %" PRId64
	    " pages: max_pages in [inputs] of the settings",
	    r->p->most_pages);
}

/* Finds the URL of the next page; *next is NULL after the last one. */
static int find_next(const struct pages *p, const char *url, const json_t *rest,
    char **next, struct err *e)
{
	const json_t *found = p->next ? split_find(rest, p->next) : NULL;
	const char *text = json_string_value(found);

	*next = NULL;
	if (found == NULL || json_is_null(found) || json_is_false(found) ||
	    (text != NULL && *text == '\0'))
		return 0;
	if (text == NULL)
		return err_set(e, ERR_TRANSIENT,
		    "\"next\" of the input leads to a value that is no text");
	*next = http_join(url, text);
	if (*next != NULL && place_scheme_of(*next) == place_scheme_of(url))
		return 0;
	free(*next);
	*next = NULL;
	return err_set(e, ERR_TRANSIENT, "\"next\" leads to no https:// URL");
}

/* Reads one page and finds the next. */
static int read_page(
    struct reading *r, const char *url, char **next, struct err *e)
{
	struct place_stream stream = {
	    .address = url, .begin = begin_page, .take = take, .arg = r};
	json_t *rest;
	int rc;

	if (note(r, url, e) != 0 || place_stream(r->p->lent, &stream, e) != 0)
		return -1;
	rest = split_end(r->split, e);
	if (rest == NULL || flush(r, e) != 0) {
		json_decref(rest);
		return -1;
	}
	rc = find_next(r->p, url, rest, next, e);
	json_decref(rest);
	r->rows = r->p->rows;
	r->at = r->p->written;
	r->bytes += r->page_bytes;
	return rc;
}

int pages_read(struct pages *p, struct err *e)
{
	struct reading r = {.p = p, .seen = json_object()};
	char *url = mem_strdup(p->address), *next = NULL;
	int rc = 0;

	r.split = split_open(p->items, add_row, &r);
	buf_init(&r.lines, ROOM);
	while (rc == 0 && url != NULL) {
		rc = read_page(&r, url, &next, e);
		free(url);
		url = rc == 0 ? next : NULL;
	}
	split_free(r.split);
	buf_free(&r.lines);
	json_decref(r.seen);
	return rc == 0 ? 0
		       : err_wrap(e, "page %" PRId64 " of %.*s", p->count,
			     (int)strcspn(p->address, "?"), p->address);
}
