/* SPDX-License-Identifier: MIT */
#include "input/whole.h"

#include <string.h>

#include "base/mem.h"
#include "helper.h"
#include "input/names.h"
#include "input/whole_parts.h"

/* FileMetaData of one row group with one column: 96 bytes from offset 4 on. */
static const unsigned char footer[] = {
    0x15, 0x02,                     /* version 1 */
    0x19, 0x2C,                     /* schema: two elements */
    0x48, 1, 'r',                   /* name */
    0x15, 0x02, 0x00,               /* one child */
    0x15, 0x04,                     /* INT64 */
    0x38, 1, 'x', 0x00, 0x16, 0x0A, /* num_rows 5 */
    0x19, 0x1C,                     /* row_groups: one */
    0x19, 0x1C,                     /* columns: one */
    0x26, 0x08,                     /* file_offset 4 */
    0x1C,                           /* meta_data */
    0x15, 0x04,                     /* type */
    0x19, 0x15, 0x00,               /* encodings */
    0x19, 0x18, 1, 'x',             /* path_in_schema */
    0x15, 0x00,                     /* codec */
    0x16, 0x0A,                     /* num_values */
    0x16, 0xC0, 0x01,               /* total_uncompressed_size 96 */
    0x16, 0xC0, 0x01,               /* total_compressed_size 96 */
    0x26, 0x08,                     /* data_page_offset 4 */
    0x00, 0x00,                     /* ends of meta_data, column */
    0x16, 0xC0, 0x01,               /* total_byte_size */
    0x16, 0x0A, 0x00, 0x00,         /* num_rows, ends of row group, footer */
};

static int64_t rows;

TEST(a_sound_footer_has_no_fault)
{
	assert_null(parquet_footer_fault(footer, sizeof(footer), 100, &rows));
	assert_int_equal(rows, 5);
}

TEST(a_column_outside_of_the_file_is_found)
{
	assert_string_equal(
	    parquet_footer_fault(footer, sizeof(footer), 99, &rows),
	    "a column lies outside of the file");
}

TEST(a_footer_that_breaks_off_cannot_be_read)
{
	for (size_t n = 0; n < sizeof(footer); n++) {
		unsigned char *part = mem_alloc(n + 1);

		/* its own memory, so that a sanitizer sees reads past its end */
		memcpy(part, footer, n);
		part = mem_realloc(part, n ? n : 1, 1);
		assert_non_null(parquet_footer_fault(part, n, 100, &rows));
		free(part);
	}
}

TEST(no_bytes_lead_a_reader_astray)
{
	unsigned char bytes[256];
	uint32_t seed = 1;

	for (int i = 0; i < 200000; i++) {
		size_t n = (size_t)i % sizeof(footer) + 1;

		memcpy(bytes, footer, sizeof(footer));
		for (int k = 0; k < 1 + i % 4; k++) {
			seed = seed * 1664525 + 1013904223;
			bytes[(seed >> 8) % n] = (unsigned char)(seed >> 24);
		}
		parquet_footer_fault(bytes, n, 100, &rows);
	}
	memset(bytes, 0x1C, sizeof(bytes)); /* structs in structs */
	assert_non_null(parquet_footer_fault(bytes, sizeof(bytes), 100, &rows));
	memset(bytes, 0x99, sizeof(bytes)); /* lists of lists */
	assert_non_null(parquet_footer_fault(bytes, sizeof(bytes), 100, &rows));
}

static void assert_header(
    const char *text, const char *spec_text, const char *expected)
{
	json_t *spec = json_loads(spec_text, 0, NULL);
	char reason[WHOLE_REASON] = "";
	struct buf head;
	int rc;

	buf_init(&head, TEXT_HEAD);
	buf_str(&head, text);
	rc = csv_header_check(&head, spec, reason);
	assert_int_equal(rc, expected != NULL);
	if (expected != NULL)
		assert_non_null(strstr(reason, expected));
	buf_free(&head);
	json_decref(spec);
}

