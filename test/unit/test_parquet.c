/* SPDX-License-Identifier: MIT */
#include "encode/parquet/parquet.h"

#include <float.h>
#include <isa-l/crc.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "encode/parquet/page.h"
#include "encode/parquet/rle.h"
#include "encode/parquet/stats.h"
#include "encode/parquet/text.h"
#include "encode/parquet/thrift.h"
#include "helper.h"
#include "rows/dictionary.h"

/* ---- Thrift ---- */

static void assert_bytes(const struct buf *b, const char *bytes, size_t len)
{
	assert_false(b->overflow);
	assert_int_equal(b->len, len);
	assert_memory_equal(b->data, bytes, len);
}
#define assert_buf(b, bytes) assert_bytes(b, bytes, sizeof(bytes) - 1)

TEST(thrift_fields_are_as_the_compact_protocol_says)
{
	struct thrift t;
	struct buf b;

	buf_init(&b, 1000);
	thrift_open(&t, &b);
	thrift_i32(&t, 1, 5);
	thrift_i64(&t, 3, -1);
	thrift_i64(&t, 4, INT64_MIN);
	thrift_bool(&t, 5, true);
	thrift_bool(&t, 6, false);
	thrift_i8(&t, 7, -2);
	thrift_i16(&t, 8, 300);
	thrift_string(&t, 9, "ab");
	thrift_struct(&t, 10);
	thrift_empty(&t, 2);
	thrift_end(&t);
	thrift_i32(&t, 11, -64);
	thrift_end(&t);
	assert_buf(&b, "\x15\x0a"
		       "\x26\x01"
		       "\x16\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
		       "\x11\x12"
		       "\x13\xfe"
		       "\x14\xd8\x04"
		       "\x18\x02"
		       "ab"
		       "\x1c\x2c\x00\x00"
		       "\x15\x7f"
		       "\x00");
	buf_free(&b);
}

TEST(thrift_lists_are_short_or_long)
{
	struct thrift t;
	struct buf b;

	buf_init(&b, 1000);
	thrift_open(&t, &b);
	thrift_list(&t, 1, THRIFT_I32, 2);
	thrift_item(&t, 1);
	thrift_item(&t, -1);
	thrift_list(&t, 2, THRIFT_BINARY, 1);
	thrift_item_string(&t, "x");
	thrift_list(&t, 3, THRIFT_STRUCT, 1);
	thrift_item_struct(&t);
	thrift_i32(&t, 1, 1);
	thrift_end(&t);
	thrift_list(&t, 4, THRIFT_I32, 200);
	thrift_end(&t);
	assert_buf(&b, "\x19\x25\x02\x01"
		       "\x19\x18\x01x"
		       "\x19\x1c\x15\x02\x00"
		       "\x19\xf5\xc8\x01"
		       "\x00");
	buf_free(&b);
}

/* ---- runs and packed numbers ---- */

static uint32_t bits_at(const struct buf *b, size_t bit, int width)
{
	uint32_t n = 0;

	for (int i = 0; i < width; i++, bit++)
		n |= (uint32_t)((unsigned char)b->data[bit / 8] >> bit % 8 & 1)
		     << i;
	return n;
}

/* Decodes a buffer bit by bit and returns how many numbers it holds. */
static size_t unpack(const struct buf *b, int width, uint32_t *out, size_t max)
{
	size_t at = 0, n = 0;

	while (at < b->len) {
		uint32_t head = 0, count;

		for (int shift = 0;; shift += 7) {
			head |= (uint32_t)(b->data[at] & 0x7F) << shift;
			if ((b->data[at++] & 0x80) == 0)
				break;
		}
		count = head & 1 ? head / 2 * 8 : head / 2;
		assert_true(count > 0);
		for (uint32_t i = 0; i < count; i++) {
			size_t bit = head & 1 ? i * (uint32_t)width : 0;

			if (n < max)
				out[n] = bits_at(b, at * 8 + bit, width);
			n++;
		}
		at += head & 1 ? head / 2 * (uint32_t)width
			       : ((uint32_t)width + 7) / 8;
	}
	assert_int_equal(at, b->len);
	return n;
}

