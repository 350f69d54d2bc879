/* SPDX-License-Identifier: MIT */
#include "encode/pdf/pdf.h"

#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/pdf/page.h"
#include "encode/pdf/table.h"
#include "encode/pdf/text.h"
#include "helper.h"

static const struct report_info info = {
    .title = "Sales (\\) & costs €",
    .author = "ada",
    .time_zone = "Europe/Berlin",
    .time = 1772353800,
    .time_text = "2026-03-01 09:30:00",
};

/* ---- a file in memory ---- */

static const char *find(const struct buf *b, size_t from, const char *word)
{
	const char *at =
	    memmem(b->data + from, b->len - from, word, strlen(word));

	return at;
}

static int count(const struct buf *b, const char *word)
{
	const char *at = b->data;
	int n = 0;

	while ((at = find(b, (size_t)(at - b->data), word)) != NULL) {
		at += strlen(word);
		n++;
	}
	return n;
}

static void unpack(const char *data, size_t len, struct buf *to)
{
	struct inflate_state state;
	uint8_t chunk[4096];

	isal_inflate_init(&state);
	state.crc_flag = IGZIP_ZLIB;
	state.next_in = (uint8_t *)(uintptr_t)data;
	state.avail_in = (uint32_t)len;
	do {
		state.next_out = chunk;
		state.avail_out = sizeof(chunk);
		assert_int_equal(isal_inflate(&state), ISAL_DECOMP_OK);
		buf_add(to, chunk, sizeof(chunk) - state.avail_out);
	} while (state.block_state != ISAL_BLOCK_FINISH);
}

/* Returns the content of all streams; the caller frees it. */
static struct buf streams(const struct buf *file)
{
	static const char length[] = "/Filter/FlateDecode/Length ";
	const char *at = file->data;
	struct buf b;

	buf_init(&b, 1 << 30);
	while ((at = find(file, (size_t)(at - file->data), length)) != NULL) {
		size_t len = strtoul(at + strlen(length), NULL, 10);

		at = strstr(at, ">>\nstream\n") + strlen(">>\nstream\n");
		unpack(at, len, &b);
		at += len;
		assert_memory_equal(at, "\nendstream\nendobj\n", 18);
	}
	return b;
}

/* Checks that every object lies at its offset in the table at the end. */
static void check_objects(const struct buf *file)
{
	const char *end = file->data + file->len - 40, *at;
	char name[40];
	int objects, n;
	size_t table;

	assert_memory_equal(file->data, "%PDF-1.7\n", 9);
	assert_string_equal(file->data + file->len - 7, "\n%%EOF\n");
	at = memmem(end, 40, "startxref\n", 10);
	table = strtoul(at + 10, NULL, 10);
	assert_int_equal(
	    sscanf(file->data + table, "xref\n0 %d\n%n", &objects, &n), 1);
	at = file->data + table + n;
	assert_memory_equal(at, "0000000000 65535 f \n", 20);
	for (int i = 1; i < objects; i++) {
		size_t place = strtoul(at + 20 * i, NULL, 10);

		snprintf(name, sizeof(name), "%d 0 obj\n", i);
		assert_memory_equal(file->data + place, name, strlen(name));
		assert_memory_equal(at + 20 * i + 10, " 00000 n \n", 10);
	}
	assert_memory_equal(at + 20 * objects, "trailer\n", 8);
}

/* ---- reports ---- */

struct part {
	const char *name;
	const struct column *columns;
	int count;
	const struct value *values;
	int rows, times; /* the rows are written `times` times */
	const char *note;
};
#define PART(n, c, v)                                                         \
	{                                                                     \
		.name = (n), .columns = (c), .count = (int)COUNT(c),          \
		.values = (v), .rows = (int)(COUNT(v) / COUNT(c)), .times = 1 \
	}

static int add_part(struct encoder *enc, const struct part *p, struct err *e)
{
	struct schema schema = {
	    (struct column *)(uintptr_t)p->columns, p->count};
	struct section section = {p->name, &schema};
	struct batch b = {p->values, p->rows};

	if (encoder_begin(enc, &section, e) != 0)
		return -1;
	for (int i = 0; i < p->times; i++) {
		if (encoder_rows(enc, &b, e) != 0)
			return -1;
	}
	enc->note = p->note;
	return encoder_end(enc, e);
}

