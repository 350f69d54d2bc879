/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "input/names.h"
#include "input/whole_parts.h"

/* A header that is read field by field. */
struct header {
	const char *at, *end; /* the text still to be read; at NULL: a fault */
	char delimiter;
	/* A quote anywhere else than around a whole field is refused: COPY
	 * would read the header beyond its line, and rows with it. */
	bool strict;
	struct buf field;
	char *reason; /* WHOLE_REASON bytes */
};

static bool ends_field(const struct header *h, const char *at)
{
	return at == h->end || *at == h->delimiter || *at == '\n' ||
	       *at == '\r';
}

/* Reads one field, quoted or not, into h->field. Returns where it ends; NULL: it
 * does not end, or a quote is refused. */
static const char *read_field(struct header *h)
{
	const char *at = h->at;

	buf_clear(&h->field);
	buf_str(&h->field, "");
	if (at < h->end && *at == '"') {
		for (at++; at < h->end; at++) {
			if (*at == '"' && (at + 1 == h->end || at[1] != '"'))
				break;
			at += *at == '"';
			buf_char(&h->field, *at);
		}
		if (at == h->end)
			return NULL;
		return h->strict && !ends_field(h, at + 1) ? NULL : at + 1;
	}
	while (!ends_field(h, at) && !(h->strict && *at == '"'))
		buf_char(&h->field, *at++);
	return ends_field(h, at) ? at : NULL;
}

/* Goes on to the next field. Returns false when there is none. */
static bool next_field(struct header *h)
{
	bool more = h->at != NULL && h->at < h->end && *h->at == h->delimiter;

	h->at += more;
	return more;
}

static void open_header(
    struct header *h, const struct buf *head, const json_t *spec, char *reason)
{
	*h = (struct header){.at = head->data,
	    .end = head->data + head->len,
	    .delimiter = json_str(spec, "delimiter", ",")[0],
	    .reason = reason};
	if (head->len >= 3 && memcmp(head->data, "\xEF\xBB\xBF", 3) == 0)
		h->at += 3;
	buf_init(&h->field, TEXT_HEAD);
}

/* ---- columns that are known ---- */

/* Checks that the line ends after the last field; 1: it does not. */
static int check_end(const struct header *h, size_t columns)
{
	const char *at = h->at;

	if (at < h->end && *at == '\r')
		at++;
	if (at < h->end && *at == '\n')
		return 0;
	snprintf(h->reason, WHOLE_REASON,
	    at == h->end ? "column %zu of its header lies beyond the 65536 "
			   "bytes that a header may have"
			 : "column %zu of its header is followed by neither a "
			   "delimiter nor the end of the line",
	    columns);
	return 1;
}

static int differ(const struct header *h, size_t i, const char *wanted)
{
	snprintf(h->reason, WHOLE_REASON,
	    "column %zu of its header is \"%.100s\", not \"%.100s\"", i + 1,
	    h->field.data, wanted);
	return 1;
}

static int count_differs(const struct header *h, size_t found, size_t wanted)
{
	snprintf(h->reason, WHOLE_REASON,
	    "its header has %zu column%s, and the input %zu", found,
	    found == 1 ? "" : "s", wanted);
	return 1;
}

static int compare(struct header *h, const json_t *columns)
{
	size_t i, n = json_array_size(columns);
	const json_t *pair;

	json_array_foreach(columns, i, pair)
	{
		const char *wanted = json_string_value(json_array_get(pair, 0));

		if (i > 0 && !next_field(h))
			return check_end(h, i) || count_differs(h, i, n);
		h->at = read_field(h);
		/* A zero byte does not end a name. */
		if (h->at == NULL || h->field.len != strlen(wanted) ||
		    strcmp(h->field.data, wanted) != 0)
			return differ(h, i, wanted);
	}
	if (!next_field(h))
		return check_end(h, n);
	snprintf(h->reason, WHOLE_REASON,
	    "its header has more than the %zu columns of the input", n);
	return 1;
}

int csv_header_check(const struct buf *head, const json_t *spec,
    char reason[static WHOLE_REASON])
{
	const json_t *columns = json_object_get(spec, "columns");
	struct header h;
	int rc;

	if (columns == NULL || !json_bool(spec, "header", true))
		return 0;
	open_header(&h, head, spec, reason);
	rc = compare(&h, columns);
	buf_free(&h.field);
	return rc;
}

/* ---- columns that the header names ---- */

static int refuse(const struct header *h, size_t i, const char *what)
{
	snprintf(h->reason, WHOLE_REASON, "column %zu of its header %s", i + 1,
	    what);
	return 1;
}

static int add_name(const struct header *h, json_t *names)
{
	size_t i = json_array_size(names);
	char *name = input_column_name(h->field.data, h->field.len);
	int rc = 0;

	if (name == NULL)
		rc = refuse(h, i, "is no UTF-8");
	else if (strlen(name) > 63)
		rc = refuse(h, i, "has a name of more than 63 bytes");
	else if (json_has_text(names, name))
		rc = snprintf(h->reason, WHOLE_REASON,
			 "two columns of its header are named \"%s\" as "
			 "normalize_names writes them",
			 name) > 0;
	else
		json_array_append_new(names, json_string(name));
	free(name);
	return rc;
}

/* `known`: the names are there, and only the form of the header is checked. */
static int read_names(struct header *h, bool known, json_t *names)
{
	size_t i = 0;

	do {
		h->at = read_field(h);
		if (h->at == NULL)
			return refuse(h, i,
			    "has a quote that is not around the whole name, or "
			    "does not end");
		if (h->at == h->end)
			return refuse(h, i,
			    "lies beyond the 65536 bytes that a header may "
			    "have");
		if (i++ == CSV_COLUMNS)
			return refuse(
			    h, i - 1, "is one more than a table can have");
		if (!known && add_name(h, names) != 0)
			return 1;
	} while (next_field(h));
	return 0;
}

int csv_header_names(const struct buf *head, const json_t *spec, json_t *names,
    char reason[static WHOLE_REASON])
{
	const json_t *columns = json_object_get(spec, "columns"), *pair;
	struct header h;
	size_t i;
	int rc;

	json_array_foreach(columns, i, pair)
	{
		json_array_append(names, json_array_get(pair, 0));
	}
	if (!json_bool(spec, "header", true))
		return 0;
	open_header(&h, head, spec, reason);
	h.strict = true;
	rc = read_names(&h, columns != NULL, names);
	buf_free(&h.field);
	return rc;
}