static void assert_packs(const uint32_t *numbers, size_t n, int width)
{
	uint32_t *out = mem_zalloc((n + 8) * sizeof(*out));
	struct buf b;
	size_t got;

	buf_init(&b, 64 << 20);
	rle_add(&b, numbers, n, width);
	assert_false(b.overflow);
	got = unpack(&b, width, out, n);
	/* The last group of 8 numbers may be padded. */
	assert_in_range(got, n, n + 7);
	assert_memory_equal(out, numbers, n * sizeof(*out));
	buf_free(&b);
	free(out);
}

TEST(numbers_of_any_width_come_back)
{
	enum { MOST = 1000 };
	uint32_t numbers[MOST];

	srandom(1);
	for (int width = 1; width <= 32; width++) {
		for (size_t n = 1; n < MOST; n += n < 40 ? 1 : 97) {
			/* Runs of many lengths, and data without runs. */
			for (int run = 1; run <= 40; run += 13) {
				for (size_t i = 0; i < n; i++)
					numbers[i] =
					    i > 0 && random() % run != 0
						? numbers[i - 1]
						: (uint32_t)random() << 1 >>
						      (32 - width);
				assert_packs(numbers, n, width);
			}
		}
	}
}

TEST(runs_are_short)
{
	uint32_t ones[100000];
	struct buf b;

	for (size_t i = 0; i < COUNT(ones); i++)
		ones[i] = 1;
	buf_init(&b, 1000);
	rle_add(&b, ones, COUNT(ones), 1);
	assert_buf(&b, "\xc0\x9a\x0c\x01");
	buf_clear(&b);
	rle_add(&b, ones, 7, 1);
	assert_buf(&b, "\x03\x7f");
	buf_clear(&b);
	rle_add_bits(&b, (const uint8_t *)"\1\0\0\0\0\0\0\1\1", 9);
	assert_buf(&b, "\x81\x01");
	buf_free(&b);
	assert_int_equal(rle_width(0), 1);
	assert_int_equal(rle_width(1), 1);
	assert_int_equal(rle_width(2), 2);
	assert_int_equal(rle_width(255), 8);
	assert_int_equal(rle_width(256), 9);
}

/* ---- dictionary ---- */

TEST(dictionary_finds_what_it_has)
{
	enum { WORDS = 100000 };
	struct dictionary d;

	dictionary_open(&d);
	for (int round = 0; round < 2; round++) {
		for (int64_t i = 0; i < WORDS; i++)
			assert_int_equal(
			    dictionary_word(&d, (i - 50) * (1LL << 40)), i);
		assert_int_equal(d.count, WORDS);
	}
	assert_int_equal(dictionary_word_at(&d, 49), -(1LL << 40));
	dictionary_clear(&d);
	assert_int_equal(dictionary_word(&d, 7), 0);
	dictionary_close(&d);
}

TEST(dictionary_tells_strings_apart)
{
	struct dictionary d;
	char text[300];

	memset(text, 'x', sizeof(text));
	dictionary_open(&d);
	for (int round = 0; round < 2; round++) {
		uint32_t expected = 0;

		for (int32_t len = 0; len < 100; len++) {
			struct value v = {text, len};

			assert_int_equal(dictionary_bytes(&d, &v), expected++);
			/* Values differ in one byte, each byte in turn. */
			for (int32_t i = 0; i < len; i++) {
				text[i] = '\0';
				assert_int_equal(
				    dictionary_bytes(&d, &v), expected++);
				text[i] = 'x';
			}
		}
		assert_int_equal(d.count, expected);
	}
	assert_int_equal(dictionary_bytes_at(&d, 0).len, 0);
	dictionary_close(&d);
}

/* ---- text ---- */