static char said[200];

static int encode(const char *options, const struct part *parts, int n,
    struct fake *f, struct err *e)
{
	json_t *o =
	    options ? json_parse_object(options, strlen(options), e) : NULL;
	struct sink *sink = fake_open(f);
	struct encoder *enc = encoder_open(&encoder_pdf,
	    &(struct encoder_options){.options = o,
		.info = &info,
		.sink = sink,
		.expected_sections = n},
	    e);
	int rc = enc ? 0 : -1;

	for (int i = 0; rc == 0 && i < n; i++)
		rc = add_part(enc, &parts[i], e);
	if (rc == 0)
		rc = encoder_finish(enc, e);
	*said = '\0';
	if (rc == 0 && encoder_pdf.remark(enc) != NULL)
		snprintf(said, sizeof(said), "%s", encoder_pdf.remark(enc));
	encoder_free(enc);
	sink_free(sink);
	json_decref(o);
	return rc;
}

static struct fake file_of(const char *options, const struct part *parts, int n)
{
	struct err e = {.text = ""};
	struct fake f;

	fake_init(&f);
	if (encode(options, parts, n, &f, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(f.finished, 0);
	check_objects(&f.bytes);
	return f;
}

static void refuse(
    const char *options, const struct part *parts, int n, const char *message)
{
	struct err e = {.text = ""};
	struct fake f;

	fake_init(&f);
	assert_int_equal(encode(options, parts, n, &f, &e), -1);
	assert_err_has(&e, message);
	fake_free(&f);
}

/* Counts the occurrences of an operator or other text in the streams. */
static int count_in(
    const char *options, const struct part *parts, int n, const char *word)
{
	struct fake f = file_of(options, parts, n);
	struct buf text = streams(&f.bytes);
	int found = count(&text, word);

	buf_free(&text);
	fake_free(&f);
	return found;
}

static const struct column mixed[] = {COLUMN("id", INTEGER),
    COLUMN("name", TEXT), COLUMN("paid", BOOLEAN), COLUMN("amount", DECIMAL)};
static const struct value mixed_values[] = {CELL("1"), CELL("a (\\) b"),
    CELL("t"), CELL("12.50"), CELL("2"), NIL, CELL("f"), NIL, CELL("3"),
    CELL("naïve Ωмега"), NIL, CELL("-0.25")};
static const struct part one[] = {PART(NULL, mixed, mixed_values)};

TEST(a_report_is_a_whole_file)
{
	struct fake f = file_of(NULL, one, 1);

	assert_int_equal(count(&f.bytes, "/Type/Page/"), 1);
	assert_int_equal(count(&f.bytes, "/MediaBox[0 0 595.28 841.89]"), 1);
	/* The title is written as UTF-16. */
	assert_int_equal(
	    count(&f.bytes, "/Title<FEFF00530061006C0065007300200028"
			    "005C00290020002600200063006F007300740073"
			    "002020AC>"),
	    1);
	assert_int_equal(
	    count(&f.bytes, "/CreationDate(D:20260301083000Z)"), 1);
	assert_int_equal(count(&f.bytes, "/FontFile"), 2);
	fake_free(&f);
}

TEST(no_sections_and_no_rows_are_pages_too)
{
	struct part none = one[0];
	struct fake f = file_of(NULL, NULL, 0);

	assert_int_equal(count(&f.bytes, "/Type/Page/"), 1);
	fake_free(&f);
	none.rows = none.times = 0;
	f = file_of(NULL, &none, 1);
	assert_int_equal(count(&f.bytes, "/Type/Page/"), 1);
	fake_free(&f);
	none.count = 0;
	f = file_of("{\"group_by\": \"no\"}", NULL, 0);
	fake_free(&f);
	f = file_of(NULL, &none, 1);
	fake_free(&f);
}

/* A node of the page tree has 256 leaves. */
TEST(many_pages_are_all_in_the_tree)
{
	struct part many = one[0];
	struct fake f;

	many.times = 1500;
	f = file_of("{\"font_size\": 24, \"page\": \"A5\", "
		    "\"orientation\": \"landscape\"}",
	    &many, 1);
	assert_in_range(count(&f.bytes, "/Type/Page/"), 513, 768);
	assert_int_equal(count(&f.bytes, "/Count 256/"), 2);
	assert_int_equal(count(&f.bytes, "/Type/Pages/"), 4);
	fake_free(&f);
}

TEST(the_page_is_as_the_options_say)
{
	static const struct {
		const char *options, *box;
	} cases[] = {
	    {"{\"page\": \"A3\"}", "/MediaBox[0 0 841.89 1190.55]"},
	    {"{\"page\": \"A5\"}", "/MediaBox[0 0 419.53 595.28]"},
	    {"{\"page\": \"letter\"}", "/MediaBox[0 0 612 792]"},
	    {"{\"page\": \"legal\", \"orientation\": \"landscape\"}",
		"/MediaBox[0 0 1008 612]"},
	    {"{\"orientation\": \"landscape\"}",
		"/MediaBox[0 0 841.89 595.28]"},
	    /* Wide columns turn the page to landscape. */
	    {"{\"columns\": {\"id\": {\"width\": 150}}}",
		"/MediaBox[0 0 841.89 595.28]"},
	    {"{\"columns\": {\"id\": {\"width\": 100}}, "
	     "\"orientation\": \"portrait\"}",
		"/MediaBox[0 0 595.28 841.89]"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fake f = file_of(cases[i].options, one, 1);

		assert_int_equal(count(&f.bytes, cases[i].box), 1);
		fake_free(&f);
	}
}

#define ZEBRA "0.95 0.96 0.97 rg"
#define TOTAL "0.89 0.9 0.93 rg"

TEST(every_other_row_is_shaded)
{
	assert_int_equal(count_in(NULL, one, 1, ZEBRA), 1);
	assert_int_equal(count_in("{\"zebra\": false}", one, 1, ZEBRA), 0);
}

TEST(groups_have_subtotals)
{
	static const char sum[] = "{\"group_by\": \"name\", \"columns\": "
				  "{\"amount\": {\"total\": \"sum\"}}}";
	static const char group[] = "{\"group_by\": \"name\"}";
	static const struct column other[] = {COLUMN("x", TEXT)};
	static const struct value x[] = {CELL("x")};
	const struct part two[] = {PART("a", other, x), one[0]};

	/* The table's header has the same colour. */
	assert_int_equal(count_in(group, one, 1, TOTAL), 1);
	assert_int_equal(count_in(sum, one, 1, TOTAL), 1 + 3 + 1);
	assert_int_equal(count_in(sum, two, 2, TOTAL), 2 + 3 + 1);
	refuse(group, two, 1,
	    "\"group_by\" names the column \"name\", which the result does not "
	    "have; its columns: x");
}

TEST(charts_are_vectors)
{
	static const char *const options[] = {
	    "{\"chart\": {\"category\": \"id\", \"values\": [\"amount\"]}}",
	    "{\"chart\": {\"type\": \"line\", \"category\": \"id\", "
	    "\"values\": [\"amount\"]}}"};

	for (size_t i = 0; i < COUNT(options); i++)
		assert_in_range(count_in(options[i], one, 1, "S Q\n"), 3, 12);
	assert_int_equal(count_in(options[0], one, 1, "0 0.44 0.69 rg"), 3);
	refuse("{\"chart\": {\"type\": \"pie\", \"category\": \"id\", "
	       "\"values\": [\"amount\"]}}",
	    one, 1, "a pie has no place for the negative value -0.25 of \"3\"");
}

/* An unassigned code: no font has a glyph for it. */
#define NOWHERE "\xCD\xB8" /* U+0378 */

TEST(a_character_that_no_font_has_is_named)
{
	static const struct value values[] = {CELL("1"), CELL("so"), NIL, NIL,
	    CELL("2"), CELL("x " NOWHERE " y"), NIL, NIL};
	static const struct part lost[] = {PART(NULL, mixed, values)};
	struct part title = one[0];
	struct fake f;

	title.name = NOWHERE;
	refuse(NULL, lost, 1,
	    "row 2: column \"name\": no installed font has the character "
	    "U+0378 (install one that has it, or set \"missing_glyph\" to "
	    "\"replace\")");
	refuse(NULL, &title, 1, "section name: no installed font has");
	refuse("{\"footer\": \"" NOWHERE "\"}", one, 1,
	    "page header or footer: no installed font has");
	refuse("{\"columns\": {\"id\": {\"label\": \"" NOWHERE "\"}}}", one, 1,
	    "column name \"" NOWHERE "\": no installed font has");
	refuse("{\"chart\": {\"category\": \"id\", \"values\": [\"amount\"], "
	       "\"title\": \"" NOWHERE "\"}}",
	    one, 1, "chart: no installed font has");
	f = file_of("{\"missing_glyph\": \"replace\"}", lost, 1);
	assert_string_equal(
	    said, "1 character that no font has was replaced, U+0378");
	fake_free(&f);
}

TEST(any_page_ends)
{
	static const struct value tall[] = {CELL("1"),
	    CELL("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\np\nq\nr\ns\nt"),
	    CELL("t"), NIL};
	struct part part = PART("a section whose name is longer than a page of "
				"this kind has room for in one line",
	    mixed, tall);
	struct column *wide = mem_zalloc(300 * sizeof(*wide));
	struct value *values = mem_zalloc(300 * sizeof(*values));
	struct fake f;

	part.times = 3;
	/* The page has room for two lines of text at most. */
	f = file_of("{\"page\": \"A5\", \"margin\": 50, \"font_size\": 24, "
		    "\"columns\": {\"id\": {\"total\": \"sum\"}}}",
	    &part, 1);
	assert_true(count(&f.bytes, "/Type/Page/") > 5);
	fake_free(&f);
	for (int i = 0; i < 300; i++) {
		wide[i] = (struct column)COLUMN("column", TEXT);
		values[i] = (struct value)CELL("text");
	}
	part = (struct part){.columns = wide,
	    .count = 300,
	    .values = values,
	    .rows = 1,
	    .times = 2};
	f = file_of(NULL, &part, 1);
	fake_free(&f);
	free(wide);
	free(values);
}

TEST(a_write_that_fails_at_any_byte_is_passed_on)
{
	static const char options[] =
	    "{\"group_by\": \"name\", \"columns\": {\"amount\": {\"total\": "
	    "\"sum\"}}, \"chart\": {\"category\": \"id\", "
	    "\"values\": [\"amount\"], \"section\": \"b\"}, "
	    "\"sections\": [\"a\", \"b\"]}";
	struct part parts[] = {one[0], one[0]};
	struct fake f;
	size_t size, step;

	/* The file is written in pieces of 64 KiB, so only some bytes are
	 * tried. */
	parts[0].times = 5000;
	parts[1].name = "b";
	f = file_of(options, parts, 2);
	size = f.bytes.len;
	assert_true(f.writes > 2);
	step = size / 12;
	fake_free(&f);
	for (size_t n = 0; n < size; n += step) {
		struct err e = {.text = ""};

		fake_init(&f);
		f.fail_at = n + step >= size ? size - 1 : n;
		assert_int_equal(encode(options, parts, 2, &f, &e), -1);
		assert_err(&e, FAKE_ERROR);
		fake_free(&f);
	}
}

/* ---- text as lines ---- */

struct lines {
	struct fake f;
	struct sink *sink;
	struct pdf_file *file;
	struct pdf_text *text;
	struct pdf_flow flow;
};

static const struct pdf_style plain = {PDF_PLAIN, 1000};

static void lines_open(struct lines *l, const char *text, int width, bool solid)
{
	struct err e = {.text = ""};

	*l = (struct lines){.flow = {0}};
	fake_init(&l->f);
	l->sink = fake_open(&l->f);
	l->file = pdf_file_open(l->sink);
	l->text = pdf_text_open(l->file,
	    &(struct pdf_text_options){.family = "DejaVu Sans,sans-serif",
		.language = "en",
		.replace = true},
	    &e);
	assert_err(&e, "");
	pdf_flow_begin(&l->flow, text, strlen(text));
	l->flow.solid = solid;
	pdf_text_fill(l->text, &l->flow, plain, width, 1000000, &e);
	assert_err(&e, "");
	assert_int_equal(l->flow.next, l->flow.len);
	for (int i = 0; i < l->flow.count; i++) {
		const struct pdf_line *line = &l->flow.lines[i];

		/* A single character stands in a line of any width. */
		if (line->len > 4 && !line->shaped)
			assert_true(line->width <= width);
	}
}

static void lines_free(struct lines *l)
{
	pdf_flow_free(&l->flow);
	pdf_text_free(l->text);
	pdf_file_free(l->file);
	sink_free(l->sink);
	fake_free(&l->f);
}

/* Checks the lines of text that needs no shaping. */
static void assert_lines(const char *text, int width, const char *expected)
{
	struct buf b;
	struct lines l;

	buf_init(&b, 1 << 20);
	buf_str(&b, "");
	lines_open(&l, text, width, false);
	for (int i = 0; i < l.flow.count; i++) {
		const struct pdf_line *line = &l.flow.lines[i];

		assert_false(line->shaped);
		buf_add(&b, text + line->at, line->len);
		buf_char(&b, '|');
	}
	assert_string_equal(b.data, expected);
	buf_free(&b);
	lines_free(&l);
}

TEST(text_is_wrapped_between_words)
{
	/* At ten points, a letter is about six points wide. */
	assert_lines("one two three", 100000, "one two three|");
	assert_lines("one two three", 5000, "one two|three|");
	assert_lines("one  two   three", 3000, "one|two|three|");
	assert_lines("one-two/three", 3500, "one-|two/|three|");
	/* Names, and text without a better place for a break. */
	assert_lines("replacement_cost", 8000, "replacement_|cost|");
	assert_lines("orderLineNumber", 6000, "orderLine|Number|");
	assert_lines("ab,cd;ef", 2000, "ab,|cd;|ef|");
	assert_lines("see a.long.name", 5500, "see|a.long.|name|");
	/* The digits of a number or date stay together; - is a sign. */
	assert_lines("due 2026-03-01", 7500, "due|2026-03-01|");
	assert_lines("is -12.50", 3500, "is|-12.50|");
	assert_lines("1,234,567", 3600, "1,234,|567|");
	assert_lines("{11,22,33}", 4000, "{11,22,|33}|");
	assert_lines("iiiiiiiiii", 1000, "iii|iii|iii|i|");
	assert_lines("ab", 1, "a|b|");
	/* A word stays whole, in narrower letters, while it can be read. */
	assert_lines("éé Ωμέ", 1500, "éé|Ωμέ|");
	assert_lines("éé Ωμέ", 1000, "éé|Ω|μ|έ|");
	assert_lines("", 100, "");
	assert_lines("a\nb\r\nc\rd\n", 5000, "a|b|c|d|");
	assert_lines("a\n\n b ", 5000, "a|| b|");
}

TEST(numbers_are_squeezed_before_they_are_broken)
{
	struct lines l;

	lines_open(&l, "1234567890", 4000, true);
	assert_int_equal(l.flow.count, 1);
	assert_in_range(l.flow.lines[0].squeeze, 50, 70);
	assert_true(l.flow.lines[0].width <= 4000);
	lines_free(&l);
	lines_open(&l, "1234567890", 6500, true);
	assert_int_equal(l.flow.lines[0].squeeze, 0);
	lines_free(&l);
	lines_open(&l, "1234567890", 2000, true);
	assert_true(l.flow.count > 3);
	assert_in_range(l.flow.wide, 6300, 6500);
	lines_free(&l);
	lines_open(&l, "1234567890", 4000, false);
	assert_int_equal(l.flow.count, 1);
	assert_in_range(l.flow.lines[0].squeeze, 60, 70);
	lines_free(&l);
	lines_open(&l, "1234567890", 3500, false);
	assert_int_equal(l.flow.count, 2);
	assert_in_range(l.flow.wide, 6300, 6500);
	lines_free(&l);
}

static int width_of_line(const char *text)
{
	struct lines l;
	int width;

	lines_open(&l, text, 100000, false);
	assert_int_equal(l.flow.count, 1);
	width = l.flow.lines[0].width;
	lines_free(&l);
	return width;
}

/* The sign that replaces an invisible character has the same width in shaped
 * and in plain text. */
TEST(what_is_replaced_has_the_width_of_its_sign)
{
	static const char *const cases[][2] = {{"שלום\x01", "שלום"},
	    {"\x0Bمرحبا", "مرحبا"}, {"日\x7F本", "日本"},
	    {"שלום\xCD\xB8", "שלום"} /* U+0378 */};
	int sign = width_of_line("\x01");

	assert_true(sign > 500);
	assert_int_equal(width_of_line("\xC2\x85"), sign);
	assert_int_equal(width_of_line("\xEF\xBF\xBE"), sign); /* U+FFFE */
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_true(abs(width_of_line(cases[i][0]) -
				width_of_line(cases[i][1]) - sign) < 5);
}

TEST(shaped_names_are_wrapped_after_underscores)
{
	struct lines l;

	lines_open(&l, "עלות_החלפה_כוללת", 4000, false);
	assert_int_equal(l.flow.count, 3);
	lines_free(&l);
}

static unsigned int random_below(unsigned int *seed, unsigned int n)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 8) % n;
}

static void add_utf8(struct buf *b, uint32_t c)
{
	if (c >= 0x10000) {
		buf_char(b, (char)(0xF0 | c >> 18));
		buf_char(b, (char)(0x80 | (c >> 12 & 0x3F)));
	} else if (c >= 0x800) {
		buf_char(b, (char)(0xE0 | c >> 12));
	}
	if (c >= 0x800)
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3F)));
	else if (c >= 0x80)
		buf_char(b, (char)(0xC0 | c >> 6));
	buf_char(b, (char)(c >= 0x80 ? 0x80 | (c & 0x3F) : c));
}

