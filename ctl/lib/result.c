/* SPDX-License-Identifier: MIT */
#include "ctl/lib/result.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "place/scheme.h"

#define RESULT_MAX (1u << 20)

/* Says whether a shell reads the text as one word, unchanged. */
static bool is_plain(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x80 &&
		    strchr("abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			   "@%+=:,./_-",
			*c) == NULL)
			return false;
	}
	return true;
}

static char *quote(const char *text)
{
	struct buf b;

	buf_init(&b, RESULT_MAX);
	buf_char(&b, '\'');
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '\'')
			buf_str(&b, "'\\''");
		else
			buf_char(&b, *c);
	}
	buf_str(&b, "'");
	return b.data;
}

char *result_place(const char *url)
{
	char *place = place_of_url(url), *quoted;

	if (place_is_file(place) && is_plain(place))
		return place;
	quoted = place_is_file(place) ? quote(place) : mem_strdup(url);
	free(place);
	return quoted;
}

static void add_place(struct buf *b, const char *url)
{
	char *place = result_place(url);

	buf_printf(b, "%s%s", b->len > 0 ? ", " : "", place);
	free(place);
}

static void add_row(struct buf *b, const json_t *row)
{
	char *text = json_dumps(row, JSON_PRESERVE_ORDER);

	buf_printf(b, "%s%s", b->len > 0 ? ", " : "", text);
	free(text);
}

static void fill(json_t *run)
{
	const char *error = json_str(run, "error_message", NULL);
	const char *remark = json_str(run, "remark", NULL);
	const char *url = json_str(run, "output_url", NULL);
	json_t *outputs = json_object_get(run, "outputs");
	struct buf b;
	size_t i;

	buf_init(&b, RESULT_MAX);
	buf_str(&b, "");
	for (i = 0; i < json_array_size(outputs); i++)
		add_place(&b, json_str(json_array_get(outputs, i), "url", ""));
	if (b.len == 0 && url != NULL)
		add_place(&b, url);
	if (json_is_object(json_object_get(run, "result_row")))
		add_row(&b, json_object_get(run, "result_row"));
	if (b.len > 0 && remark != NULL)
		buf_printf(&b, " (%s)", remark);
	else if (remark != NULL)
		buf_str(&b, remark);
	json_object_set_new(
	    run, "result", json_string(error != NULL ? error : b.data));
	buf_free(&b);
}

void result_fill(json_t *runs)
{
	for (size_t i = 0; i < json_array_size(runs); i++)
		fill(json_array_get(runs, i));
}
