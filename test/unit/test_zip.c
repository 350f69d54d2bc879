/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/zip.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "unzip.h"

#define FAR ((uint64_t)5 << 30)

static struct sink *sink;

static struct zip *open_zip(struct fake *f)
{
	fake_init(f);
	sink = fake_open(f);
	return zip_open(sink);
}

static void add(struct zip *z, const char *name, const char *text)
{
	struct err e = {.text = ""};
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_str(&b, text);
	assert_int_equal(zip_part(z, name, &b, &e), 0);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void close_zip(struct zip *z, struct fake *f)
{
	zip_free(z);
	sink_free(sink);
	fake_free(f);
}

static void finish(struct zip *z)
{
	struct err e = {.text = ""};

	assert_int_equal(zip_finish(z, &e), 0);
	assert_err(&e, "");
}

static void assert_part(
    const struct unzip *u, const char *name, const char *expected)
{
	char *text = unzip_part(u, name, NULL);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

TEST(parts_are_read_back)
{
	struct fake f;
	struct zip *z = open_zip(&f);
	struct unzip u;

	add(z, "a.txt", "one");
	add(z, "empty", "");
	add(z, "folder/b.txt", "two");
	finish(z);
	unzip_open(&u, f.bytes.data, f.bytes.len, 0);
	assert_int_equal(u.parts, 3);
	assert_part(&u, "a.txt", "one");
	assert_part(&u, "empty", "");
	assert_part(&u, "folder/b.txt", "two");
	assert_null(unzip_part(&u, "none", NULL));
	close_zip(z, &f);
}

TEST(an_archive_may_be_empty)
{
	struct fake f;
	struct zip *z = open_zip(&f);
	struct unzip u;

	finish(z);
	unzip_open(&u, f.bytes.data, f.bytes.len, 0);
	assert_int_equal(u.parts, 0);
	assert_int_equal(f.bytes.len, 22);
	close_zip(z, &f);
}

/* Fills a buffer with random bytes, which do not compress. */
static void fill(struct buf *b, size_t n, uint32_t *seed)
{
	char *at = buf_reserve(b, n);

	for (size_t i = 0; i < n; i++) {
		*seed = *seed * 1664525 + 1013904223;
		at[i] = (char)(*seed >> 24);
	}
	b->len += n;
}

/* Large pieces, with small ones between them. */
TEST(a_part_of_many_pieces_is_whole)
{
	static const size_t pieces[] = {
	    1, 300000, 0, 70000, 65536, 65535, 5, 2000000, 100000, 3};
	struct err e = {.text = ""};
	struct fake f;
	struct zip *z = open_zip(&f);
	uint32_t seed = 1, again = 1;
	struct buf piece, whole;
	struct unzip u;
	size_t len;
	char *data;

	buf_init(&piece, 4 << 20);
	buf_init(&whole, 4 << 20);
	for (int part = 0; part < 3; part++) {
		zip_begin(z, part ? "again" : "noise");
		for (size_t i = 0; i < COUNT(pieces); i++) {
			fill(&piece, pieces[i], &seed);
			assert_int_equal(zip_add(z, &piece, &e), 0);
			assert_int_equal(piece.len, 0);
		}
		assert_int_equal(zip_end(z, &e), 0);
	}
	finish(z);
	unzip_open(&u, f.bytes.data, f.bytes.len, 0);
	data = unzip_part(&u, "noise", &len);
	for (size_t i = 0; i < COUNT(pieces); i++)
		fill(&whole, pieces[i], &again);
	assert_int_equal(len, whole.len);
	assert_memory_equal(data, whole.data, len);
	free(data);
	buf_free(&piece);
	buf_free(&whole);
	close_zip(z, &f);
}

TEST(the_same_parts_give_the_same_bytes)
{
	struct fake f, g;
	struct zip *z = open_zip(&f);

	add(z, "a", "one");
	finish(z);
	zip_free(z);
	sink_free(sink);
	z = open_zip(&g);
	add(z, "a", "one");
	finish(z);
	assert_int_equal(f.bytes.len, g.bytes.len);
	assert_memory_equal(f.bytes.data, g.bytes.data, f.bytes.len);
	fake_free(&f);
	close_zip(z, &g);
}

/* ZIP64: offsets beyond 4 GiB, in the entries and for the directory itself. */
TEST(an_archive_may_pass_4_gib)
{
	struct fake f;
	struct zip *z = open_zip(&f);
	struct unzip u;

	zip_pretend(z, FAR);
	add(z, "a", "one");
	add(z, "b", "two");
	finish(z);
	unzip_open(&u, f.bytes.data, f.bytes.len, FAR);
	assert_int_equal(u.parts, 2);
	assert_true(u.directory > FAR);
	assert_part(&u, "a", "one");
	assert_part(&u, "b", "two");
	close_zip(z, &f);
}

/* Only the directory lies beyond 4 GiB. */
TEST(the_directory_may_pass_4_gib)
{
	struct fake f;
	struct zip *z = open_zip(&f);
	uint64_t offset = UINT32_MAX - 20;
	struct unzip u;

	zip_pretend(z, offset);
	add(z, "a", "one");
	finish(z);
	unzip_open(&u, f.bytes.data, f.bytes.len, offset);
	assert_part(&u, "a", "one");
	close_zip(z, &f);
}

TEST(there_may_be_more_than_65535_parts)
{
	enum { PARTS = 65535 };
	struct fake f;
	struct zip *z = open_zip(&f);
	struct unzip u;
	char *name;

	for (int i = 0; i < PARTS; i++)
		add(z, i == PARTS - 1 ? "last" : "x", "");
	finish(z);
	unzip_open(&u, f.bytes.data, f.bytes.len, 0);
	assert_int_equal(u.parts, PARTS);
	name = unzip_name(&u, PARTS - 1);
	assert_string_equal(name, "last");
	free(name);
	close_zip(z, &f);
}

TEST(a_piece_without_memory_is_an_error)
{
	struct err e = {.text = ""};
	struct fake f;
	struct zip *z = open_zip(&f);
	struct buf b;

	buf_init(&b, 10);
	buf_str(&b, "more than ten bytes");
	zip_begin(z, "a");
	assert_int_equal(zip_add(z, &b, &e), -1);
	assert_err(&e, "ZIP: a piece of a does not fit into memory");
	buf_free(&b);
	close_zip(z, &f);
	zip_free(NULL);
}

TEST(freeing_ends_it_anywhere)
{
	for (int pieces = 0; pieces < 3; pieces++) {
		struct err e = {.text = ""};
		struct fake f;
		struct zip *z = open_zip(&f);
		uint32_t seed = 7;
		struct buf b;

		buf_init(&b, 4 << 20);
		zip_begin(z, "a");
		for (int i = 0; i < pieces; i++) {
			fill(&b, 1 << 20, &seed);
			assert_int_equal(zip_add(z, &b, &e), 0);
		}
		buf_free(&b);
		close_zip(z, &f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts_are_read_back),
	    cmocka_unit_test(an_archive_may_be_empty),
	    cmocka_unit_test(a_part_of_many_pieces_is_whole),
	    cmocka_unit_test(the_same_parts_give_the_same_bytes),
	    cmocka_unit_test(an_archive_may_pass_4_gib),
	    cmocka_unit_test(the_directory_may_pass_4_gib),
	    cmocka_unit_test(there_may_be_more_than_65535_parts),
	    cmocka_unit_test(a_piece_without_memory_is_an_error),
	    cmocka_unit_test(freeing_ends_it_anywhere),
	};

	return cmocka_run_group_tests_name("zip", tests, NULL, NULL);
}