/* Text flows in small pieces, as pages take it; text that is not plain is
 * shaped. */
TEST(text_of_any_length_flows)
{
	static const char *const pieces[] = {"word ", "é", "\n", "\r\n",
	    "שלום ", "مرحبا", "e\xCC\x81", "日本", "\xE2\x80\xA8",
	    "\xE2\x80\xA9", "\xC2\x85", "\xF0\x9F\x8E\x89", "\xE2\x80\x8D",
	    "\t", "\x01", "-"};
	struct err e = {.text = ""};
	struct lines l;
	struct buf b, out;
	unsigned int seed = 7;

	buf_init(&b, 1 << 20);
	buf_init(&out, 1 << 24);
	while (b.len < 8000) {
		unsigned int n = random_below(&seed, 20);
		uint32_t c = random_below(&seed, n < 19 ? 0x3100 : 0x20000);

		if (n < 10)
			buf_str(&b,
			    pieces[n * 2 + c % 2 < COUNT(pieces) ? n * 2 + c % 2
								 : 0]);
		else if (c > 0 && (c < 0xD800 || c > 0xDFFF))
			add_utf8(&b, c);
	}
	lines_open(&l, "x", 5000, false);
	for (int width = 1; width < 40000; width = width * 5 + 700) {
		int shown = 0;
		bool font = false;

		pdf_flow_begin(&l.flow, b.data, b.len);
		while (!pdf_flow_done(&l.flow)) {
			pdf_text_fill(l.text, &l.flow, plain, width, 3, &e);
			assert_err(&e, "");
			if (pdf_flow_ready(&l.flow) == 0)
				continue;
			pdf_text_show(l.text, &out, &l.flow, plain, &font);
			shown++;
			assert_true(l.flow.cap < 5000);
		}
		assert_true(shown > 20 && !out.overflow);
		buf_clear(&out);
	}
	lines_free(&l);
	buf_free(&b);
	buf_free(&out);
}

