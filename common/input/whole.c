/* SPDX-License-Identifier: MIT */
#include "input/whole.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "input/whole_parts.h"

/* Reads both ends of a file that is not packed. */
static int ends_of_file(
    const struct whole *w, struct text_ends *ends, struct err *e)
{
	int64_t size = ends->size = w->reader->size;
	size_t n = size < (int64_t)TEXT_HEAD ? (size_t)size : TEXT_HEAD;
	int rc;

	rc = place_read_at(w->reader, 0, buf_reserve(&ends->head, n), n, e);
	if (rc == 0)
		rc = place_read_at(w->reader, size - (int64_t)n,
		    buf_reserve(&ends->tail, n), n, e);
	ends->head.len = ends->tail.len = n;
	return rc;
}

/* Measures the lines that do not lie within one piece: others are short. */
static void note_line(struct text_ends *ends, const char *data, size_t len)
{
	const char *first = memchr(data, '\n', len);

	ends->line += first ? first - data : (int64_t)len;
	if (ends->line > ends->longest)
		ends->longest = ends->line;
	if (first != NULL)
		ends->line =
		    data + len - ((const char *)memrchr(data, '\n', len) + 1);
}

/* Keeps the first and the last bytes of a stream. */
static int keep(void *arg, const void *data, size_t len, struct err *e)
{
	struct text_ends *ends = arg;
	size_t room = TEXT_HEAD - ends->head.len;

	(void)e;
	ends->size += (int64_t)len;
	note_line(ends, data, len);
	buf_add(&ends->head, data, len < room ? len : room);
	if (ends->tail.len + len > TEXT_TAIL)
		buf_consume(&ends->tail, len < TEXT_TAIL
					     ? ends->tail.len + len - TEXT_TAIL
					     : ends->tail.len);
	buf_add(&ends->tail, data, len);
	return 0;
}

/* Reads a file to its end. 1: it is no whole gzip file, with the reason. */
static int ends_of_content(const struct whole *w, struct text_ends *ends,
    char reason[static WHOLE_REASON], struct err *e)
{
	int rc = input_read(w, keep, ends, e);

	snprintf(reason, WHOLE_REASON,
	    "it is no whole gzip file: it breaks off or is damaged after %lld "
	    "bytes of its content",
	    (long long)ends->size);
	return rc;
}

/* Checks the header of a file whose last line ends, so that its header does. */
static int header_check(
    struct whole *w, const struct buf *head, char reason[static WHOLE_REASON])
{
	int rc = csv_header_check(head, w->spec, reason);

	if (rc == 0 && w->names != NULL)
		rc = csv_header_names(head, w->spec, w->names, reason);
	w->wrong = rc != 0;
	return rc;
}

static int line_check(struct whole *w, const struct text_ends *ends,
    char reason[static WHOLE_REASON])
{
	if (w->line_most == 0 || ends->longest <= w->line_most)
		return header_check(w, &ends->head, reason);
	snprintf(reason, WHOLE_REASON,
	    "a line of it has %lld bytes; in a relation it may have %lld",
	    (long long)ends->longest, (long long)w->line_most);
	w->wrong = true;
	return 1;
}

static int csv_check(struct whole *w, const struct text_ends *ends,
    char reason[static WHOLE_REASON])
{
	if (ends->tail.len > 0 && ends->tail.data[ends->tail.len - 1] == '\n')
		return line_check(w, ends, reason);
	snprintf(reason, WHOLE_REASON,
	    ends->tail.len > 0 && ends->tail.data[ends->tail.len - 1] == '\r'
		? "its last line ends with a carriage return alone, which ends "
		  "no line: write \\n or \\r\\n"
		: "its last line does not end: it is not whole");
	return 1;
}

/* A last line that ends with a line break is whole; without one it must be a whole
 * JSON value. */
static int jsonl_check(
    const struct text_ends *ends, char reason[static WHOLE_REASON])
{
	const char *text = ends->tail.data, *line = text;
	size_t len = ends->tail.len;
	json_t *value;

	if (len > 0 && text[len - 1] == '\n')
		return 0;
	for (size_t i = 0; i < len; i++)
		line = text[i] == '\n' ? text + i + 1 : line;
	value = len ? json_loadb(line, (size_t)(text + len - line),
			  JSON_DECODE_ANY, NULL)
		    : NULL;
	if (value == NULL)
		snprintf(reason, WHOLE_REASON,
		    "its last line is no JSON value: it is not whole");
	json_decref(value);
	return value == NULL;
}

static int text_check(struct whole *w, const char *format,
    char reason[static WHOLE_REASON], struct err *e)
{
	struct text_ends ends = {.size = 0};
	int rc;

	buf_init(&ends.head, TEXT_HEAD + 1);
	buf_init(&ends.tail, 2 * TEXT_TAIL);
	rc = input_is_gzip(w->name) || w->line_most > 0
		 ? ends_of_content(w, &ends, reason, e)
		 : ends_of_file(w, &ends, e);
	if (rc == 0 && strcmp(format, "csv") == 0)
		rc = csv_check(w, &ends, reason);
	else if (rc == 0 && strcmp(format, "jsonl") == 0)
		rc = jsonl_check(&ends, reason);
	buf_free(&ends.head);
	buf_free(&ends.tail);
	return rc;
}

static int check_format(struct whole *w, const char *format,
    char reason[static WHOLE_REASON], struct err *e)
{
	snprintf(reason, WHOLE_REASON, "it was changed while it was read");
	if (strcmp(format, "parquet") == 0)
		return parquet_check(w, reason, e);
	if (*format == '\0' && !input_is_gzip(w->name))
		return 0;
	return text_check(w, format, reason, e);
}

int whole_check(
    struct whole *w, char reason[static WHOLE_REASON], struct err *e)
{
	int rc = check_format(w, json_str(w->spec, "format", ""), reason, e);

	/* A header has bytes of any kind, and is quoted. */
	str_clean_utf8(reason);
	return rc;
}
