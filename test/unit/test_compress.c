/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "helper.h"
#include "sink/gzip.h"
#include "sink/zstd.h"

static const struct filter {
	const char *name; /* also the name of the program that decompresses */
	struct sink *(*open)(struct sink *next, struct err *e);
} filters[] = {{"gzip", gzip_open}, {"zstd", zstd_open}};

/* Makes data that compresses (a text) or does not (random bytes). */
static struct buf make_data(size_t len, bool random)
{
	struct buf b;
	uint64_t x = 88172645463325252u;

	buf_init(&b, len + 100);
	for (unsigned int i = 0; b.len < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (random)
			buf_add(&b, &x, sizeof(x));
		else
			buf_printf(&b, "%u,product %u,%u.50\n", i, i * 7 % 91,
			    (unsigned int)(x % 1000));
	}
	b.len = len;
	return b;
}

/* Sends data through the filter in pieces of that length; returns 0 when all
 * calls succeed. The filter is always freed. */
static int send(const struct filter *filter, const struct buf *data,
    size_t piece, struct fake *f, struct err *e)
{
	struct sink *s = filter->open(fake_open(f), e);
	int rc = 0;

	assert_non_null(s);
	assert_string_equal(s->type->name, filter->name);
	for (size_t at = 0; rc == 0 && at < data->len; at += piece) {
		size_t n = data->len - at < piece ? data->len - at : piece;

		rc = sink_write(s, data->data + at, n, e);
	}
	if (rc == 0)
		rc = sink_finish(s, e);
	if (rc == 0)
		rc = sink_publish(s, NULL, e);
	assert_int_equal(s->state, rc == 0 ? SINK_PUBLISHED : SINK_FAILED);
	sink_free(s);
	assert_int_equal(f->freed, 1);
	assert_int_equal(f->aborted, rc == 0 ? 0 : 1);
	return rc;
}

/* Checks that `name -dc` restores the data. */
static void assert_reads_back(
    const char *name, const struct buf *sent, const struct buf *data)
{
	char *dir = dir_make();
	char *command = mem_printf("cd %s && %s -dc <in >out", dir, name);
	char *path = mem_printf("%s/in", dir),
	     *back = mem_printf("%s/out", dir);
	char *got = malloc(data->len + 2);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(sent->data, 1, sent->len, file), sent->len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(system(command), 0);
	file = fopen(back, "r");
	assert_non_null(file);
	assert_int_equal(fread(got, 1, data->len + 2, file), data->len);
	assert_int_equal(fclose(file), 0);
	assert_memory_equal(got, data->data, data->len);
	free(got);
	free(back);
	free(path);
	free(command);
	dir_remove(dir);
}

static void check(
    const struct filter *filter, size_t len, bool random, size_t piece)
{
	struct buf data = make_data(len, random);
	struct err e = {.text = ""};
	struct fake f;

	fake_init(&f);
	assert_int_equal(send(filter, &data, piece, &f, &e), 0);
	assert_err(&e, "");
	assert_reads_back(filter->name, &f.bytes, &data);
	if (len > 1000 && !random)
		assert_in_range(f.bytes.len, 1, len / 2);
	fake_free(&f);
	buf_free(&data);
}

TEST(what_is_compressed_reads_back)
{
	for (size_t i = 0; i < COUNT(filters); i++) {
		for (int random = 0; random < 2; random++) {
			check(&filters[i], 0, random, 1);
			check(&filters[i], 1, random, 1);
			check(&filters[i], 1000, random, 1);
			check(&filters[i], 3000000, random, 1777);
			check(&filters[i], 3000000, random, 3000000);
			check(&filters[i], 65536, random, 65536);
		}
	}
}

TEST(the_same_bytes_make_the_same_file)
{
	struct buf data = make_data(500000, false);

	for (size_t i = 0; i < COUNT(filters); i++) {
		struct err e;
		struct fake one, two;

		fake_init(&one);
		fake_init(&two);
		assert_int_equal(send(&filters[i], &data, 9999, &one, &e), 0);
		assert_int_equal(send(&filters[i], &data, 9999, &two, &e), 0);
		assert_int_equal(one.bytes.len, two.bytes.len);
		assert_memory_equal(
		    one.bytes.data, two.bytes.data, one.bytes.len);
		fake_free(&one);
		fake_free(&two);
	}
	buf_free(&data);
}

static size_t sent_size(const struct filter *filter, const struct buf *data)
{
	struct fake f;
	struct err e;
	size_t size;

	fake_init(&f);
	assert_int_equal(send(filter, data, 10000, &f, &e), 0);
	size = f.bytes.len;
	fake_free(&f);
	return size;
}

static void assert_fails_at(
    const struct filter *filter, const struct buf *data, size_t byte)
{
	struct err e = {.text = ""};
	struct fake f;

	fake_init(&f);
	f.fail_at = byte;
	assert_int_equal(send(filter, data, 10000, &f, &e), -1);
	assert_err(&e, FAKE_ERROR);
	assert_int_equal(f.published, 0);
	fake_free(&f);
}

TEST(a_write_that_fails_at_any_byte_is_passed_on)
{
	struct buf small = make_data(600, false);
	struct buf large = make_data(400000, true);

	for (size_t i = 0; i < COUNT(filters); i++) {
		size_t size = sent_size(&filters[i], &small);

		for (size_t n = 0; n < size; n++)
			assert_fails_at(&filters[i], &small, n);
		size = sent_size(&filters[i], &large);
		assert_in_range(size, 390000, 410000);
		for (size_t n = 0; n < size; n += 9973)
			assert_fails_at(&filters[i], &large, n);
		assert_fails_at(&filters[i], &large, size - 1);
	}
	buf_free(&small);
	buf_free(&large);
}

TEST(a_failing_finish_or_publish_is_passed_on)
{
	struct buf data = make_data(600, false);

	for (size_t i = 0; i < COUNT(filters); i++) {
		for (int publish = 0; publish < 2; publish++) {
			struct err e = {.text = ""};
			struct fake f;

			fake_init(&f);
			f.fail_finish = !publish;
			f.fail_publish = publish;
			assert_int_equal(
			    send(&filters[i], &data, 100, &f, &e), -1);
			assert_err(&e, FAKE_ERROR);
			assert_int_equal(f.published, publish);
			fake_free(&f);
		}
	}
	buf_free(&data);
}

TEST(freed_at_once_nothing_is_written)
{
	for (size_t i = 0; i < COUNT(filters); i++) {
		struct err e;
		struct fake f;
		struct sink *s;

		fake_init(&f);
		s = filters[i].open(fake_open(&f), &e);
		assert_int_equal(sink_write(s, "", 0, &e), 0);
		sink_free(s);
		assert_int_equal(f.writes, 0);
		assert_int_equal(f.aborted, 1);
		assert_int_equal(f.freed, 1);
		fake_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_compressed_reads_back),
	    cmocka_unit_test(the_same_bytes_make_the_same_file),
	    cmocka_unit_test(a_write_that_fails_at_any_byte_is_passed_on),
	    cmocka_unit_test(a_failing_finish_or_publish_is_passed_on),
	    cmocka_unit_test(freed_at_once_nothing_is_written),
	};

	return cmocka_run_group_tests_name("compress", tests, NULL, NULL);
}