TEST(text_is_measured)
{
	struct err e = {.text = ""};
	int word, width, single;
	struct lines l;

	lines_open(&l, "", 5000, false);
	single = pdf_text_measure(l.text, "iiii", 4, plain, &word, &e);
	assert_int_equal(word, single);
	width =
	    pdf_text_measure(l.text, "iiii iiii\niiii", 14, plain, &word, &e);
	assert_int_equal(word, single);
	assert_true(width > 2 * single && width < 3 * single);
	assert_true(pdf_text_measure(l.text, "日本", 6, plain, &word, &e) > 0);
	lines_free(&l);
}

/* ---- small things ---- */

TEST(numbers_are_written_short)
{
	static const struct {
		int n;
		const char *text;
	} cases[] = {{0, "0"}, {5, "0.05"}, {50, "0.5"}, {100, "1"},
	    {110, "1.1"}, {-5, "-0.05"}, {-1234, "-12.34"}, {84189, "841.89"},
	    {2147483647, "21474836.47"}};
	struct buf b;

	buf_init(&b, 100);
	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_clear(&b);
		pdf_number(&b, cases[i].n);
		assert_string_equal(b.data, cases[i].text);
	}
	buf_free(&b);
}

/* Makes a table with text of size 1, so that all widths are multiples of it;
 * the padding is 1, too. */
