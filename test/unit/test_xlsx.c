/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/xlsx.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "unzip.h"

static const struct report_info info = {
    .title = "Sales & costs",
    .author = "ada",
    .time_zone = "Europe/Berlin",
    .time = 1772353800,
    .time_text = "2026-03-01 09:30:00",
};

/* ---- a workbook in memory ---- */

static struct xlsx_limits limits;

static struct encoder *open_small(
    const struct encoder_options *o, struct err *e)
{
	return xlsx_open_limited(o, &limits, e);
}

struct book {
	struct encoder_type type;
	struct encoder *encoder;
	struct sink *sink;
	struct fake file;
	json_t *options;
	struct unzip zip;
};

/* Opens a workbook with limits of rows and bytes per sheet; 0: Excel's. */
static void book_open(
    struct book *b, const char *options, uint32_t rows, uint64_t bytes)
{
	struct err e = {.text = ""};

	*b = (struct book){.type = encoder_xlsx};
	limits = (struct xlsx_limits){
	    rows ? rows : 1048576, bytes ? bytes : UINT32_MAX};
	b->type.open = rows || bytes ? open_small : encoder_xlsx.open;
	fake_init(&b->file);
	b->sink = fake_open(&b->file);
	if (options != NULL)
		b->options = json_parse_object(options, strlen(options), &e);
	b->encoder = encoder_open(&b->type,
	    &(struct encoder_options){
		.options = b->options, .sink = b->sink, .info = &info},
	    &e);
	assert_err(&e, "");
	assert_non_null(b->encoder);
}

static void book_section(struct book *b, const char *name,
    const struct schema *schema, const struct value *values, int rows)
{
	struct section section = {name, schema};
	struct err e = {.text = ""};

	encoder_begin(b->encoder, &section, &e);
	assert_err(&e, "");
	for (int row = 0; row < rows; row += 3) {
		struct batch batch = {values + row * schema->count,
		    rows - row < 3 ? rows - row : 3};

		assert_int_equal(encoder_rows(b->encoder, &batch, &e), 0);
	}
	encoder_end(b->encoder, &e);
	assert_err(&e, "");
}

static void book_finish(struct book *b)
{
	struct err e = {.text = ""};

	encoder_finish(b->encoder, &e);
	assert_err(&e, "");
	assert_int_equal(b->file.finished, 0);
	unzip_open(&b->zip, b->file.bytes.data, b->file.bytes.len, 0);
}

static void book_free(struct book *b)
{
	encoder_free(b->encoder);
	sink_free(b->sink);
	fake_free(&b->file);
	json_decref(b->options);
}

/* Returns a part; in a sheet, shared strings replace their numbers, as
 * <is>…</is>. */
static char *part_of(const struct book *b, const char *name)
{
	char *xml = unzip_part(&b->zip, name, NULL), *at = xml, *next;
	char *strings = unzip_part(&b->zip, "xl/sharedStrings.xml", NULL);
	struct buf out;

	buf_init(&out, 1 << 28);
	while (xml != NULL && (next = strstr(at, " t=\"s\"><v>")) != NULL) {
		const char *string = strings;
		int n = atoi(strchr(next, 'v') + 2);

		for (int i = 0; i <= n; i++) {
			string = strstr(string, "<si>");
			assert_non_null(string);
			string += strlen("<si>");
		}
		buf_add(&out, at, (size_t)(next - at));
		buf_printf(&out, " t=\"s\"><is>%.*s</is>",
		    (int)(strstr(string, "</si>") - string), string);
		at = strstr(next, "</v>") + strlen("</v>");
	}
	if (xml != NULL)
		buf_str(&out, at);
	free(xml);
	free(strings);
	return out.data;
}

static void check_part(const struct book *b, const char *name, bool there,
    const char *text, int line)
{
	char *xml = part_of(b, name);

	if (xml == NULL || (strstr(xml, text) != NULL) != there) {
		print_error("%s: %s\n%s: %s\n", name, xml ? xml : "not there",
		    there ? "wanted" : "unwanted", text);
		_fail(__FILE__, line);
	}
	free(xml);
}
#define assert_part(b, name, text) check_part(b, name, true, text, __LINE__)
#define assert_no_part(b, name, text) check_part(b, name, false, text, __LINE__)
#define SHEET1 "xl/worksheets/sheet1.xml"
#define SHEET2 "xl/worksheets/sheet2.xml"
#define SHEET3 "xl/worksheets/sheet3.xml"

/* ---- cells ---- */

/* Returns the text between <c r="A2" and </c>, or "". */
static char *cell_of(enum column_kind kind, const struct value *v)
{
	struct column column = {.name = (char *)"head", .kind = kind};
	struct schema schema = {&column, 1};
	struct book b;
	char *xml, *at, *cell = NULL;

	book_open(&b, NULL, 0, 0);
	book_section(&b, NULL, &schema, v, 1);
	book_finish(&b);
	xml = part_of(&b, SHEET1);
	at = strstr(xml, "<c r=\"A2\"");
	if (at != NULL) {
		at += strlen("<c r=\"A2\"");
		cell = mem_strndup(at, (size_t)(strstr(at, "</c>") - at));
	}
	free(xml);
	book_free(&b);
	return cell;
}

static void check_cell(
    enum column_kind kind, const char *text, const char *expected, int line)
{
	struct value v = {text, (int32_t)strlen(text)};
	char *cell = cell_of(kind, &v);

	_assert_string_equal(cell ? cell : "no cell", expected, __FILE__, line);
	free(cell);
}
/* Checks the number of a cell, whatever the cell's format. */
static void check_number(
    enum column_kind kind, const char *text, const char *number, int line)
{
	struct value v = {text, (int32_t)strlen(text)};
	char *cell = cell_of(kind, &v);