static int64_t nulled;

static struct parquet_type type_of(
    enum column_kind kind, int size, int precision, int scale)
{
	struct column column = {.name = (char *)(uintptr_t) "c",
	    .kind = kind,
	    .size = size,
	    .precision = precision,
	    .scale = scale};
	struct parquet_type type = {
	    .name = (char *)(uintptr_t) "c", .nulled = &nulled};
	struct err e;

	assert_int_equal(parquet_type_of(&type, &column, NULL, &e), 0);
	return type;
}

/* Returns 1, 0 for NULL, -1 on error. */
static int word_of(const struct parquet_type *type, const char *text,
    int64_t *word, struct err *e)
{
	/* The byte after the value must not count. */
	char *copy = mem_printf("%s9", text);
	struct value v = {copy, (int32_t)strlen(text)};
	uint8_t level = 9;
	struct parquet_cells cells = {&v, 1, 1, &level, 1};
	int n = parquet_text_words(type, &cells, word, e);

	free(copy);
	if (n >= 0)
		assert_int_equal(level, n);
	return n;
}

static void assert_word(
    const struct parquet_type *type, const char *text, int64_t expected)
{
	struct err e = {.text = ""};
	int64_t word = 0;

	if (word_of(type, text, &word, &e) != 1 || word != expected)
		fail_msg("\"%s\" became %lld, not %lld; %s", text,
		    (long long)word, (long long)expected, e.text);
}

static void assert_refused(
    const struct parquet_type *type, const char *text, const char *why)
{
	struct err e = {.text = ""};
	int64_t word;

	if (word_of(type, text, &word, &e) != -1)
		fail_msg("\"%s\" was taken", text);
	assert_err_has(&e, why);
	assert_int_equal(e.kind, ERR_PERMANENT);
}

TEST(integers_keep_their_limits)
{
	struct parquet_type two = type_of(KIND_INTEGER, 2, 0, 0);
	struct parquet_type four = type_of(KIND_INTEGER, 4, 0, 0);
	struct parquet_type eight = type_of(KIND_INTEGER, 8, 0, 0);

	assert_word(&two, "0", 0);
	assert_word(&two, "-32768", -32768);
	assert_word(&two, "32767", 32767);
	assert_refused(&two, "32768", "\"32768\" is no smallint");
	assert_refused(&two, "-32769", "is no smallint");
	assert_word(&four, "-2147483648", INT32_MIN);
	assert_refused(&four, "2147483648", "is no integer");
	assert_word(&eight, "-9223372036854775808", INT64_MIN);
	assert_word(&eight, "9223372036854775807", INT64_MAX);
	assert_refused(&eight, "9223372036854775808", "is no bigint");
	assert_refused(&eight, "99999999999999999999", "is no bigint");
	assert_refused(&eight, "", "is no bigint");
	assert_refused(&eight, "-", "is no bigint");
	assert_refused(&eight, "1x", "is no bigint");
	assert_refused(&eight, "1.0", "is no bigint");
}

