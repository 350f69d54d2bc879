/* SPDX-License-Identifier: MIT */
#include "encode/html/html.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"

static const struct report_info info = {
    .title = "Sales & \"co\" <b>",
    .author = "ann",
    .time_zone = "Europe/Berlin",
    .run_id = 42,
    .time = 1772353800,
    .time_text = "2026-03-01 09:30:00",
};

struct part {
	const char *name;
	const struct column *columns;
	int count;
	const struct value *values;
	int rows;
	const char *note;
};
#define PART(n, c, v)                                                \
	{                                                            \
		.name = (n), .columns = (c), .count = (int)COUNT(c), \
		.values = (v), .rows = (int)(COUNT(v) / COUNT(c))    \
	}

static int add_part(struct encoder *enc, const struct part *p, struct err *e)
{
	struct schema schema = {
	    (struct column *)(uintptr_t)p->columns, p->count};
	struct section section = {p->name, &schema};

	if (encoder_begin(enc, &section, e) != 0)
		return -1;
	for (int row = 0; row < p->rows; row++) {
		struct batch b = {p->values + row * p->count, 1};

		if (encoder_rows(enc, &b, e) != 0)
			return -1;
	}
	enc->note = p->note;
	return encoder_end(enc, e);
}

static int encode(const char *options, const struct part *parts, int count,
    struct fake *f, struct err *e)
{
	json_t *o =
	    options ? json_parse_object(options, strlen(options), e) : NULL;
	struct sink *sink = fake_open(f);
	struct encoder *enc = encoder_open(&encoder_html,
	    &(struct encoder_options){.options = o,
		.info = &info,
		.sink = sink,
		.expected_sections = count},
	    e);
	int rc = enc ? 0 : -1;

	for (int i = 0; rc == 0 && i < count; i++)
		rc = add_part(enc, &parts[i], e);
	if (rc == 0)
		rc = encoder_finish(enc, e);
	encoder_free(enc);
	sink_free(sink);
	json_decref(o);
	return rc;
}