	_assert_string_equal(
	    cell ? strstr(cell, "><v>") : "no cell", number, __FILE__, line);
	free(cell);
}
#define NUMBER(kind, text, number) \
	check_number(KIND_##kind, text, "><v>" number "</v>", __LINE__)
#define STRING(kind, text, string)    \
	check_cell(KIND_##kind, text, \
	    " s=\"1\" t=\"s\"><is><t>" string "</t></is>", __LINE__)
#define PLAIN(text, string) \
	check_cell(         \
	    KIND_TEXT, text, " t=\"s\"><is><t" string "</t></is>", __LINE__)

TEST(null_is_no_cell)
{
	struct value v = NIL;

	assert_null(cell_of(KIND_TEXT, &v));
	assert_null(cell_of(KIND_INTEGER, &v));
	assert_null(cell_of(KIND_TIMESTAMP, &v));
}

TEST(numbers_of_up_to_15_digits_are_numbers)
{
	NUMBER(INTEGER, "0", "0");
	NUMBER(INTEGER, "-42", "-42");
	NUMBER(INTEGER, "999999999999999", "999999999999999");
	NUMBER(INTEGER, "-999999999999999", "-999999999999999");
	STRING(INTEGER, "1000000000000000", "1000000000000000");
	STRING(INTEGER, "-9223372036854775808", "-9223372036854775808");
	NUMBER(DECIMAL, "0.10", "0.10");
	NUMBER(DECIMAL, "-12345678901234.5", "-12345678901234.5");
	/* Zeros at either end carry no digits. */
	NUMBER(DECIMAL, "0.000000000000000000001", "0.000000000000000000001");
	NUMBER(DECIMAL, "123.0000000000000000000", "123.0000000000000000000");
	STRING(DECIMAL, "100000000000000000000", "100000000000000000000");
	STRING(DECIMAL, "NaN", "NaN");
	STRING(DECIMAL, "-Infinity", "-Infinity");
}

TEST(fractions_of_more_than_15_digits_are_rounded)
{
	NUMBER(DECIMAL, "12345678901234.56", "1.23456789012346E+13");
	NUMBER(DECIMAL, "-66.6666666666666667", "-6.66666666666667E+1");
	NUMBER(DECIMAL, "115.2720000000000000", "115.2720000000000000");
	NUMBER(DECIMAL, "9.9999999999999999", "1E+1");
	NUMBER(DECIMAL, "999999999999999.5", "1E+15");
	NUMBER(DECIMAL, "0.00123456789012345678", "1.23456789012346E-3");
	NUMBER(DECIMAL, "123456789012345678901.5", "1.23456789012346E+20");
	NUMBER(DECIMAL,
	    "0.0000000000000000000000000000000000000000000000000012",
	    "1.2E-51");
	NUMBER(DECIMAL, "0.00000000000000000000000000000000000000000000", "0");
	STRING(DECIMAL, "123456789012345678", "123456789012345678");
}

TEST(floats_are_numbers_as_far_as_excel_has_them)
{
	NUMBER(FLOAT, "0.1", "0.1");
	NUMBER(FLOAT, "1.7976931348623157e+308", "1.7976931348623157e+308");
	NUMBER(FLOAT, "-1e-05", "-1e-05");
	NUMBER(FLOAT, "2e-307", "2e-307");
	NUMBER(FLOAT, "1e-299", "1e-299");
	STRING(FLOAT, "5e-324", "5e-324");
	STRING(FLOAT, "2.2250738585072009e-308", "2.2250738585072009e-308");
	STRING(FLOAT, "NaN", "NaN");
	STRING(FLOAT, "Infinity", "Infinity");
}

TEST(booleans_are_booleans)
{
	check_cell(KIND_BOOLEAN, "t", " s=\"1\" t=\"b\"><v>1</v>", __LINE__);
	check_cell(KIND_BOOLEAN, "f", " s=\"1\" t=\"b\"><v>0</v>", __LINE__);
}

TEST(dates_count_from_march_1900)
{
	NUMBER(DATE, "1900-03-01", "61");
	NUMBER(DATE, "1970-01-01", "25569");
	NUMBER(DATE, "2000-02-29", "36585");
	NUMBER(DATE, "2100-03-01", "73110");
	NUMBER(DATE, "9999-12-31", "2958465");
	STRING(DATE, "1900-02-28", "1900-02-28");
	STRING(DATE, "1899-12-31", "1899-12-31");
	STRING(DATE, "10000-01-01", "10000-01-01");
	STRING(DATE, "5874897-12-31", "5874897-12-31");
	STRING(DATE, "4713-01-01 BC", "4713-01-01 BC");
	STRING(DATE, "infinity", "infinity");
	STRING(DATE, "-infinity", "-infinity");
}

TEST(times_are_parts_of_a_day)
{
	NUMBER(TIME, "00:00:00", "0");
	NUMBER(TIME, "12:00:00", "0.5");
	NUMBER(TIME, "23:59:59", "0.999988425925926");
	/* A time with a fraction of a second has another format. */
	check_cell(KIND_TIME, "06:00:00.25",
	    " s=\"2\"><v>0.250002893518519</v>", __LINE__);
	/* Excel shows milliseconds, and would round a longer fraction. */
	check_cell(KIND_TIME, "00:00:00.000999", " s=\"2\"><v>0</v>", __LINE__);
	check_cell(KIND_TIME, "23:59:59.9999",
	    " s=\"2\"><v>0.999999988425926</v>", __LINE__);
	STRING(TIME, "24:00:00", "24:00:00");
	check_cell(KIND_TIMETZ, "09:30:00+01",
	    " t=\"s\"><is><t>09:30:00+01</t></is>", __LINE__);
}

TEST(timestamps_are_days_and_parts)
{
	NUMBER(TIMESTAMP, "2026-03-01 00:00:00", "46082");
	NUMBER(TIMESTAMP, "2026-03-01 12:00:00", "46082.5");
	NUMBER(TIMESTAMP, "9999-12-31 23:59:59", "2958465.999988425926");
	check_cell(KIND_TIMESTAMP, "2026-03-01 23:59:59.999999",
	    " s=\"2\"><v>46082.999999988426</v>", __LINE__);
	/* A cell holds the local time, whatever its offset. */
	NUMBER(TIMESTAMPTZ, "2026-03-01 12:00:00+01", "46082.5");
	NUMBER(TIMESTAMPTZ, "2026-03-01 12:00:00-03:30", "46082.5");
	STRING(TIMESTAMP, "1900-02-28 12:00:00", "1900-02-28 12:00:00");
	STRING(TIMESTAMP, "2026-03-01 12:00:00 BC", "2026-03-01 12:00:00 BC");
	STRING(TIMESTAMPTZ, "2026-03-01 12:00:00+00 BC",
	    "2026-03-01 12:00:00+00 BC");
	STRING(TIMESTAMP, "294276-12-31 23:59:59", "294276-12-31 23:59:59");
	STRING(TIMESTAMP, "infinity", "infinity");
	NUMBER(TIMESTAMP, "9999-12-31 23:59:59.999999", "2958465.999999988426");
}

TEST(intervals_are_days_and_parts)
{
	NUMBER(INTERVAL, "02:30:00", "0.104166666667");
	NUMBER(INTERVAL, "1 day", "1");
	NUMBER(INTERVAL, "3 days 06:00:00", "3.25");
	NUMBER(INTERVAL, "300:00:00", "12.5");
	NUMBER(INTERVAL, "00:00:00", "0");
	check_cell(KIND_INTERVAL, "1 day 12:00:00.25",
	    " s=\"2\"><v>1.500002893519</v>", __LINE__);
	STRING(INTERVAL, "-01:00:00", "-01:00:00");
	STRING(INTERVAL, "1 day -01:00:00", "1 day -01:00:00");
	STRING(INTERVAL, "1 mon", "1 mon");
	STRING(INTERVAL, "1 year 2 days", "1 year 2 days");
	NUMBER(INTERVAL, "49709 days 23:59:59", "49709.999988425926");
	NUMBER(INTERVAL, "1193039:59:59", "49709.999988425926");
	STRING(INTERVAL, "49710 days", "49710 days");
	STRING(INTERVAL, "1193040:00:00", "1193040:00:00");
	STRING(INTERVAL, "49709 days 24:00:00", "49709 days 24:00:00");
	STRING(INTERVAL, "3000000 days", "3000000 days");
	STRING(INTERVAL, "infinity", "infinity");
}

TEST(everything_else_is_text)
{
	PLAIN("plain", ">plain");
	PLAIN("", ">");
	PLAIN("007", ">007");
	PLAIN("=1+1", ">=1+1");
	PLAIN("1e5", ">1e5");
}

TEST(text_is_escaped)
{
	PLAIN("<&>\"'", ">&lt;&amp;&gt;\"'");
	PLAIN("a\rb\tc", ">a&#13;b\tc");
	PLAIN("\x01\x1F\x0B\x7F", ">_x0001__x001F__x000B_\x7F");
	/* Texts that look like an escape are escaped, others are not. */
	PLAIN("_x0041_", ">_x005F_x0041_");
	PLAIN("_xfeff_x0041_", ">_x005F_xfeff_x005F_x0041_");
	PLAIN(
	    "_x041_ _x00G1_ _X0041_ _x0041", ">_x041_ _x00G1_ _X0041_ _x0041");
	/* U+FFFD and U+1FFFE are allowed in XML; U+FFFE and U+FFFF are not. */
	PLAIN("\xEF\xBF\xBD\xEF\xBF\xBE\xEF\xBF\xBF\xEF\xBC\xA1",
	    ">\xEF\xBF\xBD_xFFFE__xFFFF_\xEF\xBC\xA1");
	PLAIN("\xF0\x9F\xBF\xBE", ">\xF0\x9F\xBF\xBE");
	/* The escape of the next character supplies the last underscore. */
	PLAIN("SKU_x0041\x01rest", ">SKU_x005F_x0041_x0001_rest");
	PLAIN("_x00e9\xEF\xBF\xBF", ">_x005F_x00e9_xFFFF_");
	PLAIN("_x0041\tno", ">_x0041\tno");
	PLAIN("_x0041_x0042_", ">_x005F_x0041_x005F_x0042_");
}

TEST(white_space_at_the_ends_is_kept)
{
	PLAIN(" a", " xml:space=\"preserve\"> a");
	PLAIN("a\t", " xml:space=\"preserve\">a\t");
	PLAIN("\r", " xml:space=\"preserve\">&#13;");
	PLAIN("a b", ">a b");
}

/* Makes a text of n times the character, then an "x". */
static char *repeat(const char *character, size_t n)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < n; i++)
		buf_str(&b, character);
	buf_str(&b, "x");
	return b.data;
}