TEST(decimals_are_exact_or_refused)
{
	struct parquet_type small = type_of(KIND_DECIMAL, 0, 5, 2);
	struct parquet_type large = type_of(KIND_DECIMAL, 0, 18, 4);
	struct parquet_type part = type_of(KIND_DECIMAL, 0, 2, 2);
	struct parquet_type rough = type_of(KIND_DECIMAL, 0, 3, -2);
	struct parquet_type fine = type_of(KIND_DECIMAL, 0, 3, 5);

	assert_int_equal(small.physical, PARQUET_INT32);
	assert_int_equal(large.physical, PARQUET_INT64);
	assert_word(&small, "999.99", 99999);
	assert_word(&small, "-999.99", -99999);
	assert_word(&small, "0.00", 0);
	assert_word(&small, "-0.01", -1);
	assert_word(&small, "1", 100);
	assert_word(&small, "1.5", 150);
	assert_word(&small, "1.50000", 150);
	assert_refused(&small, "1000.00",
	    "1000.00 does not fit into decimal(5,2) and is not rounded");
	assert_refused(&small, "1.505", "1.505 does not fit");
	assert_refused(&small, "NaN", "NaN does not fit");
	assert_refused(&small, "-Infinity", "-Infinity does not fit");
	assert_refused(&small, "1e3", "\"1e3\" is no numeric");
	assert_refused(&small, "1.2.3", "is no numeric");
	assert_refused(&small, "-", "is no numeric");
	assert_word(&large, "12345678901234.5678", 123456789012345678);
	assert_refused(&large, "123456789012345.6789", "does not fit");
	assert_word(&part, "0.99", 99);
	assert_refused(&part, "1.00", "does not fit");
	/* numeric(3,-2) is decimal(5,0), numeric(3,5) decimal(5,5) */
	assert_int_equal(rough.precision, 5);
	assert_word(&rough, "99900", 99900);
	assert_int_equal(fine.precision, 5);
	assert_word(&fine, "0.00999", 999);
	assert_int_equal(nulled, 0);
	small.to_null = true;
	assert_int_equal(
	    word_of(&small, "NaN", &(int64_t){0}, &(struct err){0}), 0);
	assert_int_equal(nulled, 1);
	nulled = 0;
}

static void assert_wide(
    const struct parquet_type *type, const char *text, const char *hex)
{
	struct value v = {text, (int32_t)strlen(text)}, ref;
	uint8_t level;
	struct parquet_cells cells = {&v, 1, 1, &level, 3};
	struct err e = {.text = ""};
	struct buf scratch;
	char got[100] = "";

	buf_init(&scratch, 1000);
	if (parquet_text_refs(type, &cells, &ref, &scratch, &e) != 1)
		fail_msg("%s: %s", text, e.text);
	assert_int_equal(level, 3);
	for (int32_t i = 0; i < ref.len; i++)
		sprintf(got + 2 * i, "%02x", (unsigned char)ref.data[i]);
	assert_string_equal(got, hex);
	buf_free(&scratch);
}

TEST(wide_decimals_are_twos_complement)
{
	struct parquet_type t19 = type_of(KIND_DECIMAL, 0, 19, 0);
	struct parquet_type t38 = type_of(KIND_DECIMAL, 0, 38, 1);

	assert_int_equal(t19.width, 9);
	assert_int_equal(t38.width, 16);
	assert_wide(&t19, "9999999999999999999", "008ac7230489e7ffff");
	assert_wide(&t19, "-9999999999999999999", "ff7538dcfb76180001");
	assert_wide(&t19, "-1", "ffffffffffffffffff");
	assert_wide(&t38, "9999999999999999999999999999999999999.9",
	    "4b3b4ca85a86c47a098a223fffffffff");
	assert_wide(&t38, "-0.1", "ffffffffffffffffffffffffffffffff");
}

static double double_of(const char *text)
{
	struct parquet_type type = type_of(KIND_FLOAT, 8, 0, 0);
	int64_t word;
	double d;
	struct err e;

	assert_int_equal(word_of(&type, text, &word, &e), 1);
	memcpy(&d, &word, 8);
	return d;
}

static float float_of(const char *text)
{
	struct parquet_type type = type_of(KIND_FLOAT, 4, 0, 0);
	int64_t word;
	float f;
	struct err e;

	assert_int_equal(word_of(&type, text, &word, &e), 1);
	memcpy(&f, &word, 4);
	return f;
}

