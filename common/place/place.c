/* SPDX-License-Identifier: MIT */
#include "place/place.h"

#include <stdlib.h>

#include "base/mem.h"
#include "place/file/file.h"
#include "place/https/https.h"
#include "place/s3/s3.h"
#include "place/stdout.h"
#include "place/table/table.h"

static const struct place_type *const types[] = {
    &place_file,
    &place_s3,
    &place_https,
    &place_table,
    &place_stdout,
};
#define TYPES ((int)(sizeof(types) / sizeof(*types)))

const struct place_type *place_at(int i)
{
	return i < TYPES ? types[i] : NULL;
}

const struct place_type *place_of(const char *address)
{
	const struct place_scheme *scheme = place_scheme_of(address);
	int i = 0;

	while (types[i]->scheme != scheme)
		i++;
	return types[i];
}

int place_allow(const struct place_lent *lent, const char *address,
    const json_t *options, struct err *e)
{
	const struct place_type *t = place_of(address);

	return t->allow(
	    lent, address, json_object_get(options, t->scheme->name), e);
}

int place_allow_read(
    const struct place_lent *lent, const char *address, struct err *e)
{
	const struct place_type *t = place_of(address);

	return t->allow_read ? t->allow_read(lent, address, e) : 0;
}

/* ---- at work ---- */

static int refuse(const char *address, const char *deed, struct err *e)
{
	return err_set(e, ERR_PERMANENT, "%s: a place of the kind %s cannot %s",
	    address, place_of(address)->scheme->name, deed);
}

struct sink *place_open(const struct place_output *o, struct err *e)
{
	return place_of(o->address)->open(o, e);
}

static struct sink *last_of(struct sink *s)
{
	while (s->next != NULL)
		s = s->next;
	return s;
}

int place_begin_file(const char *address, struct sink *s,
    const struct schema *columns, struct err *e)
{
	const struct place_type *t = place_of(address);

	return t->begin_file ? t->begin_file(last_of(s), columns, e)
			     : refuse(address, "take files as they are", e);
}

int place_end_file(const char *address, struct sink *s, struct err *e)
{
	return place_of(address)->end_file(last_of(s), e);
}

struct source *place_staged(const char *address, struct sink *s, struct err *e)
{
	const struct place_type *t = place_of(address);

	if (t->staged != NULL)
		return t->staged(last_of(s), e);
	refuse(address, "show rows before they are published", e);
	return NULL;
}

int place_landed(
    const struct place_output *o, struct place_landed *found, struct err *e)
{
	const struct place_type *t = place_of(o->address);

	return t->landed == NULL || o->request_id == NULL
		   ? 0
		   : t->landed(o, found, e);
}

bool place_can_read(const char *address)
{
	return place_of(address)->read != NULL;
}

struct place_reader *place_read(
    const struct place_lent *lent, const char *address, struct err *e)
{
	const struct place_type *t = place_of(address);

	if (t->read != NULL)
		return t->read(lent, address, e);
	refuse(address, "be read", e);
	return NULL;
}

int place_read_at(
    struct place_reader *r, int64_t from, char *to, size_t len, struct err *e)
{
	return r->type->read_at(r, from, to, len, e);
}

void place_read_end(struct place_reader *r)
{
	if (r != NULL)
		r->type->read_end(r);
}

int place_pin(const struct place_lent *lent, const char *address,
    const char *version, struct place_reader **reader, struct err *e)
{
	const struct place_type *t = place_of(address);

	return t->pin ? t->pin(lent, address, version, reader, e)
		      : refuse(address, "be read by version", e);
}

int place_pinned(struct place_reader *r, struct err *e)
{
	return r->type->pinned ? r->type->pinned(r, e) : 0;
}

int place_stream(
    const struct place_lent *lent, struct place_stream *s, struct err *e)
{
	const struct place_type *t = place_of(s->address);

	return t->stream ? t->stream(lent, s, e)
			 : refuse(s->address, "hand its content on", e);
}

const char *place_heard(const char *body, size_t len, json_t *addresses)
{
	const char *fault = NULL;

	for (int i = 0; i < TYPES; i++) {
		if (types[i]->heard == NULL)
			continue;
		fault = types[i]->heard(body, len, addresses);
		if (fault == NULL)
			break;
	}
	return fault;
}

char *place_read_all(const struct place_lent *lent, const char *address,
    size_t most, size_t *len, struct err *e)
{
	struct place_reader *r = place_read(lent, address, e);
	char *text = NULL;
	int rc;

	if (r == NULL)
		return NULL;
	if (r->size > (int64_t)most) {
		err_set(e, ERR_PERMANENT, "%s is larger than %zu bytes",
		    address, most);
		goto out;
	}
	*len = (size_t)r->size;
	text = mem_alloc(*len + 1);
	text[*len] = '\0';
	rc = place_read_at(r, 0, text, *len, e);
	if (rc == 0)
		goto out;
	if (rc > 0)
		err_set(
		    e, ERR_TRANSIENT, "%s changed while it was read", address);
	free(text);
	text = NULL;
out:
	place_read_end(r);
	return text;
}

int place_list(const struct place_lent *lent, const char *prefix,
    place_each *each, void *arg, struct err *e)
{
	const struct place_type *t = place_of(prefix);

	return t->list ? t->list(lent, prefix, each, arg, e)
		       : refuse(prefix, "be listed", e);
}

int place_scan(
    const struct place_lent *lent, struct place_scan *scan, struct err *e)
{
	const struct place_type *t = place_of(scan->pattern);

	return t->scan ? t->scan(lent, scan, e)
		       : refuse(scan->pattern, "be searched", e);
}

int place_move(
    const struct place_lent *lent, struct place_move *move, struct err *e)
{
	const struct place_type *t = place_of(move->address);

	return t->move ? t->move(lent, move, e)
		       : refuse(move->address, "move files", e);
}

int place_remove(const struct place_lent *lent, const char *prefix,
    int64_t deadline_ms, struct err *e)
{
	const struct place_type *t = place_of(prefix);

	return t->remove ? t->remove(lent, prefix, deadline_ms, e)
			 : refuse(prefix, "be emptied", e);
}

int place_link(const struct place_lent *lent, const char *address,
    int64_t seconds, char **url, int64_t *ends, struct err *e)
{
	const struct place_type *t = place_of(address);

	*url = NULL;
	return t->link ? t->link(lent, address, seconds, url, ends, e)
		       : refuse(address, "be linked to", e);
}

int place_access(const struct place_lent *lent, const char *address,
    struct place_access *access, struct err *e)
{
	const struct place_type *t = place_of(address);

	return t->access ? t->access(lent, address, access, e)
			 : refuse(address, "be written to by a server", e);
}

int place_sweep(const struct place_lent *lent, const json_t *entry,
    int64_t *wait_ms, struct err *e)
{
	const char *address = json_str(entry, "place", NULL);
	const struct place_type *t = address ? place_of(address) : NULL;
	int64_t wait = 0;
	int rc;

	if (t == NULL)
		return 2;
	rc = t->sweep ? t->sweep(lent, entry, &wait, e) : 0;

	if (rc == 1 && wait < *wait_ms)
		*wait_ms = wait;
	return rc;
}