/* Checks that the cell holds the character `left` times and no x. */
static void assert_cut(const char *character, size_t n, size_t left)
{
	static struct column column = COLUMN("t", TEXT);
	struct schema schema = {&column, 1};
	char *text = repeat(character, n), *xml, *at;
	struct value v = {text, (int32_t)strlen(text)};
	size_t size = strlen(character);
	struct book b;

	book_open(&b, NULL, 0, 0);
	book_section(&b, NULL, &schema, &v, 1);
	book_finish(&b);
	assert_string_equal(b.type.remark(b.encoder),
	    "1 cell was cut at 32,767 characters, which is all that Excel "
	    "takes");
	xml = part_of(&b, SHEET1);
	at = strstr(strstr(xml, "<c r=\"A2\""), "<t>") + 3;
	assert_int_equal(strcspn(at, "<"), left * size);
	free(xml);
	free(text);
	book_free(&b);
}

TEST(text_is_cut_at_32767_units_of_utf16)
{
	static struct column column = COLUMN("t", TEXT);
	struct schema schema = {&column, 1};
	char *fits = repeat("a", 32766);
	struct value v = {fits, 32767};
	struct book b;

	assert_cut("a", 32767, 32767);
	assert_cut("a", 100000, 32767);
	assert_cut("\xC3\xA9", 32767, 32767);
	assert_cut("\xE2\x82\xAC", 32767, 32767);
	/* two UTF-16 units each */
	assert_cut("\xF0\x9F\x98\x80", 16384, 16383);
	book_open(&b, NULL, 0, 0);
	book_section(&b, NULL, &schema, &v, 1);
	book_finish(&b);
	assert_null(b.type.remark(b.encoder));
	free(fits);
	book_free(&b);
}

/* ---- sheets ---- */

static struct column two_columns[] = {
    COLUMN("id", INTEGER), COLUMN("note", TEXT)};
static const struct schema two = {two_columns, 2};
static const struct value five_rows[] = {CELL("1"), CELL("a"), CELL("2"),
    CELL("b"), CELL("3"), NIL, CELL("4"), CELL("d"), CELL("5"), CELL("e")};

TEST(a_sheet_has_header_filter_and_widths)
{
	struct book b;

	book_open(&b, NULL, 0, 0);
	book_section(&b, "Q1", &two, five_rows, 5);
	book_finish(&b);
	assert_part(&b, SHEET1,
	    "<pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" "
	    "state=\"frozen\"/>");
	assert_part(&b, SHEET1,
	    "<cols><col min=\"1\" max=\"1\" width=\"7.70\" "
	    "customWidth=\"1\"/>");
	assert_part(&b, SHEET1, "<row r=\"1\"><c r=\"A1\"");
	assert_part(
	    &b, SHEET1, "<row r=\"4\"><c r=\"A4\" s=\"1\"><v>3</v></c></row>");
	assert_part(&b, SHEET1, "</sheetData><autoFilter ref=\"A1:B6\"/>");
	assert_part(&b, SHEET1,
	    "<ignoredError sqref=\"B2:B6\" numberStoredAsText=\"1\"/>");
	assert_part(&b, "xl/workbook.xml",
	    "<sheet name=\"Q1\" sheetId=\"1\" r:id=\"rId1\"/>");
	assert_part(&b, "xl/workbook.xml", ">'Q1'!$A$1:$B$6</definedName>");
	assert_no_part(&b, "xl/workbook.xml", "calcPr");
	assert_part(&b, "docProps/core.xml", "<dc:title>Sales &amp; costs<");
	assert_part(&b, "docProps/core.xml", ">2026-03-01T08:30:00Z<");
	assert_part(&b, "docProps/core.xml", "Europe/Berlin");
	book_free(&b);
}