static struct pdf_table table_of(
    struct pdf_pages *pages, struct pdf_column *columns, int n)
{
	return (struct pdf_table){.pages = pages,
	    .columns = columns,
	    .count = n,
	    .full_size = 100,
	    .widest = 20000,
	    .size = 100,
	    .repeat = 1};
}

/* Makes a column of text whose longest value has this many characters, in words
 * of ten. */
static struct pdf_column text_column(int characters)
{
	struct pdf_table t = {.full_size = 100, .widest = 20000};
	struct pdf_column c = {.label = "", .label_word = 300};

	c.label_natural = 300;
	pdf_column_measured(&t, &c, characters * 50, 500);
	return c;
}

static struct pdf_column number_column(int digits, int label)
{
	struct pdf_table t = {.full_size = 100, .widest = 20000};
	struct pdf_column c = {.label = "", .solid = true};

	c.label_natural = c.label_word = label * 60;
	pdf_column_measured(&t, &c, digits * 50, digits * 50);
	return c;
}

static void fit(struct pdf_table *t, int room)
{
	pdf_table_unfit(t);
	pdf_table_fit(t, room);
	for (int i = 0; i < t->across; i++)
		assert_in_range(t->panels[i].width, 1, room);
}

TEST(columns_share_the_page)
{
	struct pdf_pages pages = {.margin = 10};
	struct pdf_column some[] = {number_column(4, 4), text_column(10)};
	struct pdf_column wraps[] = {
	    number_column(4, 4), text_column(100), text_column(200)};
	struct pdf_table t = table_of(&pages, some, 2);

	/* The table gets twice its natural width at most, and never more than
	 * the page. */
	fit(&t, 10000);
	assert_int_equal(t.panels[0].width, 2 * (240 + 500) + 200);
	fit(&t, 1200);
	assert_in_range(t.panels[0].width, 1195, 1200);
	assert_int_equal(some[0].x, 10);
	assert_int_equal(some[1].x, 10 + some[0].width);
	pdf_table_unfit(&t);

	/* The number stays whole; text of twice the length gets twice the
	 * width. */
	t = table_of(&pages, wraps, 3);
	fit(&t, 8000);
	assert_int_equal(t.across, 1);
	assert_int_equal(t.size, 100);
	assert_in_range(wraps[0].width, 300, 350);
	assert_in_range(wraps[2].width - 100, (wraps[1].width - 100) * 19 / 10,
	    (wraps[1].width - 100) * 21 / 10);
	pdf_table_unfit(&t);
}

