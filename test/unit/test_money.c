/* SPDX-License-Identifier: MIT */
#include "rows/money.h"

#include <string.h>

#include "helper.h"

/* Amounts as PostgreSQL 15 shows them with lc_monetary C, de_DE, ja_JP, en_IN,
 * fr_FR and ar_TN; then with the negative sign after the number, and with
 * parentheses. */
static const struct money looks[] = {
    {"$10,000,000,000,000,000.00", "-$10,000,000,000,000,000.00", 2},
    {"10.000.000.000.000.000,00 \u20ac", "-10.000.000.000.000.000,00 \u20ac",
	2},
    {"\uffe51,000,000,000,000,000,000", "-\uffe51,000,000,000,000,000,000", 0},
    {"\u20b9 10,00,00,00,00,00,00,000.00",
	"-\u20b9 10,00,00,00,00,00,00,000.00", 2},
    {"10\u202f000\u202f000\u202f000\u202f000\u202f000,00 \u20ac",
	"-10\u202f000\u202f000\u202f000\u202f000\u202f000,00 \u20ac", 2},
    {"TND 1,000,000,000,000,000.000", "-TND 1,000,000,000,000,000.000", 3},
    {"10.000.000.000.000.000,00 z\u0142", "10.000.000.000.000.000,00- z\u0142",
	2},
    {"$10,000,000,000,000,000.00", "($10,000,000,000,000,000.00)", 2},
};

static void assert_amount(int i, const char *text, const char *decimal)
{
	struct value v = {text, (int32_t)strlen(text)}, number;
	char to[MONEY_MAX];
	struct buf out;

	assert_true(money_read(&looks[i], &v, to, &number));
	assert_string_equal(number.data, decimal);
	assert_int_equal(number.len, strlen(decimal));
	buf_init(&out, 200);
	money_write(&looks[i], decimal, &out);
	assert_string_equal(out.data, text);
	buf_free(&out);
}

TEST(an_amount_is_a_number_and_has_its_look_again)
{
	assert_amount(0, "$0.00", "0.00");
	assert_amount(0, "$1,234.50", "1234.50");
	assert_amount(0, "-$0.99", "-0.99");
	assert_amount(0, "$92,233,720,368,547,758.07", "92233720368547758.07");
	assert_amount(1, "1.234,50 \u20ac", "1234.50");
	assert_amount(1, "-0,99 \u20ac", "-0.99");
	assert_amount(2, "\uffe51,235", "1235");
	assert_amount(2, "-\uffe5999", "-999");
	assert_amount(3, "\u20b9 12,34,567.80", "1234567.80");
	assert_amount(4, "1\u202f234,50 \u20ac", "1234.50");
	assert_amount(5, "TND 1,234.500", "1234.500");
	assert_amount(6, "1.234,50- z\u0142", "-1234.50");
	assert_amount(7, "($1,234.50)", "-1234.50");
	assert_amount(7, "$1,234.50", "1234.50");
}

TEST(another_look_is_not_guessed_at)
{
	static const char *const texts[] = {
	    "", "$", "1.00", "\u20ac1.00", "$1.00 ", "NaN", "$1", "$.1"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct value v = {texts[i], (int32_t)strlen(texts[i])}, number;
		char to[MONEY_MAX];

		assert_false(money_read(&looks[0], &v, to, &number));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_amount_is_a_number_and_has_its_look_again),
	    cmocka_unit_test(another_look_is_not_guessed_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