/* Floats equal the C library's bit for bit, by every method. */
TEST(floats_are_read_to_the_bit)
{
	static const char *const odd[] = {"0", "-0", "1", "-1.5", "0.1",
	    "1e+22", "1e-07", "5e-324", "2.2250738585072014e-308",
	    "1.7976931348623157e+308", "9007199254740993",
	    "9223372036854775808", "1234567890123456789", "3.4028235e+38",
	    "1e-45", "16777217", "0.30000000000000004", "1.17549435e-38",
	    /* halfway between two doubles */
	    "9007199254740993", "1.0000000000000002220446049250313"};
	struct parquet_type type = type_of(KIND_FLOAT, 8, 0, 0);

	for (size_t i = 0; i < COUNT(odd); i++) {
		double d = double_of(odd[i]), c = strtod(odd[i], NULL);
		float f = float_of(odd[i]), g = strtof(odd[i], NULL);

		assert_memory_equal(&d, &c, sizeof(d));
		assert_memory_equal(&f, &g, sizeof(f));
	}
	assert_true(double_of("NaN") != double_of("NaN"));
	assert_true(double_of("-Infinity") < -1e308);
	assert_true(float_of("Infinity") > 3e38F);
	assert_refused(&type, "", "is no floating-point number");
	assert_refused(&type, ".", "is no floating-point number");
	assert_refused(&type, "1e", "is no floating-point number");
	assert_refused(&type, "abc", "is no floating-point number");
}

/* Returns how many floats lie between two of the same sign. */
static int64_t distance(const void *a, const void *b, size_t size)
{
	int64_t x = 0, y = 0;

	memcpy(&x, a, size);
	memcpy(&y, b, size);
	return x > y ? x - y : y - x;
}

/* Under valgrind, long double has the bits of a double, so factor, power and
 * product are each rounded once more. Returns the error that this allows. */
static int64_t least_error(void)
{
	volatile long double one = 1, tiny = LDBL_EPSILON;

	return one + tiny == one ? 3 : 0;
}

TEST(random_floats_are_read_to_the_bit)
{
	int64_t allowed = least_error();
	char text[64];

	srandom(2);
	for (int i = 0; i < 200000; i++) {
		uint64_t bits = (uint64_t)random() << 33 ^
				(uint64_t)random() << 11 ^ (uint64_t)random();
		uint32_t half = (uint32_t)bits;
		double d, got;
		float f, g;

		/* Random bits, and in every second round a double near 1. */
		if (i % 2)
			bits =
			    (bits & 0x003FFFFFFFFFFFFFu) | 0x3FC0000000000000u;
		memcpy(&d, &bits, 8);
		memcpy(&f, &half, 4);
		if (d == d) {
			snprintf(text, sizeof(text), "%.*g",
			    (int)(random() % 9) + 10, d);
			d = strtod(text, NULL);
			got = double_of(text);
			assert_true(distance(&d, &got, 8) <= allowed);
		}
		if (f == f) {
			snprintf(text, sizeof(text), "%.*g",
			    (int)(random() % 7) + 5, (double)f);
			f = strtof(text, NULL);
			g = float_of(text);
			assert_true(distance(&f, &g, 4) <= allowed);
		}
	}
}

TEST(dates_are_days_since_1970)
{
	struct parquet_type t = type_of(KIND_DATE, 0, 0, 0);

	assert_word(&t, "1970-01-01", 0);
	assert_word(&t, "1969-12-31", -1);
	assert_word(&t, "2000-02-29", 11016);
	assert_word(&t, "0001-01-01", -719162);
	assert_word(&t, "0001-12-31 BC", -719163);
	assert_word(&t, "4714-11-24 BC", -2440588);
	assert_word(&t, "5874897-12-31", 2145042905);
	assert_refused(
	    &t, "infinity", "date infinity does not exist in Parquet");
	assert_refused(&t, "-infinity", "-infinity does not exist");
	assert_refused(&t, "2026-13-01", "is no date");
	assert_refused(&t, "2026-01-00", "is no date");
	assert_refused(&t, "26-01-01", "is no date");
	assert_refused(&t, "2026-01-01x", "is no date");
	assert_refused(&t, "2026-01", "is no date");
}

