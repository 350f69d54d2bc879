/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"

TEST(bytes_come_back_in_order_and_terminated)
{
	struct buf b;

	buf_init(&b, 100);
	buf_str(&b, "one");
	buf_char(&b, ' ');
	buf_add(&b, "two!", 3);
	buf_printf(&b, " %d", 3);
	assert_string_equal(b.data, "one two 3");
	assert_int_equal(b.len, 9);
	assert_false(b.overflow);
	buf_free(&b);
}

TEST(what_does_not_fit_leaves_a_string)
{
	struct buf b;

	buf_init(&b, 3);
	buf_printf(&b, "%s", "four");
	assert_true(b.overflow);
	assert_string_equal(b.data, "");
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

TEST(nul_bytes_are_bytes)
{
	struct buf b;

	buf_init(&b, 100);
	buf_add(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b", 4);
	buf_free(&b);
}

TEST(adding_nothing_makes_an_empty_string)
{
	struct buf b;

	buf_init(&b, 0);
	buf_str(&b, "");
	buf_add(&b, NULL, 0);
	buf_printf(&b, "%s", "");
	assert_string_equal(b.data, "");
	assert_false(b.overflow);
	buf_free(&b);
}

TEST(the_maximum_is_reached_exactly)
{
	struct buf b;

	buf_init(&b, 5);
	buf_str(&b, "12345");
	assert_false(b.overflow);
	assert_string_equal(b.data, "12345");
	buf_char(&b, '6');
	assert_true(b.overflow);
	assert_string_equal(b.data, "12345");
	buf_free(&b);
}

TEST(overflow_drops_whole_pieces_until_clear)
{
	struct buf b;

	buf_init(&b, 4);
	buf_str(&b, "ab");
	buf_str(&b, "cdefg");
	buf_str(&b, "x"); /* would fit, but earlier bytes are missing */
	assert_true(b.overflow);
	assert_string_equal(b.data, "ab");
	buf_printf(&b, "%d", 1);
	assert_string_equal(b.data, "ab");
	buf_clear(&b);
	assert_string_equal(b.data, "");
	assert_false(b.overflow);
	buf_str(&b, "wxyz");
	assert_string_equal(b.data, "wxyz");
	buf_free(&b);
}

TEST(a_length_near_the_end_of_size_t_overflows_nothing)
{
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	buf_str(&b, "abc");
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_true(b.overflow);
	buf_clear(&b);
	buf_str(&b, "abc");
	assert_null(buf_reserve(&b, SIZE_MAX / 2 - 2));
	assert_true(b.overflow);
	buf_free(&b);
}

TEST(reserved_room_is_the_callers_to_fill)
{
	struct buf b;
	char *at;

	buf_init(&b, 1000);
	buf_str(&b, "head ");
	at = buf_reserve(&b, 300);
	assert_ptr_equal(at, b.data + b.len);
	memset(at, 'x', 300);
	b.len += 300;
	buf_str(&b, "!");
	assert_int_equal(b.len, 306);
	assert_int_equal(b.data[304], 'x');
	assert_string_equal(b.data + 305, "!");
	buf_free(&b);
}

TEST(it_grows_to_any_size_below_the_maximum)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "%d,", i % 10);
	assert_int_equal(b.len, 200000);
	assert_int_equal(strlen(b.data), 200000);
	assert_string_equal(b.data + 199994, "7,8,9,");
	buf_free(&b);
}

TEST(consuming_moves_the_rest_to_the_front)
{
	struct buf b;

	buf_init(&b, 100);
	buf_consume(&b, 0);
	buf_str(&b, "abcdef");
	buf_consume(&b, 2);
	assert_string_equal(b.data, "cdef");
	assert_int_equal(b.len, 4);
	buf_consume(&b, 4);
	assert_string_equal(b.data, "");
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

TEST(a_freed_one_can_be_used_again)
{
	struct buf b;

	buf_init(&b, 3);
	buf_str(&b, "abcd");
	buf_free(&b);
	assert_null(b.data);
	assert_false(b.overflow);
	buf_str(&b, "abc");
	assert_string_equal(b.data, "abc");
	buf_free(&b);
	buf_free(&b);
}

static void integers_are_written_in_full(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	buf_int(&b, 0);
	buf_char(&b, ' ');
	buf_int(&b, -7);
	buf_char(&b, ' ');
	buf_int(&b, INT64_MAX);
	buf_char(&b, ' ');
	buf_int(&b, INT64_MIN);
	assert_string_equal(
	    b.data, "0 -7 9223372036854775807 -9223372036854775808");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(integers_are_written_in_full),
	    cmocka_unit_test(bytes_come_back_in_order_and_terminated),
	    cmocka_unit_test(what_does_not_fit_leaves_a_string),
	    cmocka_unit_test(nul_bytes_are_bytes),
	    cmocka_unit_test(adding_nothing_makes_an_empty_string),
	    cmocka_unit_test(the_maximum_is_reached_exactly),
	    cmocka_unit_test(overflow_drops_whole_pieces_until_clear),
	    cmocka_unit_test(a_length_near_the_end_of_size_t_overflows_nothing),
	    cmocka_unit_test(reserved_room_is_the_callers_to_fill),
	    cmocka_unit_test(it_grows_to_any_size_below_the_maximum),
	    cmocka_unit_test(consuming_moves_the_rest_to_the_front),
	    cmocka_unit_test(a_freed_one_can_be_used_again),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
