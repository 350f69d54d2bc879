/* SPDX-License-Identifier: MIT */
#include "place/place.h"

#include <stdlib.h>

#include "base/mem.h"
#include "place/file/file.h"
#include "place/s3/s3.h"
#include "place/stdout.h"

static const struct place_type *const types[] = {
    &place_file,
    &place_s3,
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

static int sweep_one(const struct place_lent *lent, const json_t *entry,
    int64_t stale_ms, struct err *e)
{
	const struct place_type *t = place_of(json_str(entry, "place", ""));

	return t->sweep ? t->sweep(lent, entry, stale_ms, e) : 0;
}

int place_sweep(const struct place_lent *lent, json_t *list, int64_t stale_ms,
    struct err *e)
{
	size_t i = 0;
	int rc = 0;

	while (i < json_array_size(list)) {
		int one = sweep_one(lent, json_array_get(list, i), stale_ms, e);

		if (one == 0)
			json_array_remove(list, i);
		else
			i++;
		rc = one < 0 ? -1 : rc;
	}
	return rc;
}