TEST(times_are_microseconds)
{
	struct parquet_type t = type_of(KIND_TIME, 0, 0, 0);

	assert_word(&t, "00:00:00", 0);
	assert_word(&t, "09:30:00.25", 34200250000);
	assert_word(&t, "23:59:59.999999", 86399999999);
	assert_refused(&t, "24:00:00", "time 24:00:00 does not exist");
	assert_refused(&t, "24:00:01", "is no time");
	assert_refused(&t, "9:30", "is no time");
	assert_refused(&t, "09:30:00.", "is no time");
	assert_refused(&t, "09:30:00.1234567", "is no time");
}

TEST(timestamps_go_to_utc_by_their_offset_only)
{
	struct parquet_type local = type_of(KIND_TIMESTAMP, 0, 0, 0);
	struct parquet_type t = type_of(KIND_TIMESTAMPTZ, 0, 0, 0);

	assert_word(&local, "1970-01-01 00:00:01", 1000000);
	assert_word(&local, "1969-12-31 23:59:59.999999", -1);
	assert_word(&local, "0044-03-15 00:00:00 BC", -63517824000000000);
	assert_refused(&local, "1970-01-01 00:00:00+00", "is no timestamp");
	assert_word(&t, "1970-01-01 00:00:00+00", 0);
	assert_word(&t, "1970-01-01 05:30:00+05:30", 0);
	assert_word(&t, "1969-12-31 20:30:00-03:30", 0);
	assert_word(&t, "1970-01-01 00:53:28+00:53:28", 0);
	assert_word(&t, "1970-01-01 01:00:00.5+01", 500000);
	assert_word(&t, "0001-12-31 00:00:00+00 BC", -62135683200000000);
	assert_refused(&t, "1970-01-01 00:00:00", "is no timestamp");
	assert_refused(&t, "1970-01-01 00:00:00+0", "is no timestamp");
	assert_refused(&t, "294276-12-31 23:59:59.999999+00",
	    "timestamp with time zone 294276-12-31 23:59:59.999999+00 does not "
	    "exist in Parquet");
	assert_word(&t, "294247-01-10 04:00:54.775807+00", INT64_MAX);
	assert_refused(&t, "294247-01-10 04:00:54.775808+00", "does not exist");
	assert_refused(&t, "-infinity", "-infinity does not exist");
}

/* ---- statistics ---- */

/* Checks the bounds that Statistics hold for these values. */
static void assert_bounds(const struct parquet_type *type,
    const char *const *values, const char *least, const char *greatest)
{
	struct parquet_stats s = {0};
	struct thrift t;
	struct buf b, expected;
	bool cut = false;

	for (; *values != NULL; values++) {
		struct value v = {*values, (int32_t)strlen(*values)};

		cut |= v.len > STATS_BYTES;
		parquet_stats_ref(&s, type, &v);
	}
	buf_init(&b, 1000);
	buf_init(&expected, 1000);
	thrift_open(&t, &b);
	parquet_stats_add(&s, type, 3, &t, 1);
	thrift_open(&t, &expected);
	thrift_struct(&t, 1);
	thrift_i64(&t, 3, 3);
	if (greatest != NULL)
		thrift_string(&t, 5, greatest);
	thrift_string(&t, 6, least);
	if (greatest != NULL)
		thrift_bool(&t, 7, !s.greatest.cut);
	thrift_bool(&t, 8, !s.least.cut);
	thrift_end(&t);
	assert_bytes(&b, expected.data, expected.len);
	assert_int_equal(cut, s.greatest.cut || s.least.cut);
	buf_free(&b);
	buf_free(&expected);
}

#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN

TEST(long_text_has_wider_bounds_of_whole_characters)
{
	struct parquet_type t = type_of(KIND_TEXT, 0, 0, 0);
	struct parquet_type raw = type_of(KIND_BYTES, 0, 0, 0);

	assert_bounds(&t, (const char *[]){"b", "", "ab", NULL}, "", "b");
	/* Bounds of up to 64 bytes are exact. */
	assert_bounds(&t, (const char *[]){SIXTY "abcd", NULL}, SIXTY "abcd",
	    SIXTY "abcd");
	assert_bounds(&t, (const char *[]){SIXTY "abcde", NULL}, SIXTY "abcd",
	    SIXTY "abce");
	/* Equal beginnings, one value complete and one longer. */
	assert_bounds(&t,
	    (const char *[]){SIXTY "abcd", SIXTY "abcdx", SIXTY "abcd", NULL},
	    SIXTY "abcd", SIXTY "abce");
	/* A character that does not fit is dropped whole: é, U+10FFFF */
	assert_bounds(&t, (const char *[]){SIXTY "abc\xC3\xA9", NULL},
	    SIXTY "abc", SIXTY "abd");
	assert_bounds(&t, (const char *[]){SIXTY "\xC3\xA9\xC3\xA9z", NULL},
	    SIXTY "\xC3\xA9\xC3\xA9", SIXTY "\xC3\xA9\xC3\xAA");
	assert_bounds(&t, (const char *[]){SIXTY "\xF4\x8F\xBF\xBFz", NULL},
	    SIXTY "\xF4\x8F\xBF\xBF", TEN TEN TEN TEN TEN "012345678:");
	/* U+D7FF has no successor before the surrogates, U+07FF none with two
	 * bytes */
	assert_bounds(&t, (const char *[]){SIXTY "a\xED\x9F\xBFz", NULL},
	    SIXTY "a\xED\x9F\xBF", SIXTY "b");
	assert_bounds(&t, (const char *[]){SIXTY "aa\xDF\xBFz", NULL},
	    SIXTY "aa\xDF\xBF", SIXTY "ab");
	assert_bounds(&t, (const char *[]){SIXTY "a\xE2\x82\xBFz", NULL},
	    SIXTY "a\xE2\x82\xBF", SIXTY "a\xE2\x83\x80");
	assert_bounds(&raw, (const char *[]){SIXTY "abc\xFFz", NULL},
	    SIXTY "abc\xFF", SIXTY "abd");
#define FF8 "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
#define FF64 FF8 FF8 FF8 FF8 FF8 FF8 FF8 FF8
	assert_bounds(&raw, (const char *[]){FF64 "z", NULL}, FF64, NULL);
}

/* ---- whole files ---- */

struct file {
	struct fake fake;
	struct sink *sink;
	struct err e;
	json_t *options;
};

static int encode(struct file *f, const char *options,
    const struct schema *schema, const struct value *values, int rows)
{
	struct section section = {.schema = schema};
	struct batch batch = {values, rows};
	struct encoder *enc;
	int rc = -1;

	f->e = (struct err){.text = ""};
	fake_init(&f->fake);
	f->sink = fake_open(&f->fake);
	f->options =
	    options ? json_parse_object(options, strlen(options), &f->e) : NULL;
	enc = encoder_open(&encoder_parquet,
	    &(struct encoder_options){.options = f->options, .sink = f->sink},
	    &f->e);
	if (enc != NULL && encoder_begin(enc, &section, &f->e) == 0 &&
	    encoder_rows(enc, &batch, &f->e) == 0 &&
	    encoder_end(enc, &f->e) == 0)
		rc = encoder_finish(enc, &f->e);
	encoder_free(enc);
	json_decref(f->options);
	sink_free(f->sink);
	return rc;
}

TEST(a_file_begins_and_ends_with_its_mark)
{
	static struct column columns[] = {COLUMN("n", INTEGER)};
	struct schema schema = {columns, 1};
	static const struct value values[] = {CELL("1"), NIL};
	struct file f;
	uint32_t len;

	for (int rows = 0; rows <= 2; rows++) {
		const struct buf *b = &f.fake.bytes;

		assert_int_equal(encode(&f, NULL, &schema, values, rows), 0);
		assert_memory_equal(b->data, "PAR1", 4);
		assert_memory_equal(b->data + b->len - 4, "PAR1", 4);
		memcpy(&len, b->data + b->len - 8, 4);
		assert_in_range(len, 20, b->len - 12);
		fake_free(&f.fake);
	}
}

