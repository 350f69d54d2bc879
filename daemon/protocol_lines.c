/* SPDX-License-Identifier: MIT */
#include "protocol_lines.h"

#include <string.h>

void lines_init(struct lines *l)
{
	*l = (struct lines){0};
	buf_init(&l->in, PROTOCOL_LINE_MAX);
}

void lines_free(struct lines *l)
{
	buf_free(&l->in);
}

static void drop_taken(struct lines *l)
{
	if (l->taken == 0)
		return;
	buf_consume(&l->in, l->taken);
	l->taken = l->looked = 0;
}

int lines_feed(struct lines *l, const char *data, size_t len, struct err *e)
{
	drop_taken(l);
	buf_add(&l->in, data, len);
	if (l->in.overflow)
		return err_set(e, ERR_PERMANENT,
		    "a message is longer than %u bytes", PROTOCOL_LINE_MAX);
	return 0;
}

char *lines_next(struct lines *l, size_t *len)
{
	char *end;

	drop_taken(l);
	if (l->in.len == l->looked)
		return NULL;
	end = memchr(l->in.data + l->looked, '\n', l->in.len - l->looked);
	if (end == NULL) {
		l->looked = l->in.len;
		return NULL;
	}
	*end = '\0';
	*len = (size_t)(end - l->in.data);
	l->taken = *len + 1;
	return l->in.data;
}
