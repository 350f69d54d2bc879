/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "protocol.h"

void terms_init(struct terms *t)
{
	*t = (struct terms){0};
	buf_init(&t->text, PROTOCOL_LINE_MAX);
}

void terms_free(struct terms *t)
{
	buf_wipe(&t->text);
	json_decref(t->parsed);
	t->parsed = NULL;
}

static int terms_read(
    struct terms *t, const char *text, size_t len, struct err *e)
{
	if (t->parsed != NULL && t->text.len == len &&
	    memcmp(t->text.data, text, len) == 0)
		return 0;
	terms_free(t);
	t->parsed = json_parse_object(text, len, e);
	buf_add(&t->text, text, len);
	return t->parsed ? 0 : -1;
}

int message_parse_task(struct terms *t, const char *line, size_t len,
    struct message *m, struct err *e)
{
	/* The terms contain no tab, as all control characters in them are
	 * escaped. */
	const char *tab = memrchr(line, '\t', len);

	m->body = NULL;
	if (tab == NULL)
		return message_parse(line, len, m, e);
	if (terms_read(t, tab + 1, len - (size_t)(tab + 1 - line), e) != 0 ||
	    message_parse(line, (size_t)(tab - line), m, e) != 0)
		return -1;
	json_object_set(m->body, "terms", t->parsed);
	return 0;
}