TEST(text_of_several_lines_is_wrapped_in_a_row_that_is_high_enough)
{
	static const char long_text[] =
	    "the quick brown fox jumps over the lazy dog and then goes to "
	    "sleep below the old tree until the sun is up and the dog barks "
	    "again";
	static const struct value values[] = {CELL("1"), CELL("a\nb\n\nc"),
	    CELL("2"), {long_text, sizeof(long_text) - 1}, CELL("3"),
	    CELL("short")};
	struct book b;

	book_open(&b, NULL, 0, 0);
	book_section(&b, NULL, &two, values, 3);
	book_finish(&b);
	assert_part(&b, SHEET1, "<row r=\"2\" ht=\"60\"><c r=\"A2\"");
	assert_part(&b, SHEET1, "<row r=\"3\" ht=\"45\"><c r=\"A3\"");
	assert_part(&b, SHEET1, "<row r=\"4\"><c r=\"A4\"");
	assert_part(&b, SHEET1, "<c r=\"B4\" s=\"3\" t=\"s\">");
	assert_no_part(&b, SHEET1, "<c r=\"B3\" s=\"3\" t=\"s\">");
	assert_part(&b, "xl/styles.xml",
	    "vertical=\"top\" wrapText=\"1\" indent=\"1\"/>");
	book_free(&b);
	/* In a narrow column, the text takes more lines. */
	book_open(&b, "{\"columns\": {\"note\": {\"width\": 20}}}", 0, 0);
	book_section(&b, NULL, &two, values, 3);
	book_finish(&b);
	assert_part(&b, SHEET1, "<row r=\"3\" ht=\"105\"><c r=\"A3\"");
	book_free(&b);
}

TEST(a_long_header_has_lines_and_a_long_number_has_none)
{
	static struct column columns[] = {COLUMN(
	    "the number of customers who came back within a year", INTEGER)};
	static const struct schema schema = {columns, 1};
	static const struct value values[] = {
	    CELL("1"), CELL("1234567890123456789")};
	struct book b;

	book_open(&b, NULL, 0, 0);
	book_section(&b, NULL, &schema, values, 2);
	book_finish(&b);
	assert_part(&b, SHEET1, "<row r=\"1\" ht=\"45\"><c r=\"A1\"");
	assert_part(&b, SHEET1, "<row r=\"3\"><c r=\"A3\" s=\"1\" t=\"s\">");
	book_free(&b);
	book_open(&b,
	    "{\"columns\": {\"the number of customers who came back within a "
	    "year\": {\"label\": \"No.\", \"width\": 8}}}",
	    2, 0);
	book_section(&b, NULL, &schema, values, 2);
	book_finish(&b);
	assert_part(&b, SHEET1, "<row r=\"1\"><c r=\"A1\"");
	assert_part(&b, SHEET2, "<row r=\"2\"><c r=\"A2\" s=\"1\" t=\"s\">");
	book_free(&b);
}

TEST(strings_are_shared_as_long_as_there_is_room)
{
	enum { ROWS = 40000 };
	struct value *values = mem_alloc(2 * ROWS * sizeof(*values));
	char *texts = mem_alloc((size_t)ROWS * 16), *xml;
	struct book b;

	for (int i = 0; i < ROWS; i++) {
		char *text = texts + (size_t)i * 16;

		values[2 * i] = (struct value){"1", 1};
		values[2 * i + 1] =
		    (struct value){text, snprintf(text, 16, "text %d", i)};
	}
	book_open(&b, NULL, 0, 0);
	book_section(&b, NULL, &two, values, ROWS);
	book_finish(&b);
	xml = unzip_part(&b.zip, SHEET1, NULL);
	assert_non_null(
	    strstr(xml, "<c r=\"B2\" s=\"3\" t=\"s\"><v>2</v></c>"));
	assert_non_null(
	    strstr(xml, "<c r=\"B8191\" s=\"3\" t=\"s\"><v>8191</v></c>"));
	assert_non_null(
	    strstr(xml, "<c r=\"B8192\" s=\"3\" t=\"inlineStr\"><is><t>text "
			"8190</t></is>"));
	assert_non_null(strstr(xml, "<t>text 39999</t>"));
	free(xml);
	assert_part(&b, "xl/sharedStrings.xml", " uniqueCount=\"8192\">");
	assert_part(
	    &b, "xl/sharedStrings.xml", "<si><t>text 8189</t></si></sst>");
	assert_part(&b, "xl/_rels/workbook.xml.rels", "sharedStrings.xml");
	assert_part(&b, "[Content_Types].xml", "/xl/sharedStrings.xml");
	book_free(&b);
	free(values);
	free(texts);
}

TEST(a_sheet_prints_as_wide_as_a_page)
{
	struct column columns[40];
	char names[40][32];
	const struct schema wide = {columns, 40};
	struct book b;

	for (int i = 0; i < 40; i++) {
		snprintf(names[i], sizeof(names[i]), "a column %d", i);
		columns[i] =
		    (struct column){.name = names[i], .kind = KIND_TEXT};
	}
	book_open(&b, NULL, 0, 0);
	book_section(&b, NULL, &two, five_rows, 5);
	book_section(&b, NULL, &wide, NULL, 0);
	book_finish(&b);
	assert_part(&b, SHEET1, "<pageSetUpPr fitToPage=\"1\"/>");
	assert_part(&b, SHEET1,
	    "<pageSetup paperSize=\"9\" orientation=\"portrait\" "
	    "fitToHeight=\"0\"/><headerFooter><oddHeader>&amp;L&amp;&quot;-,"
	    "Bold&quot;Sales &amp;&amp; "
	    "costs</oddHeader><oddFooter>&amp;L&amp;A&amp;R"
	    "&amp;P / &amp;N<");
	assert_part(&b, SHEET2, "<pageSetUpPr fitToPage=\"0\"/>");
	assert_part(&b, SHEET2, " scale=\"50\" orientation=\"landscape\"/>");
	book_free(&b);
}