TEST(text_becomes_smaller_before_a_table_is_cut_in_two)
{
	struct pdf_pages pages = {.margin = 10};
	struct pdf_column columns[10];
	struct pdf_table t = table_of(&pages, columns, 10);

	for (int i = 0; i < 10; i++)
		columns[i] = number_column(10, 3);
	fit(&t, 6000); /* ten columns of 500 + 100 */
	assert_int_equal(t.size, 100);
	fit(&t, 5000);
	assert_int_equal(t.across, 1);
	assert_int_equal(t.size, 83);
	fit(&t, 4000);
	assert_int_equal(t.across, 2);
	assert_int_equal(t.size, 100);
	/* The first column is repeated on both panels. */
	assert_int_equal(t.repeated, 1);
	assert_int_equal(t.panels[0].from, 1);
	assert_int_equal(t.panels[0].to, t.panels[1].from);
	assert_int_equal(t.panels[1].to, 10);
	assert_in_range(t.panels[0].to, 5, 6);
	assert_string_equal(t.marks[1], t.panels[0].to == 5
					    ? "columns 6 to 10 of 10"
					    : "columns 7 to 10 of 10");
	t.repeat = 0;
	fit(&t, 4000);
	assert_int_equal(t.repeated, 0);
	/* At most half of the page is for repeated columns. */
	t.repeat = 9;
	fit(&t, 4000);
	assert_int_equal(t.repeated, 3);
	pdf_table_unfit(&t);
}

