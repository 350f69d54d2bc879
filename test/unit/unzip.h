/* SPDX-License-Identifier: MIT */
#ifndef TEST_UNZIP_H
#define TEST_UNZIP_H

#include "helper.h"

/* An archive in memory, read by its directory as programs do. Each assertion
 * about its form is a failed test. */
struct unzip {
	const char *data;
	size_t len;
	uint64_t offset; /* of data's first byte in the archive */
	uint64_t parts, directory;
};

void unzip_open(struct unzip *z, const char *data, size_t len, uint64_t offset);
/* The name of the i-th part, the caller's to free. */
char *unzip_name(const struct unzip *z, uint64_t i);
/* What is in a part, NUL-terminated, the caller's to free; NULL when there is
 * no such part. *len may be NULL. */
char *unzip_part(const struct unzip *z, const char *name, size_t *len);

#endif