/* XML does not allow some characters, and Excel misreads texts that look like
 * an escape. */
TEST(names_without_a_place_in_xml_are_cleaned)
{
	struct book b;

	book_open(&b, NULL, 0, 0);
	book_section(&b, "Q1 \xEF\xBF\xBE\x01's", &two, five_rows, 5);
	book_section(&b, "_x0041_", &two, five_rows, 5);
	book_finish(&b);
	assert_part(&b, "xl/workbook.xml", "name=\"Q1 \xEF\xBF\xBD_'s\"");
	assert_part(&b, "xl/workbook.xml",
	    ">'Q1 \xEF\xBF\xBD_''s'!$A$1:$B$6</definedName>");
	assert_part(&b, "xl/workbook.xml", "name=\"-x0041_\"");
	book_free(&b);
}

TEST(the_filter_can_be_left_out)
{
	struct book b;

	book_open(&b, "{\"autofilter\": false}", 0, 0);
	book_section(&b, "Q1", &two, five_rows, 5);
	book_finish(&b);
	assert_no_part(&b, SHEET1, "autoFilter");
	assert_no_part(&b, "xl/workbook.xml", "FilterDatabase");
	book_free(&b);
}

TEST(columns_are_shown_as_the_options_say)
{
	struct book b;

	book_open(&b,
	    "{\"columns\": {\"id\": {\"label\": \"No. <1>\", \"format\": "
	    "\"#,##0.0 \\\"kg\\\"\", \"width\": 33, \"align\": \"center\"}}}",
	    0, 0);
	book_section(&b, NULL, &two, five_rows, 5);
	book_finish(&b);
	assert_part(&b, SHEET1, "<t>No. &lt;1&gt;</t>");
	assert_part(&b, SHEET1, "width=\"33.00\"");
	assert_part(&b, "xl/styles.xml",
	    "formatCode=\"#,##0.0 &quot;kg&quot;\"/></numFmts>");
	assert_part(&b, "xl/styles.xml", "<alignment horizontal=\"center\" ");
	/* A sheet without a name of its own is named after the report. */
	assert_part(&b, "xl/workbook.xml", "name=\"Sales &amp; costs\"");
	book_free(&b);
}

TEST(the_zone_stands_in_the_header)
{
	static struct column columns[] = {
	    COLUMN("at", TIMESTAMPTZ), COLUMN("local", TIMESTAMP)};
	static const struct schema schema = {columns, 2};
	struct book b;

	book_open(&b, NULL, 0, 0);
	book_section(&b, NULL, &schema, NULL, 0);
	book_finish(&b);
	assert_part(&b, SHEET1, "<t>at (Europe/Berlin)</t>");
	assert_part(&b, SHEET1, "<t>local</t>");
	assert_part(&b, SHEET1, "<autoFilter ref=\"A1:B1\"/>");
	book_free(&b);
	book_open(&b, "{\"columns\": {\"at\": {\"label\": \"When\"}}}", 0, 0);
	book_section(&b, NULL, &schema, NULL, 0);
	book_finish(&b);
	assert_part(&b, SHEET1, "<t>When</t>");
	book_free(&b);
}

TEST(a_full_sheet_is_followed_by_another)
{
	struct book b;

	book_open(&b, NULL, 3, 0);
	book_section(&b, "Q1", &two, five_rows, 5);
	book_finish(&b);
	assert_part(&b, SHEET1, "<v>2</v>");
	assert_no_part(&b, SHEET1, "<v>3</v>");
	assert_part(&b, SHEET1, "<autoFilter ref=\"A1:B3\"/>");
	assert_part(&b, SHEET2, "<t>note</t>");
	assert_part(&b, SHEET2, "<row r=\"2\"><c r=\"A2\" s=\"1\"><v>3</v>");
	assert_part(&b, SHEET2, "<cols>");
	assert_part(&b, SHEET3, "<row r=\"2\"><c r=\"A2\" s=\"1\"><v>5</v>");
	assert_part(&b, SHEET3, "<autoFilter ref=\"A1:B2\"/>");
	assert_part(&b, "xl/workbook.xml",
	    "<sheet name=\"Q1\" sheetId=\"1\" r:id=\"rId1\"/>"
	    "<sheet name=\"Q1 (2)\" sheetId=\"2\" r:id=\"rId2\"/>"
	    "<sheet name=\"Q1 (3)\" sheetId=\"3\" r:id=\"rId3\"/>");
	book_free(&b);
}

/* A result that just fills a sheet makes no second one. */
TEST(a_sheet_may_be_just_full)
{
	struct book b;

	book_open(&b, NULL, 6, 0);
	book_section(&b, "Q1", &two, five_rows, 5);
	book_finish(&b);
	assert_null(unzip_part(&b.zip, SHEET2, NULL));
	book_free(&b);
}

/* With any limit in bytes, every row occurs exactly once. */
TEST(a_sheet_ends_before_it_is_too_large)
{
	for (uint64_t bytes = 1; bytes < 700; bytes += 7) {
		char name[64], want[16];
		int row = 0, sheet = 0;
		struct book b;
		char *xml;

		book_open(&b, NULL, 0, bytes);
		book_section(&b, "Q1", &two, five_rows, 5);
		book_finish(&b);
		do {
			const char *at;

			snprintf(name, sizeof(name),
			    "xl/worksheets/sheet%d.xml", ++sheet);
			xml = unzip_part(&b.zip, name, NULL);
			at = xml;
			while (
			    at && (at = strstr(at, " s=\"1\"><v>")) != NULL) {
				at += strlen(" s=\"1\">");
				snprintf(want, sizeof(want), "<v>%d<", ++row);
				assert_memory_equal(at, want, strlen(want));
			}
			assert_true(sheet == 1 || xml == NULL ||
				    strstr(xml, "<row r=\"2\">") != NULL);
			free(xml);
		} while (xml != NULL);
		assert_int_equal(row, 5);
		book_free(&b);
	}
}

static void assert_names(
    const char *const *wanted, size_t count, const char *const *expected)
{
	struct book b;

	book_open(&b, NULL, 0, 0);
	for (size_t i = 0; i < count; i++)
		book_section(&b, wanted[i], &two, NULL, 0);
	book_finish(&b);
	for (size_t i = 0; i < count; i++) {
		char *text = mem_printf(
		    "<sheet name=\"%s\" sheetId=\"%zu\"", expected[i], i + 1);

		assert_part(&b, "xl/workbook.xml", text);
		free(text);
	}
	book_free(&b);
}

