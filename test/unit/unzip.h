/* SPDX-License-Identifier: MIT */
#ifndef TEST_UNZIP_H
#define TEST_UNZIP_H

#include "helper.h"

/* An archive in memory, read through its directory as programs do. A wrong form
 * fails the test. */
struct unzip {
	const char *data;
	size_t len;
	uint64_t offset; /* offset of the data's first byte */
	uint64_t parts, directory;
};

void unzip_open(struct unzip *z, const char *data, size_t len, uint64_t offset);
/* Returns the name of the i-th part; the caller frees it. */
char *unzip_name(const struct unzip *z, uint64_t i);
/* Returns the content of a part, NUL-terminated, which the caller frees; NULL
 * when there is no such part. *len may be NULL. */
char *unzip_part(const struct unzip *z, const char *name, size_t *len);

#endif