/* The labels have forty letters, the values one digit. */
TEST(words_of_labels_give_way_last)
{
	struct pdf_pages pages = {.margin = 10};
	struct pdf_column columns[8];
	struct pdf_table t = table_of(&pages, columns, 8);

	for (int i = 0; i < 8; i++)
		columns[i] = number_column(1, 40);
	fit(&t, 20000);
	assert_in_range(columns[0].width, 2400, 2500);
	fit(&t, 8000);
	assert_int_equal(t.across, 1);
	assert_in_range(columns[0].width, 790, 1000);
	pdf_table_unfit(&t);
}

#define MIN(a, b) ((a) < (b) ? (a) : (b))

static void check_widths(const struct pdf_table *t, int room)
{
	for (int i = 0; i < t->count; i++) {
		const struct pdf_column *c = &t->columns[i];
		int has = c->width - t->size;
		int least = c->word > room / 4 ? room / 8 : c->word;

		assert_true(has + 1 >= least * t->size / t->full_size);
		if (t->across > 1)
			assert_true(has >= MIN(c->label_word, room / 9));
	}
	for (int i = 0; i < t->across; i++) {
		const struct pdf_panel *p = &t->panels[i];

		assert_in_range(p->width, 1, room);
		assert_true(p->from < p->to);
		assert_int_equal(
		    p->from, i > 0 ? t->panels[i - 1].to : t->repeated);
	}
	assert_int_equal(t->panels[t->across - 1].to, t->count);
}