TEST(names_of_sheets_are_valid_and_unique)
{
	static const char *const wanted[] = {"a/b\\c?d*e[f]g:h", "'quoted'", "",
	    "  ", "History", "sales", "SALES", "Sales",
	    "a name that is longer than Excel would ever take",
	    "a name that is longer than Excel likes", "\xC3\x84rger",
	    "\xC3\xA4rger", "it's <1>",
	    "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
	    "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
	    "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
	    "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80",
	    "tab\there"};
	static const char *const expected[] = {"a_b_c_d_e_f_g_h", "quoted",
	    "Sheet", "Sheet (2)", "History (2)", "sales", "SALES (2)",
	    "Sales (3)", "a name that is longer than Exce",
	    "a name that is longer than (2)", "\xC3\x84rger",
	    "\xC3\xA4rger (2)", "it's &lt;1&gt;",
	    "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
	    "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
	    "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
	    "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80",
	    "tab_here"};

	assert_names(wanted, COUNT(wanted), expected);
}

TEST(a_workbook_has_a_sheet_in_any_case)
{
	static const struct schema nothing = {NULL, 0};
	static const struct value none;
	struct book b;

	book_open(&b, NULL, 0, 0);
	book_finish(&b);
	assert_part(&b, SHEET1, "<sheetData><row r=\"1\"></row></sheetData>");
	assert_part(&b, "xl/workbook.xml", "<sheet name=");
	book_free(&b);
	/* Rows without columns still count as rows. */
	book_open(&b, NULL, 0, 0);
	book_section(&b, NULL, &nothing, &none, 2);
	book_finish(&b);
	assert_part(&b, SHEET1, "<row r=\"3\"></row></sheetData><pageMargins");
	book_free(&b);
}

/* ---- totals and charts ---- */

#define TOTALS                                                             \
	"{\"columns\": {\"id\": {\"total\": \"sum\"}, \"amount\": "        \
	"{\"total\": \"avg\", \"format\": \"0.0\"}, \"day\": {\"total\": " \
	"\"max\"}, \"note\": {\"total\": \"count\"}}}"

static struct column total_columns[] = {COLUMN("name", TEXT),
    COLUMN("id", INTEGER), COLUMN("amount", DECIMAL), COLUMN("day", DATE),
    COLUMN("note", TEXT)};
static const struct schema total_schema = {total_columns, 5};
static const struct value total_values[] = {CELL("x"), CELL("1"), CELL("1.5"),
    CELL("2026-03-01"), CELL("a"), CELL("y"), CELL("2"), CELL("2.5"),
    CELL("2026-03-02"), NIL};

TEST(totals_are_formulas_with_their_results)
{
	struct book b;

	book_open(&b, TOTALS, 0, 0);
	book_section(&b, NULL, &total_schema, total_values, 2);
	book_finish(&b);
	assert_part(&b, SHEET1, "<is><t>Total</t></is>");
	assert_part(&b, SHEET1, "<f>SUBTOTAL(109,B2:B3)</f><v>3</v>");
	assert_part(&b, SHEET1, "<f>SUBTOTAL(101,C2:C3)</f><v>2");
	assert_part(&b, SHEET1, "<f>SUBTOTAL(104,D2:D3)</f><v>46083</v>");
	assert_part(&b, SHEET1, "<f>SUBTOTAL(103,E2:E3)</f><v>1</v>");
	assert_part(&b, SHEET1, "<autoFilter ref=\"A1:E3\"/>");
	assert_part(&b, "xl/workbook.xml", "fullCalcOnLoad");
	book_free(&b);
}

/* Each sheet has four rows; the last sheet also has the totals of all. */
TEST(each_full_sheet_has_its_own_totals)
{
	static const struct value values[] = {CELL("a"), CELL("1"), CELL("1.5"),
	    CELL("2026-03-01"), CELL("a"), CELL("b"), CELL("2"), CELL("2.5"),
	    CELL("2026-03-09"), NIL, CELL("c"), CELL("3"), NIL,
	    CELL("2026-03-02"), NIL, CELL("d"), CELL("9223372036854775807"),
	    CELL("5"), CELL("2026-03-02"), CELL("d")};
	struct book b;

	book_open(&b, TOTALS, 4, 0);
	book_section(&b, NULL, &total_schema, values, 4);
	book_finish(&b);
	assert_part(&b, SHEET1, "<is><t>Total of this sheet</t></is>");
	assert_part(&b, SHEET1, "<f>SUBTOTAL(109,B2:B3)</f><v>3</v>");
	assert_no_part(&b, SHEET1, "all sheets");
	assert_part(&b, SHEET2, "<is><t>Total of this sheet</t></is>");
	assert_part(&b, SHEET2, "<f>SUBTOTAL(109,B2:B2)</f><v>3</v>");
	assert_part(&b, SHEET2, "<f>SUBTOTAL(103,E2:E2)</f><v>0</v>");
	assert_no_part(&b, SHEET2, "all sheets");
	assert_part(&b, SHEET3, "<row r=\"4\"");
	assert_no_part(&b, SHEET3, "<row r=\"5\"");
	assert_part(&b, SHEET3, "<is><t>Total of all sheets</t></is>");
	assert_part(&b, SHEET3, "<is><t>9223372036854775813</t></is>");
	assert_part(&b, SHEET3, "<v>3.000</v></c><c r=\"D4\"");
	assert_part(&b, SHEET3, "<v>46090</v></c><c r=\"E4\"");
	assert_no_part(&b, SHEET3, "B2:B3");
	book_free(&b);
}

TEST(totals_have_the_places_of_their_values)
{
	static struct column columns[] = {
	    COLUMN("n", DECIMAL), COLUMN("a", DECIMAL), COLUMN("t", TIME)};
	static const struct schema schema = {columns, 3};
	static const struct value values[] = {CELL("1.5"), CELL("1.00"),
	    CELL("09:30:00"), CELL("2.250"), CELL("2.00"),
	    CELL("23:59:59.999999")};
	struct book b;

	columns[1].precision = 12;
	columns[1].scale = 2;
	book_open(&b,
	    "{\"columns\": {\"n\": {\"total\": \"sum\"}, \"a\": {\"total\": "
	    "\"avg\"}, \"t\": {\"total\": \"max\"}}}",
	    0, 0);
	book_section(&b, NULL, &schema, values, 2);
	book_finish(&b);
	assert_part(&b, "xl/styles.xml", "formatCode=\"0.000\"");
	assert_part(&b, "xl/styles.xml", "formatCode=\"0.0000\"");
	assert_part(&b, SHEET1, "<f>SUBTOTAL(109,A2:A3)</f><v>3.750</v>");
	assert_part(&b, SHEET1, "<f>SUBTOTAL(101,B2:B3)</f><v>1.5000</v>");
	assert_part(
	    &b, SHEET1, "<f>SUBTOTAL(104,C2:C3)</f><v>0.999999988425926</v>");
	book_free(&b);
}