/* Returns the page, which the caller frees. */
static char *page(const char *options, const struct part *parts, int count)
{
	struct err e = {.text = ""};
	struct fake f;
	char *text;

	fake_init(&f);
	if (encode(options, parts, count, &f, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(strlen(f.bytes.data), f.bytes.len);
	text = mem_strdup(f.bytes.data);
	fake_free(&f);
	return text;
}

static void assert_page(
    const char *options, const struct part *parts, int count, const char *has)
{
	char *text = page(options, parts, count);

	assert_has(text, has, __FILE__, __LINE__);
	free(text);
}

/* Counts the occurrences of a word. */
static int count_of(const char *text, const char *word)
{
	int n = 0;

	while ((text = strstr(text, word)) != NULL) {
		text += strlen(word);
		n++;
	}
	return n;
}

static void refuse(
    const char *options, const struct part *part, const char *message)
{
	struct err e = {.text = ""};
	struct fake f;

	fake_init(&f);
	assert_int_equal(encode(options, part, 1, &f, &e), -1);
	assert_err_has(&e, message);
	fake_free(&f);
}

static const struct column mixed[] = {COLUMN("id", INTEGER),
    COLUMN("name", TEXT), COLUMN("paid", BOOLEAN), COLUMN("day", DATE)};
static const struct value mixed_values[] = {CELL("1"), CELL("a <b> & \"c\""),
    CELL("t"), CELL("2026-03-01"), CELL("-2"), NIL, CELL("f"), NIL};
static const struct part two[] = {PART(NULL, mixed, mixed_values)};

/* The script compares these: moments by their offset, intervals by length. */
TEST(cells_of_an_interactive_page_carry_values_that_are_not_shown)
{
	static const struct column kinds[] = {COLUMN("n", INTEGER),
	    COLUMN("d", DECIMAL), COLUMN("i", INTERVAL),
	    COLUMN("t", TIMESTAMPTZ), COLUMN("x", TEXT)};
	static const struct value cells[] = {CELL("1"), CELL("-2.5"),
	    CELL("-1 mons +2 days -00:00:01.5"), CELL("2026-03-01 09:30:00+01"),
	    CELL("a"), CELL("1"), NIL, CELL("infinity"), NIL, CELL("\"")};
	static const struct part parts[] = {PART(NULL, kinds, cells)};
	char *text = page("{\"interactive\": true, \"null\": \"-\", "
			  "\"columns\": {\"d\": {\"format\": \"0.00\"}}}",
	    parts, 1);

	assert_has(text,
	    "<td align=\"right\">1</td><td align=\"right\" data-v=\"-2.5\">"
	    "-2.50</td><td align=\"right\" data-v=\"-2419201500000\">",
	    __FILE__, __LINE__);
	assert_has(text,
	    "<td nowrap data-v=\"2026-03-01 09:30:00+01\">2026-03-01 "
	    "09:30:00</td><td>a</td>",
	    __FILE__, __LINE__);
	assert_has(text,
	    "<td align=\"right\" data-v=\"\">-</td><td align=\"right\" "
	    "data-v=\"infinity\">infinity</td><td nowrap data-v=\"\">-</td>"
	    "<td>&quot;</td>",
	    __FILE__, __LINE__);
	assert_int_equal(count_of(text, "<script>"), 1);
	free(text);
}

TEST(cells_are_aligned_by_type_and_escaped)
{
	assert_page(NULL, two, 1,
	    "<tbody>\n"
	    "<tr><td align=\"right\">1</td><td>a &lt;b&gt; &amp; &quot;c&quot;"
	    "</td><td align=\"center\">true</td>"
	    "<td nowrap>2026-03-01</td></tr>\n"
	    "<tr><td align=\"right\">-2</td><td></td>"
	    "<td align=\"center\">false</td><td nowrap></td></tr>\n"
	    "</tbody>\n</table>\n<p class=\"rows\">2 rows</p>\n</section>\n");
	assert_page("{\"null\": \"<none>\"}", two, 1, "<td>&lt;none&gt;</td>");
}

TEST(a_page_says_what_it_is)
{
	char *text = page(NULL, two, 1);

	assert_ptr_equal(strstr(text, "<!DOCTYPE html>\n<html lang=\"en\">\n"
				      "<head>\n<meta charset=\"utf-8\">\n"),
	    text);
	assert_has(text, "<title>Sales &amp; &quot;co&quot; &lt;b&gt;</title>",
	    __FILE__, __LINE__);
	assert_has(text,
	    "<h1 id=\"title\">Sales &amp; &quot;co&quot; &lt;b&gt;</h1>",
	    __FILE__, __LINE__);
	assert_has(
	    text, "<meta name=\"author\" content=\"ann\">", __FILE__, __LINE__);
	assert_has(text,
	    "<footer>Run 42, <time datetime=\"2026-03-01T08:30:00Z\">"
	    "2026-03-01 09:30:00</time>. Times are in Europe/Berlin.</footer>\n"
	    "</body>\n</html>\n",
	    __FILE__, __LINE__);
	assert_int_equal(count_of(text, "<script"), 0);
	free(text);
	assert_page("{\"lang\": \"pt-BR\"}", two, 1, "<html lang=\"pt-BR\">");
}

TEST(columns_are_shown_as_the_options_say)
{
	static const char options[] =
	    "{\"columns\": {\"id\": {\"label\": \"<No>\", \"width\": 12.5, "
	    "\"align\": \"left\", \"format\": \"#,##0.00\"}}}";
	static const struct column c[] = {COLUMN("id", INTEGER)};
	static const struct value v[] = {CELL("1234567"), NIL};
	static const struct part part[] = {PART(NULL, c, v)};
	char *text = page(options, part, 1);

	assert_has(text, "<colgroup><col style=\"width:12.5ch\"></colgroup>",
	    __FILE__, __LINE__);
	assert_has(text, ">&lt;No&gt;</th>", __FILE__, __LINE__);
	assert_has(text, "<tr><td>1,234,567.00</td></tr>\n<tr><td></td></tr>\n",
	    __FILE__, __LINE__);
	free(text);
	refuse("{\"columns\": {\"other\": {\"label\": \"x\"}}}", part,
	    "\"columns.other\": the result has no such column; its columns: "
	    "id");
}

TEST(times_are_shown_without_the_offset_of_the_zone)
{
	static const struct column c[] = {COLUMN("at", TIMESTAMPTZ),
	    COLUMN("tz", TIMETZ), COLUMN("ts", TIMESTAMP)};
	static const struct value v[] = {CELL("2026-03-01 09:30:00.5+01"),
	    CELL("09:30:00+01"), CELL("2026-03-01 09:30:00"),
	    CELL("0044-03-15 12:00:00+00:53:28 BC"), NIL, CELL("-infinity"),
	    CELL("infinity"), NIL, NIL};
	static const struct part part[] = {PART(NULL, c, v)};

	assert_page(NULL, part, 1,
	    "<tr><td nowrap>2026-03-01 09:30:00.5</td>"
	    "<td nowrap>09:30:00+01</td>"
	    "<td nowrap>2026-03-01 09:30:00</td></tr>\n"
	    "<tr><td nowrap>0044-03-15 12:00:00 BC</td><td nowrap></td>"
	    "<td nowrap>-infinity</td></tr>\n"
	    "<tr><td nowrap>infinity</td>");
}

static const struct column money[] = {
    COLUMN("name", TEXT), COLUMN("amount", DECIMAL), COLUMN("other", DECIMAL)};
static const struct value money_values[] = {CELL("a"), CELL("0.10"), CELL("1"),
    CELL("b"), CELL("0.20"), CELL("3"), CELL("c"), NIL, NIL};
static const struct part sums[] = {PART(NULL, money, money_values)};

TEST(totals_stand_in_the_foot)
{
	assert_page("{\"columns\": {\"amount\": {\"total\": \"sum\"}, "
		    "\"other\": {\"total\": \"max\"}}}",
	    sums, 1,
	    "</tbody>\n<tfoot>\n<tr><th scope=\"row\" align=\"left\">Total"
	    "</th><td align=\"right\">0.30</td><td align=\"right\">"
	    "<small>max</small> 3</td></tr>\n</tfoot>\n</table>\n");
	assert_page("{\"columns\": {\"amount\": {\"total\": \"sum\", "
		    "\"format\": \"0.0\"}, \"name\": {\"total\": \"count\", "
		    "\"format\": \"0.0\"}}}",
	    sums, 1,
	    "<tfoot>\n<tr><td><small>count</small> 3</td>"
	    "<td align=\"right\">0.3</td><th scope=\"row\" "
	    "align=\"left\">Total</th></tr>\n</tfoot>\n");
}

TEST(sections_have_captions_and_notes)
{
	static const struct column c[] = {COLUMN("x", INTEGER)};
	static const struct value v[] = {CELL("7")};
	static const struct part parts[] = {
	    PART("A & B", c, v),
	    {.name = "none", .columns = c, .count = 1, .note = "<cut>"},
	    PART(NULL, c, v),
	};
	char *text = page(NULL, parts, 3);

	assert_has(text, "<caption align=\"left\"><h2>A &amp; B</h2></caption>",
	    __FILE__, __LINE__);
	assert_has(text, "<p class=\"rows\">1 row</p>", __FILE__, __LINE__);
	assert_has(text, "<p class=\"rows\">0 rows: &lt;cut&gt;</p>", __FILE__,
	    __LINE__);
	assert_int_equal(count_of(text, "<table"), 3);
	assert_int_equal(count_of(text, "</table>"), 3);
	assert_int_equal(count_of(text, "aria-labelledby=\"title\""), 1);
	assert_int_equal(count_of(text, "<footer>"), 1);
	free(text);
}

TEST(a_chart_is_drawn_below_its_table)
{
	static const char options[] = "{\"chart\": {\"category\": \"name\", "
				      "\"values\": [\"amount\", \"other\"]}}";
	char *text = page(options, sums, 1);

	assert_has(text, "<figure>\n<svg", __FILE__, __LINE__);
	assert_has(text, "</svg>", __FILE__, __LINE__);
	free(text);
	refuse("{\"chart\": {\"category\": \"amount\", "
	       "\"values\": [\"name\"]}}",
	    sums, "name");
}

TEST(nothing_of_a_value_is_markup)
{
	static const char fill[] = "<script>&\"'\r\n\t\x01>";

	for (size_t len = 1; len < 100000; len = len * 3 + 1) {
		char *in = mem_alloc(len), *text;
		struct value v = {in, (int32_t)len};
		struct column c = COLUMN("x", TEXT);
		struct part part = {
		    .columns = &c, .count = 1, .values = &v, .rows = 1};
		const char *at, *end;

		for (size_t i = 0; i < len; i++)
			in[i] = fill[i % (sizeof(fill) - 1)];
		text = page(NULL, &part, 1);
		at = strchr(strstr(text, "<tr><td"), '>');
		at = strchr(at + 1, '>') + 1;
		end = strstr(at, "</td></tr>");
		for (size_t i = 0; i < len; i++) {
			const char *s = in[i] == '<'   ? "&lt;"
					: in[i] == '>' ? "&gt;"
					: in[i] == '&' ? "&amp;"
					: in[i] == '"' ? "&quot;"
					: in[i] == 1   ? "\xEF\xBF\xBD"
						       : NULL;
			size_t n = s ? strlen(s) : 1;

			assert_memory_equal(at, s ? s : in + i, n);
			at += n;
		}
		assert_ptr_equal(at, end);
		free(text);
		free(in);
	}
}

TEST(a_write_that_fails_at_any_byte_is_passed_on)
{
	static const char options[] =
	    "{\"columns\": {\"amount\": {\"total\": \"sum\", "
	    "\"format\": \"0.0\"}}, \"chart\": {\"category\": \"name\", "
	    "\"values\": [\"amount\"]}}";
	struct err e = {.text = ""};
	struct fake f;
	size_t size;

	fake_init(&f);
	assert_int_equal(encode(options, sums, 1, &f, &e), 0);
	size = f.bytes.len;
	fake_free(&f);
	for (size_t n = 0; n < size; n++) {
		fake_init(&f);
		f.fail_at = n;
		assert_int_equal(encode(options, sums, 1, &f, &e), -1);
		assert_err(&e, FAKE_ERROR);
		fake_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cells_are_aligned_by_type_and_escaped),
	    cmocka_unit_test(
		cells_of_an_interactive_page_carry_values_that_are_not_shown),
	    cmocka_unit_test(a_page_says_what_it_is),
	    cmocka_unit_test(columns_are_shown_as_the_options_say),
	    cmocka_unit_test(times_are_shown_without_the_offset_of_the_zone),
	    cmocka_unit_test(totals_stand_in_the_foot),
	    cmocka_unit_test(sections_have_captions_and_notes),
	    cmocka_unit_test(a_chart_is_drawn_below_its_table),
	    cmocka_unit_test(nothing_of_a_value_is_markup),
	    cmocka_unit_test(a_write_that_fails_at_any_byte_is_passed_on),
	};

	return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