TEST(a_header_has_the_columns_of_the_input)
{
	static const char two[] = "{\"columns\":[[\"a\",\"t\"],[\"b\",\"t\"]]}";

	assert_header("a,b\n", two, NULL);
	assert_header("\"a\",\"b\"\r\n1,2\r\n", two, NULL);
	assert_header("\xEF\xBB\xBF"
		      "a,b\n",
	    two, NULL);
	assert_header("a,b", two, "column 2 of its header lies beyond");
	assert_header(
	    "a,\"b\"x\n", two, "column 2 of its header is followed by");
	assert_header(
	    "\"a\"x,b\n", two, "column 1 of its header is followed by");
	assert_header("a,b\rc\n", two, "column 2 of its header is followed by");
	assert_header("b,a\n", two, "column 1 of its header is \"b\"");
	assert_header("a\nb\n", two, "1 column, and the input 2");
	assert_header("a,b,\n", two, "more than the 2 columns");
	assert_header("\"a", two, "column 1");
	assert_header("", two, "column 1");
	assert_header("x\n", "{}", NULL);
	assert_header("1,2\n",
	    "{\"header\":false,\"columns\":[[\"a\",\"t\"],[\"b\",\"t\"]]}",
	    NULL);
	assert_header("a \"\";b\n",
	    "{\"delimiter\":\";\",\"columns\":[[\"a \\\"\\\"\",\"t\"],"
	    "[\"b\",\"t\"]]}",
	    NULL);
	assert_header("\"a \"\"x\"\"\";b\n",
	    "{\"delimiter\":\";\",\"columns\":[[\"a \\\"x\\\"\",\"t\"],"
	    "[\"b\",\"t\"]]}",
	    NULL);
}

static void assert_named(
    const char *text, const char *spec_text, const char *expected)
{
	json_t *spec = json_loads(spec_text, 0, NULL), *names = json_array();
	char reason[WHOLE_REASON] = "", *found;
	struct buf head;

	buf_init(&head, TEXT_HEAD);
	buf_str(&head, text);
	found = csv_header_names(&head, spec, names, reason) == 0
		    ? json_dumps(names, JSON_COMPACT)
		    : mem_strdup(reason);
	assert_non_null(strstr(found, expected));
	free(found);
	buf_free(&head);
	json_decref(names);
	json_decref(spec);
}

TEST(a_header_names_the_columns_of_a_table)
{
	static const char one[] = "{\"columns\":[[\"A b\",\"t\"]]}";

	assert_named("a,B\n", "{}", "[\"a\",\"b\"]");
	assert_named("\xEF\xBB\xBF\"x\"\"y\";z\r\n", "{\"delimiter\":\";\"}",
	    "[\"xy\",\"z\"]");
	assert_named("A b\n", one, "[\"A b\"]");
	assert_named("1,2\n", "{\"header\":false,\"columns\":[[\"c\",\"t\"]]}",
	    "[\"c\"]");
	assert_named(
	    "a,b\"c\nd\"\n", "{}", "column 2 of its header has a quote");
	assert_named("\"a\"x,b\n", "{}", "column 1 of its header has a quote");
	assert_named("A b\"\n", one, "column 1 of its header has a quote");
	assert_named("\"a", "{}", "column 1 of its header has a quote");
	assert_named("a,b", "{}", "column 2 of its header lies beyond");
	assert_named("a,A \n", "{}", "two columns of its header");
	assert_named("a,\xFF\n", "{}", "column 2 of its header is no UTF-8");
}

static void assert_name(const char *text, const char *expected)
{
	char *name = input_column_name(text, strlen(text));

	assert_string_equal(name, expected);
	free(name);
}

TEST(names_are_written_as_duckdb_does)
{
	assert_name("Order ID", "order_id");
	assert_name("  two \t blanks  ", "two_blanks");
	assert_name("Gr\xC3\xB6\xC3\x9F"
		    "e (cm)",
	    "groe_cm");
	assert_name("2nd", "_2nd");
	assert_name("\xE2\x82\xAC", "_");
	assert_name("", "_");
	assert_name("a-b.c_d", "abc_d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sound_footer_has_no_fault),
	    cmocka_unit_test(a_column_outside_of_the_file_is_found),
	    cmocka_unit_test(a_footer_that_breaks_off_cannot_be_read),
	    cmocka_unit_test(no_bytes_lead_a_reader_astray),
	    cmocka_unit_test(a_header_has_the_columns_of_the_input),
	    cmocka_unit_test(a_header_names_the_columns_of_a_table),
	    cmocka_unit_test(names_are_written_as_duckdb_does),
	};

	return cmocka_run_group_tests_name("whole", tests, NULL, NULL);
}
