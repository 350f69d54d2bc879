/* SPDX-License-Identifier: MIT */
#include "http/head.h"

#include "base/mem.h"
#include "base/str.h"
#include "fuzz.h"

static bool inside(const char *s, const char *data, size_t size)
{
	return s == NULL || (s >= data && s + strlen(s) < data + size);
}

/* Any bytes as a head: what it gives lies in the bytes, and a head that is taken
 * ends at its first empty line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = mem_alloc(size + 1), *query, *name, *value;
	struct head h;
	int rc;

	memcpy(copy, data, size);
	copy[size] = '\0';
	rc = head_read(copy, size, &h);
	if (rc == 0)
		PROMISE(memcmp(copy, data, size) == 0 && size < HEAD_MAX);
	if (rc < 0)
		PROMISE(h.status >= 400 && h.why != NULL);
	if (rc == 1) {
		PROMISE(h.size <= size && h.size <= HEAD_MAX);
		PROMISE(memcmp(data + h.size - 4, "\r\n\r\n", 4) == 0);
		PROMISE(memmem(data, h.size - 1, "\r\n\r\n", 4) == NULL);
		PROMISE(memmem(data, h.size, "\n\n", 2) == NULL);
		PROMISE(h.length >= 0 && *h.path == '/' &&
			str_is_utf8(h.path, strlen(h.path)));
		PROMISE(inside(h.path, copy, h.size) &&
			inside(h.query, copy, h.size) &&
			inside(h.host, copy, h.size) &&
			inside(h.authorization, copy, h.size));
		query = h.query;
		while (head_next_pair(&query, &name, &value) == 1)
			PROMISE(inside(name, copy, h.size) &&
				inside(value, copy, h.size));
	}
	free(copy);
	return 0;
}