TEST(a_number_does_not_change_the_format_of_the_next)
{
	static struct column columns[] = {
	    COLUMN("n", DECIMAL), COLUMN("t", TIME)};
	static const struct schema schema = {columns, 2};
	static const struct value values[] = {CELL("1.5"), CELL("12:00:00"),
	    CELL("2.250"), CELL("12:00:00.5"), CELL("NaN"), CELL("24:00:00"),
	    CELL("-3.5"), CELL("12:00:00")};
	struct book b;

	book_open(&b, NULL, 0, 0);
	book_section(&b, NULL, &schema, values, 4);
	book_finish(&b);
	assert_part(&b, SHEET1, "<c r=\"A2\" s=\"4\"><v>1.5</v>");
	assert_part(&b, SHEET1, "<c r=\"A3\" s=\"6\"><v>2.250</v>");
	assert_part(&b, SHEET1, "<c r=\"A5\" s=\"4\"><v>-3.5</v>");
	assert_part(&b, SHEET1, "<c r=\"B2\" s=\"19\"><v>0.5</v>");
	assert_part(
	    &b, SHEET1, "<c r=\"B3\" s=\"20\"><v>0.500005787037037</v>");
	assert_part(&b, SHEET1, "<c r=\"B5\" s=\"19\"><v>0.5</v>");
	book_free(&b);
}

TEST(money_is_a_number_in_the_servers_look)
{
	static struct money euro = {.positive = "10.000.000.000.000.000,00 "
						"\xE2\x82\xAC",
	    .negative = "-10.000.000.000.000.000,00 \xE2\x82\xAC",
	    .scale = 2};
	static struct column columns[] = {COLUMN("m", MONEY)};
	static const struct schema schema = {columns, 1};
	static const struct value values[] = {CELL("1.234,50 \xE2\x82\xAC"),
	    CELL("-0,99 \xE2\x82\xAC"),
	    CELL("92.233.720.368.547.758,07 \xE2\x82\xAC")};
	struct book b;

	columns[0].money = &euro;
	book_open(&b, "{\"columns\": {\"m\": {\"total\": \"sum\"}}}", 0, 0);
	book_section(&b, NULL, &schema, values, 2);
	book_section(&b, NULL, &schema, values, 3);
	book_finish(&b);
	assert_part(&b, SHEET1, "<v>1234.50</v>");
	assert_part(&b, SHEET1, "<v>-0.99</v>");
	assert_part(&b, SHEET1, "<f>SUBTOTAL(109,A2:A3)</f><v>1233.51</v>");
	assert_part(&b, "xl/styles.xml",
	    "formatCode=\"#,##0.00&quot; \xE2\x82\xAC&quot;;"
	    "&quot;-&quot;#,##0.00&quot; \xE2\x82\xAC&quot;\"");
	/* A total of more than 15 digits keeps all of them, as text. */
	assert_part(&b, SHEET2, "<t>92.233.720.368.547.758,07 ");
	book_free(&b);
}

/* A formula would ignore cells that hold text. */
TEST(totals_of_numbers_that_are_text_are_values)
{
	static const struct value values[] = {CELL("x"),
	    CELL("9223372036854775807"), CELL("1"), CELL("1066-10-14"),
	    CELL("a"), CELL("y"), CELL("1"), CELL("2"), CELL("2026-03-02"),
	    CELL("b")};
	struct book b;

	book_open(&b, TOTALS, 0, 0);
	book_section(&b, NULL, &total_schema, values, 2);
	book_finish(&b);
	assert_part(&b, SHEET1, "<t>9223372036854775808</t>");
	assert_no_part(&b, SHEET1, "SUBTOTAL(109");
	assert_no_part(&b, SHEET1, "SUBTOTAL(104");
	assert_part(&b, SHEET1, "<v>46083</v></c><c r=\"E4\"");
	assert_part(&b, SHEET1, "SUBTOTAL(103,E2:E3)</f><v>2</v>");
	book_free(&b);
}

TEST(totals_of_no_rows_are_no_formulas)
{
	struct book b;

	book_open(&b, TOTALS, 0, 0);
	book_section(&b, NULL, &total_schema, NULL, 0);
	book_finish(&b);
	assert_no_part(&b, SHEET1, "<f>");
	assert_part(&b, SHEET1, "<v>0</v>");
	book_free(&b);
}

TEST(a_chart_reads_the_cells_of_its_sheet)
{
	struct book b;

	book_open(&b,
	    "{\"chart\": {\"type\": \"bar\", \"category\": \"name\", "
	    "\"values\": [\"id\", \"amount\"], \"title\": \"A & B\"}}",
	    0, 0);
	book_section(&b, "it's", &total_schema, total_values, 2);
	book_section(&b, "other", &two, five_rows, 5);
	book_finish(&b);
	assert_part(&b, SHEET1, "<drawing r:id=\"rId1\"/></worksheet>");
	assert_no_part(&b, SHEET2, "<drawing");
	assert_part(&b, "xl/worksheets/_rels/sheet1.xml.rels",
	    "Target=\"../drawings/drawing1.xml\"");
	assert_part(&b, "xl/drawings/_rels/drawing1.xml.rels",
	    "Target=\"../charts/chart1.xml\"");
	assert_part(&b, "xl/drawings/drawing1.xml", "<xdr:col>6</xdr:col>");
	assert_part(&b, "xl/charts/chart1.xml",
	    "<c:cat><c:strRef><c:f>'it''s'!$A$2:$A$3</c:f>");
	assert_part(&b, "xl/charts/chart1.xml",
	    "<c:val><c:numRef><c:f>'it''s'!$C$2:$C$3</c:f>");
	assert_part(&b, "xl/charts/chart1.xml", "<a:t>A &amp; B</a:t>");
	assert_part(&b, "[Content_Types].xml", "/xl/charts/chart1.xml");
	assert_null(unzip_part(&b.zip, "xl/charts/chart2.xml", NULL));
	book_free(&b);
}

