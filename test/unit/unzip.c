/* SPDX-License-Identifier: MIT */
#include "unzip.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static uint64_t number(const char *at, int bytes)
{
	uint64_t n = 0;

	for (int i = bytes - 1; i >= 0; i--)
		n = n << 8 | (unsigned char)at[i];
	return n;
}

void unzip_open(struct unzip *z, const char *data, size_t len, uint64_t offset)
{
	const char *end = data + len - 22;

	*z = (struct unzip){.data = data, .len = len, .offset = offset};
	assert_true(len >= 22);
	assert_int_equal(number(end, 4), 0x06054b50);
	assert_int_equal(number(end + 8, 2), number(end + 10, 2));
	z->parts = number(end + 10, 2);
	z->directory = number(end + 16, 4);
	if (z->parts == 0xFFFF || z->directory == 0xFFFFFFFF) {
		const char *locator = end - 20, *end64;

		assert_int_equal(number(locator, 4), 0x07064b50);
		end64 = data + (number(locator + 8, 8) - offset);
		assert_ptr_equal(end64, locator - 56);
		assert_int_equal(number(end64, 4), 0x06064b50);
		assert_int_equal(number(end64 + 4, 8), 44);
		z->parts = number(end64 + 32, 8);
		z->directory = number(end64 + 48, 8);
		end = end64;
	}
	assert_int_equal(
	    z->directory - offset + number(data + len - 10, 4), end - data);
}

/* Returns the i-th record of the directory. */
static const char *record(const struct unzip *z, uint64_t i)
{
	const char *at = z->data + (z->directory - z->offset);

	assert_true(i < z->parts);
	for (;; i--) {
		assert_int_equal(number(at, 4), 0x02014b50);
		if (i == 0)
			return at;
		at += 46 + number(at + 28, 2) + number(at + 30, 2);
	}
}

char *unzip_name(const struct unzip *z, uint64_t i)
{
	const char *at = record(z, i);

	return mem_strndup(at + 46, number(at + 28, 2));
}

static const char *local_header(const struct unzip *z, const char *at)
{
	const char *extra = at + 46 + number(at + 28, 2);
	uint64_t where = number(at + 42, 4);

	if (where == 0xFFFFFFFF) {
		assert_int_equal(number(at + 30, 2), 12);
		assert_int_equal(number(extra, 2), 1);
		assert_int_equal(number(extra + 2, 2), 8);
		where = number(extra + 4, 8);
	} else {
		assert_int_equal(number(at + 30, 2), 0);
	}
	return z->data + (where - z->offset);
}

static char *inflate(const char *at, const char *data)
{
	size_t packed = number(at + 20, 4), size = number(at + 24, 4);
	char *out = mem_alloc(size + 1);
	struct inflate_state s;

	isal_inflate_init(&s);
	s.next_in = (uint8_t *)(uintptr_t)data;
	s.avail_in = (uint32_t)packed;
	s.next_out = (uint8_t *)out;
	s.avail_out = (uint32_t)size + 1;
	assert_int_equal(isal_inflate(&s), ISAL_DECOMP_OK);
	assert_int_equal(s.avail_in, 0);
	assert_int_equal(s.avail_out, 1);
	assert_int_equal(
	    crc32_gzip_refl(0, (unsigned char *)out, size), number(at + 16, 4));
	out[size] = '\0';
	return out;
}

char *unzip_part(const struct unzip *z, const char *name, size_t *len)
{
	for (uint64_t i = 0; i < z->parts; i++) {
		const char *at = record(z, i), *local = local_header(z, at),
			   *data;
		size_t n = number(at + 28, 2);

		if (n != strlen(name) || memcmp(at + 46, name, n) != 0)
			continue;
		/* The local header has the same name; the sizes follow the
		 * data. */
		assert_int_equal(number(local, 4), 0x04034b50);
		assert_int_equal(number(local + 6, 2), 8);
		assert_int_equal(number(local + 14, 4), 0);
		assert_int_equal(number(local + 26, 2), n);
		assert_memory_equal(local + 30, name, n);
		data = local + 30 + n + number(local + 28, 2);
		assert_memory_equal(data + number(at + 20, 4), "PK\x07\x08", 4);
		assert_memory_equal(data + number(at + 20, 4) + 4, at + 16, 12);
		if (len != NULL)
			*len = number(at + 24, 4);
		return inflate(at, data);
	}
	return NULL;
}