TEST(whatever_the_columns_are_words_are_whole)
{
	struct pdf_pages pages = {.margin = 10};
	struct pdf_column columns[60];
	unsigned int seed = 11;

	for (int round = 0; round < 3000; round++) {
		int count = 1 + (int)random_below(&seed, 60);
		int room = 6000 + (int)random_below(&seed, 6000);
		struct pdf_table t = table_of(&pages, columns, count);

		for (int i = 0; i < count; i++)
			columns[i] = random_below(&seed, 2)
					 ? number_column(
					       1 + (int)random_below(&seed, 24),
					       1 + (int)random_below(&seed, 20))
					 : text_column(10 + (int)random_below(
								&seed, 300));
		t.repeat = (int)random_below(&seed, 4);
		pdf_table_fit(&t, room);
		check_widths(&t, room);
		pdf_table_unfit(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_report_is_a_whole_file),
	    cmocka_unit_test(no_sections_and_no_rows_are_pages_too),
	    cmocka_unit_test(many_pages_are_all_in_the_tree),
	    cmocka_unit_test(the_page_is_as_the_options_say),
	    cmocka_unit_test(every_other_row_is_shaded),
	    cmocka_unit_test(groups_have_subtotals),
	    cmocka_unit_test(charts_are_vectors),
	    cmocka_unit_test(a_character_that_no_font_has_is_named),
	    cmocka_unit_test(any_page_ends),
	    cmocka_unit_test(a_write_that_fails_at_any_byte_is_passed_on),
	    cmocka_unit_test(text_is_wrapped_between_words),
	    cmocka_unit_test(numbers_are_squeezed_before_they_are_broken),
	    cmocka_unit_test(what_is_replaced_has_the_width_of_its_sign),
	    cmocka_unit_test(shaped_names_are_wrapped_after_underscores),
	    cmocka_unit_test(text_of_any_length_flows),
	    cmocka_unit_test(text_is_measured),
	    cmocka_unit_test(numbers_are_written_short),
	    cmocka_unit_test(columns_share_the_page),
	    cmocka_unit_test(text_becomes_smaller_before_a_table_is_cut_in_two),
	    cmocka_unit_test(words_of_labels_give_way_last),
	    cmocka_unit_test(whatever_the_columns_are_words_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