static void assert_encode_refused(const char *options, struct column *columns,
    int count, const char *text, const char *why)
{
	struct schema schema = {columns, count};
	struct value values[] = {
	    {text, (int32_t)strlen(text)}, {text, (int32_t)strlen(text)}};
	struct file f;

	assert_int_equal(encode(&f, options, &schema, values, 1), -1);
	assert_err_has(&f.e, why);
	assert_int_equal(f.e.kind, ERR_PERMANENT);
	fake_free(&f.fake);
}

TEST(what_parquet_cannot_hold_is_refused_by_name)
{
	static struct column twice[] = {
	    COLUMN("same", TEXT), COLUMN("same", INTEGER)};
	static struct column number[] = {COLUMN("n", DECIMAL)};
	static struct column when[] = {COLUMN("d", DATE)};
	static struct column list[] = {{.name = (char *)(uintptr_t) "l",
	    .kind = KIND_ARRAY,
	    .element = KIND_INTEGER}};

	assert_encode_refused(NULL, twice, 2, "1",
	    "two columns are named \"same\"; give them names of their own");
	assert_encode_refused(NULL, twice, 0, "1", "no columns");
	assert_encode_refused(NULL, number, 1, "0.1234567890123456789012",
	    "column \"n\": 0.1234567890123456789012 does not fit into "
	    "decimal(38,20)");
	assert_encode_refused(
	    "{\"decimal\": \"5,1\"}", number, 1, "0.12", "decimal(5,1)");
	assert_encode_refused("{\"decimal\": \"39,1\"}", number, 1, "0",
	    "\"PRECISION,SCALE\" with at most 38 digits");
	assert_encode_refused(
	    "{\"decimal\": \"3,4\"}", number, 1, "0", "it is \"3,4\"");
	assert_encode_refused(
	    "{\"decimal\": \"5,1x\"}", number, 1, "0", "it is \"5,1x\"");
	assert_encode_refused(
	    "{\"codec\": \"gzip\"}", number, 1, "0", "snappy");
	assert_encode_refused(NULL, when, 1, "infinity",
	    "column \"d\": date infinity does not exist in Parquet; change it "
	    "in the query or set the option \"out_of_range\" to \"null\"");
	assert_encode_refused(NULL, list, 1, "{{1,2},{3,4}}",
	    "column \"l\": the array {{1,2},{3,4}} has more than one "
	    "dimension; cast the column to text");
	assert_encode_refused(
	    NULL, list, 1, "{1,x}", "column \"l\": \"x\" is no bigint");
	assert_encode_refused(NULL, list, 1, "{1", "column \"l\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(thrift_fields_are_as_the_compact_protocol_says),
	    cmocka_unit_test(thrift_lists_are_short_or_long),
	    cmocka_unit_test(numbers_of_any_width_come_back),
	    cmocka_unit_test(runs_are_short),
	    cmocka_unit_test(dictionary_finds_what_it_has),
	    cmocka_unit_test(dictionary_tells_strings_apart),
	    cmocka_unit_test(integers_keep_their_limits),
	    cmocka_unit_test(decimals_are_exact_or_refused),
	    cmocka_unit_test(wide_decimals_are_twos_complement),
	    cmocka_unit_test(floats_are_read_to_the_bit),
	    cmocka_unit_test(random_floats_are_read_to_the_bit),
	    cmocka_unit_test(dates_are_days_since_1970),
	    cmocka_unit_test(times_are_microseconds),
	    cmocka_unit_test(timestamps_go_to_utc_by_their_offset_only),
	    cmocka_unit_test(long_text_has_wider_bounds_of_whole_characters),
	    cmocka_unit_test(a_file_begins_and_ends_with_its_mark),
	    cmocka_unit_test(what_parquet_cannot_hold_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
