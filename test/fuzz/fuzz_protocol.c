/* SPDX-License-Identifier: MIT */
#include "daemon/protocol.h"

#include "base/str.h"
#include "fuzz.h"

static void parse(const char *line, size_t len)
{
	struct err e = {.text = ""};
	struct message m;

	if (message_parse(line, len, &m, &e) != 0) {
		PROMISE(m.body == NULL && e.text[0] != '\0');
		PROMISE(str_is_utf8(e.text, strlen(e.text)));
		return;
	}
	PROMISE(m.run_id > 0 && json_is_object(m.body));
	json_decref(m.body);
}

/* The bytes in pieces; their lines, each closed by a line break, in *seen. */
static void feed(const char *data, size_t size, size_t piece, struct buf *seen)
{
	struct lines l;
	struct err e;

	lines_init(&l);
	while (size > 0) {
		size_t n = size < piece ? size : piece, len;
		const char *line;

		PROMISE(lines_feed(&l, data, n, &e) == 0);
		while ((line = lines_next(&l, &len)) != NULL) {
			PROMISE(line[len] == '\0');
			PROMISE(memchr(line, '\n', len) == NULL);
			buf_add(seen, line, len);
			buf_char(seen, '\n');
			if (piece > 64)
				parse(line, len);
		}
		data += n;
		size -= n;
	}
	lines_free(&l);
}

/* The bytes that one side of the socket sends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, split;

	buf_init(&whole, 2 << 20);
	buf_init(&split, 2 << 20);
	feed((const char *)data, size, 1 << 20, &whole);
	feed((const char *)data, size, 1 + size % 7, &split);
	PROMISE(whole.len == split.len && whole.len <= size);
	PROMISE(whole.len == 0 || memcmp(whole.data, data, whole.len) == 0);
	PROMISE(
	    whole.len == 0 || memcmp(whole.data, split.data, whole.len) == 0);
	buf_free(&whole);
	buf_free(&split);
	return 0;
}