/* Each sheet has the slices of its own rows. */
TEST(a_pie_of_many_rows_reads_its_slices)
{
	struct value values[2 * 18];
	struct book b;

	for (int i = 0; i < 18; i++) {
		values[2 * i] = (struct value)CELL("1");
		values[2 * i + 1] = (struct value)CELL("a");
	}
	values[2 * 15] = (struct value)CELL("7");
	values[2 * 15 + 1] = (struct value)CELL("b");
	book_open(&b,
	    "{\"chart\": {\"type\": \"pie\", \"category\": \"note\", "
	    "\"values\": [\"id\"]}}",
	    17, 0);
	book_section(&b, "Q1", &two, values, 18);
	book_finish(&b);
	/* The other slices are the first ten; the sheet has 16 rows. */
	assert_part(&b, SHEET2, "<c r=\"B12\" s=\"1\"><v>7</v></c></row>");
	assert_part(&b, SHEET2, "<c r=\"B13\" s=\"1\"><v>5</v></c></row></");
	assert_part(&b, "xl/charts/chart1.xml",
	    "<c:cat><c:strRef><c:f>'Chart data'!$A$2:$A$13</c:f>");
	assert_part(&b, "xl/charts/chart1.xml",
	    "<c:val><c:numRef><c:f>'Chart data'!$B$2:$B$13</c:f>");
	assert_part(&b, "xl/charts/chart1.xml", "999999");
	assert_part(&b, "xl/charts/chart3.xml", "'Q1 (2)'!$A$2:$A$3</c:f>");
	assert_no_part(&b, "xl/charts/chart3.xml", "999999");
	book_free(&b);
}

/* ---- errors ---- */

TEST(too_many_columns_are_refused)
{
	enum { COLUMNS = 16385 };
	struct column *columns = mem_zalloc(COLUMNS * sizeof(*columns));
	struct schema schema = {columns, COLUMNS};
	struct section section = {.schema = &schema};
	struct err e = {.text = ""};
	struct book b;

	for (int i = 0; i < COLUMNS; i++)
		columns[i].name = (char *)"c";
	book_open(&b, NULL, 0, 0);
	assert_int_equal(encoder_begin(b.encoder, &section, &e), -1);
	assert_err(&e, "a sheet has 16384 columns at most, not 16385");
	book_free(&b);
	schema.count--;
	book_open(&b, NULL, 0, 0);
	book_section(&b, NULL, &schema, NULL, 0);
	book_finish(&b);
	assert_part(&b, SHEET1, "<c r=\"XFD1\"");
	book_free(&b);
	free(columns);
}

/* The sink fails at every byte: in the head, rows, charts and directory. */
TEST(a_failing_sink_fails_the_workbook)
{
	struct err e = {.text = ""};
	struct book b;
	size_t size = 1;

	for (size_t at = 0; at < size; at += 13) {
		struct section section = {"s", &total_schema};
		struct batch batch = {total_values, 2};

		*e.text = '\0';
		book_open(&b,
		    "{\"chart\": {\"type\": \"pie\", \"category\": \"name\", "
		    "\"values\": [\"id\"]}}",
		    2, 0);
		b.file.fail_at = b.file.bytes.len + at;
		if (encoder_begin(b.encoder, &section, &e) == 0 &&
		    encoder_rows(b.encoder, &batch, &e) == 0 &&
		    encoder_end(b.encoder, &e) == 0)
			encoder_finish(b.encoder, &e);
		if (*e.text == '\0')
			break;
		assert_err(&e, FAKE_ERROR);
		size = b.file.fail_at + 14;
		book_free(&b);
	}
	book_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(null_is_no_cell),
	    cmocka_unit_test(numbers_of_up_to_15_digits_are_numbers),
	    cmocka_unit_test(floats_are_numbers_as_far_as_excel_has_them),
	    cmocka_unit_test(booleans_are_booleans),
	    cmocka_unit_test(dates_count_from_march_1900),
	    cmocka_unit_test(times_are_parts_of_a_day),
	    cmocka_unit_test(timestamps_are_days_and_parts),
	    cmocka_unit_test(fractions_of_more_than_15_digits_are_rounded),
	    cmocka_unit_test(intervals_are_days_and_parts),
	    cmocka_unit_test(
		text_of_several_lines_is_wrapped_in_a_row_that_is_high_enough),
	    cmocka_unit_test(
		a_long_header_has_lines_and_a_long_number_has_none),
	    cmocka_unit_test(strings_are_shared_as_long_as_there_is_room),
	    cmocka_unit_test(a_sheet_prints_as_wide_as_a_page),
	    cmocka_unit_test(names_without_a_place_in_xml_are_cleaned),
	    cmocka_unit_test(everything_else_is_text),
	    cmocka_unit_test(text_is_escaped),
	    cmocka_unit_test(white_space_at_the_ends_is_kept),
	    cmocka_unit_test(text_is_cut_at_32767_units_of_utf16),
	    cmocka_unit_test(a_sheet_has_header_filter_and_widths),
	    cmocka_unit_test(the_filter_can_be_left_out),
	    cmocka_unit_test(columns_are_shown_as_the_options_say),
	    cmocka_unit_test(the_zone_stands_in_the_header),
	    cmocka_unit_test(a_full_sheet_is_followed_by_another),
	    cmocka_unit_test(a_sheet_may_be_just_full),
	    cmocka_unit_test(a_sheet_ends_before_it_is_too_large),
	    cmocka_unit_test(names_of_sheets_are_valid_and_unique),
	    cmocka_unit_test(a_workbook_has_a_sheet_in_any_case),
	    cmocka_unit_test(totals_are_formulas_with_their_results),
	    cmocka_unit_test(each_full_sheet_has_its_own_totals),
	    cmocka_unit_test(totals_have_the_places_of_their_values),
	    cmocka_unit_test(a_number_does_not_change_the_format_of_the_next),
	    cmocka_unit_test(money_is_a_number_in_the_servers_look),
	    cmocka_unit_test(totals_of_numbers_that_are_text_are_values),
	    cmocka_unit_test(totals_of_no_rows_are_no_formulas),
	    cmocka_unit_test(a_chart_reads_the_cells_of_its_sheet),
	    cmocka_unit_test(a_pie_of_many_rows_reads_its_slices),
	    cmocka_unit_test(too_many_columns_are_refused),
	    cmocka_unit_test(a_failing_sink_fails_the_workbook),
	};

	return cmocka_run_group_tests_name("xlsx", tests, NULL, NULL);
}
