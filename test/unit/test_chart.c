/* SPDX-License-Identifier: MIT */
#include "encode/chart/chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "encode/encoder.h"
#include "helper.h"

#define WIDTH 400.0
#define HEIGHT 200.0

/* ---- a pen that records its drawing ---- */

struct shape {
	enum {
		LINE,
		AREA,
		TEXT,
	} is;
	char text[300];
	struct chart_text at;
	double left, top, right, bottom;
	int points, colour, dash;
};

struct record {
	struct chart_pen pen;
	struct shape *shapes;
	int count, cap;
};

static struct shape *add_shape(struct chart_pen *pen)
{
	struct record *r = (struct record *)pen;

	if (r->count == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 64;
		r->shapes =
		    mem_realloc(r->shapes, (size_t)r->cap, sizeof(*r->shapes));
	}
	r->shapes[r->count] = (struct shape){.is = TEXT};
	return &r->shapes[r->count++];
}

static void add_points(
    struct shape *s, const double (*points)[2], int count, int colour)
{
	s->points = count;
	s->colour = colour;
	s->left = s->top = INFINITY;
	s->right = s->bottom = -INFINITY;
	for (int i = 0; i < count; i++) {
		assert_true(isfinite(points[i][0]) && isfinite(points[i][1]));
		s->left = fmin(s->left, points[i][0]);
		s->right = fmax(s->right, points[i][0]);
		s->top = fmin(s->top, points[i][1]);
		s->bottom = fmax(s->bottom, points[i][1]);
	}
}

static void record_line(struct chart_pen *pen, const double (*points)[2],
    int count, const struct chart_stroke *stroke)
{
	struct shape *s = add_shape(pen);

	s->is = LINE;
	s->dash = stroke->dash;
	add_points(s, points, count, stroke->colour);
}

static void record_area(
    struct chart_pen *pen, const double (*points)[2], int count, int colour)
{
	struct shape *s = add_shape(pen);

	s->is = AREA;
	add_points(s, points, count, colour);
}

static void record_text(struct chart_pen *pen, const struct chart_text *text)
{
	struct shape *s = add_shape(pen);

	s->at = *text;
	snprintf(s->text, sizeof(s->text), "%s", text->text);
}

/* ---- charts of whole results ---- */

static const struct column columns[] = {COLUMN("month", TEXT),
    COLUMN("sales", DECIMAL), COLUMN("costs", DECIMAL), COLUMN("at", DATE)};
static struct schema schema = {
    (struct column *)(uintptr_t)columns, (int)COUNT(columns)};

static struct chart_data *gather(const char *options,
    const struct value *values, int rows, const char *refused)
{
	struct err e = {.text = ""};
	json_t *o = json_parse_object(options, strlen(options), &e);
	struct section section = {"all", &schema};
	struct chart_data *d = NULL;
	struct chart_option chart = {0};
	struct layout layout;

	assert_int_equal(layout_open(&layout, o, &schema, &e), 0);
	if (chart_options.check(o, &e) == 0 &&
	    chart_open(&chart, o, &section, &e) > 0)
		d = chart_data_open(&chart, &schema, &layout);
	for (int i = 0; d != NULL && *e.text == '\0' && i < rows; i++)
		chart_data_row(d, values + i * schema.count, &e);
	if (refused != NULL)
		assert_err_has(&e, refused);
	else
		assert_err(&e, "");
	chart_close(&chart);
	layout_free(&layout);
	json_decref(o);
	return d;
}

static struct record plot_within(
    const char *options, const struct value *values, int rows, double high)
{
	struct chart_data *d = gather(options, values, rows, NULL);
	struct record r = {
	    .pen = {
		.line = record_line, .area = record_area, .text = record_text}};

	assert_non_null(d);
	chart_plot(d, WIDTH, high, &r.pen);
	chart_data_free(d);
	for (int i = 0; i < r.count; i++) {
		const struct shape *s = &r.shapes[i];

		if (s->is == TEXT)
			continue;
		assert_true(s->left >= -0.01 && s->right <= WIDTH + 0.01);
		assert_true(s->top >= -0.01 && s->bottom <= high + 0.01);
	}
	return r;
}

static struct record plot(
    const char *options, const struct value *values, int rows)
{
	return plot_within(options, values, rows, HEIGHT);
}

static const struct shape *text_of(const struct record *r, const char *text)
{
	for (int i = 0; i < r->count; i++) {
		if (r->shapes[i].is == TEXT &&
		    strcmp(r->shapes[i].text, text) == 0)
			return &r->shapes[i];
	}
	return NULL;
}

static void assert_text(const struct record *r, const char *text)
{
	if (text_of(r, text) == NULL)
		fail_msg("no text \"%s\"", text);
}

/* Returns the n-th shape with this kind and colour. */
static const struct shape *shape(
    const struct record *r, int is, int colour, int n)
{
	for (int i = 0; i < r->count; i++) {
		if ((int)r->shapes[i].is == is &&
		    r->shapes[i].colour == colour && n-- == 0)
			return &r->shapes[i];
	}
	return NULL;
}

static double height(const struct shape *s)
{
	assert_non_null(s);
	return s->bottom - s->top;
}

#define BLUE 0x0072B2
#define ORANGE 0xE69F00
#define OTHER 0x999999
#define BOTH                                                            \
	"\"category\": \"month\", \"values\": [\"sales\", \"costs\"], " \
	"\"title\": \"All\""
#define SALES "\"category\": \"month\", \"values\": [\"sales\"]"

static const struct value months[] = {CELL("Jan"), CELL("100"), CELL("-50"),
    CELL("2026-01-01"), CELL("Feb"), NIL, CELL("25.5"), NIL, CELL("März"),
    CELL("50"), CELL("0"), CELL("2026-03-01")};

TEST(bars_are_as_high_as_their_numbers)
{
	struct record r =
	    plot("{\"chart\": {\"type\": \"bar\", " BOTH "}}", months, 3);
	/* The first shape of each colour belongs to the legend. */
	const struct shape *jan = shape(&r, AREA, BLUE, 1);
	const struct shape *cost = shape(&r, AREA, ORANGE, 1);

	assert_true(
	    fabs(height(jan) / height(shape(&r, AREA, BLUE, 2)) - 2) < 0.001);
	assert_true(fabs(height(jan) / height(cost) - 2) < 0.001);
	assert_true(fabs(jan->bottom - cost->top) < 0.001);
	assert_null(shape(&r, AREA, BLUE, 3));
	for (const char *const *t = (const char *const[]){"All", "sales",
		 "costs", "Jan", "Feb", "März", "-50", "0", "50", "100", NULL};
	     *t != NULL; t++)
		assert_text(&r, *t);
	assert_true(text_of(&r, "All")->at.bold);
	free(r.shapes);
}

TEST(money_is_drawn_as_the_number_that_it_is)
{
	static struct money euros = {"10.000.000.000.000.000,00 Eur",
	    "-10.000.000.000.000.000,00 Eur", 2};
	struct column amounts[] = {COLUMN("month", TEXT),
	    {.name = (char *)(uintptr_t) "sales",
		.kind = KIND_MONEY,
		.money = &euros},
	    COLUMN("costs", DECIMAL), COLUMN("at", DATE)};
	static const struct value values[] = {CELL("Jan"), CELL("3.000,00 Eur"),
	    NIL, NIL, CELL("Feb"), CELL("-1.500,00 Eur"), NIL, NIL};
	struct column *numbers = schema.columns;
	struct record r;

	schema.columns = amounts;
	r = plot("{\"chart\": {\"type\": \"bar\", " SALES "}}", values, 2);
	assert_true(fabs(height(shape(&r, AREA, BLUE, 1)) /
			     height(shape(&r, AREA, BLUE, 2)) -
			 2) < 0.001);
	free(r.shapes);
	chart_data_free(gather("{\"chart\": {\"type\": \"pie\", " SALES "}}",
	    values, 2, "negative value -1.500,00 Eur"));
	schema.columns = numbers;
}

TEST(lines_have_gaps_where_values_are_null)
{
	static const struct value values[] = {CELL("a"), CELL("1"), NIL, NIL,
	    CELL("b"), CELL("2"), CELL("3"), NIL, CELL("c"), NIL, CELL("4"),
	    NIL, CELL("d"), CELL("3"), CELL("5"), NIL, CELL("e"), CELL("4"),
	    CELL("6"), NIL};
	struct record r =
	    plot("{\"chart\": {\"type\": \"line\", " BOTH "}}", values, 5);

	assert_int_equal(shape(&r, LINE, BLUE, 0)->points, 2);
	assert_int_equal(shape(&r, LINE, BLUE, 1)->points, 2);
	assert_null(shape(&r, LINE, BLUE, 2));
	assert_int_equal(shape(&r, LINE, ORANGE, 0)->points, 4);
	assert_int_not_equal(
	    shape(&r, LINE, BLUE, 0)->dash, shape(&r, LINE, ORANGE, 0)->dash);
	free(r.shapes);
}

/* A single point between gaps makes no line, but it is drawn. */
TEST(a_lone_point_is_marked)
{
	static const struct value values[] = {CELL("a"), NIL, NIL, NIL,
	    CELL("b"), CELL("2"), NIL, NIL, CELL("c"), NIL, NIL, NIL};
	struct record r =
	    plot("{\"chart\": {\"type\": \"line\", " SALES "}}", values, 3);

	assert_null(shape(&r, LINE, BLUE, 0));
	assert_non_null(shape(&r, AREA, BLUE, 1));
	free(r.shapes);
}

TEST(slices_are_as_large_as_their_share)
{
	static const struct value values[] = {CELL("a"), CELL("1"), NIL, NIL,
	    CELL("b"), CELL("2.5"), NIL, NIL, CELL("nil"), NIL, NIL, NIL,
	    CELL("c"), CELL("0.5"), NIL, NIL};
	struct record r =
	    plot("{\"chart\": {\"type\": \"pie\", " SALES "}}", values, 4);

	assert_text(&r, "25.0 %");
	assert_text(&r, "62.5 %");
	assert_text(&r, "12.5 %");
	assert_text(&r, "0.0 %");
	/* The first slice is a quarter of the circle, from the top to the
	 * right. */
	assert_true(
	    fabs(height(shape(&r, AREA, BLUE, 0)) - (HEIGHT / 2 - 2)) < 0.5);
	free(r.shapes);
}

static struct value *many(int rows)
{
	struct value *values = mem_alloc((size_t)rows * 4 * sizeof(*values));

	for (int i = 0; i < rows; i++) {
		values[i * 4] = (struct value)CELL("a label of some length");
		values[i * 4 + 1] = (struct value)CELL("1");
		values[i * 4 + 2] = values[i * 4 + 3] = (struct value)NIL;
	}
	return values;
}

/* The large slices keep their order; the small ones follow as one slice. */
TEST(the_smallest_slices_are_one)
{
	struct value *values = many(20);
	struct record r;

	/* Slice 5 and the last ten are large; all others are small. */
	values[5 * 4] = (struct value)CELL("five");
	values[5 * 4 + 1] = (struct value)CELL("100");
	for (int i = 10; i < 20; i++)
		values[i * 4 + 1] = (struct value)CELL("50");
	values[19 * 4] = (struct value)CELL("last");
	r = plot("{\"chart\": {\"type\": \"pie\", " SALES "}}", values, 20);
	assert_text(&r, "other");
	assert_text(&r, "1.5 %"); /* 9 of a sum of 609 */
	assert_text(&r, "16.4 %");
	assert_true(text_of(&r, "five")->at.y < text_of(&r, "last")->at.y);
	assert_true(text_of(&r, "last")->at.y < text_of(&r, "other")->at.y);
	assert_non_null(shape(&r, AREA, OTHER, 0));
	free(r.shapes);
	free(values);
}

/* On a low page the entries of the legend are closer together. */
TEST(each_slice_has_its_entry)
{
	struct value *values = many(12);
	struct record r = plot_within(
	    "{\"chart\": {\"type\": \"pie\", " SALES "}}", values, 12, 80);
	int entries = 0;

	for (int i = 0; i < r.count; i++) {
		if (strncmp(r.shapes[i].text, "a label", 7) != 0)
			continue;
		assert_true(r.shapes[i].at.y <= 80);
		entries++;
	}
	assert_int_equal(entries, 12);
	free(r.shapes);
	free(values);
}

/* Gives the extent of a text by an upper estimate of its width in common
 * fonts. */
static void extent_of(const struct shape *s, double *left, double *right)
{
	double width = 0;

	for (const char *c = s->text; *c != '\0'; c++)
		width += (*c & 0xC0) != 0x80 ? 0.58 * s->at.size : 0;
	*left = s->at.x - (s->at.anchor == CHART_START    ? 0
			      : s->at.anchor == CHART_END ? width
							  : width / 2);
	*right = *left + width;
}

/* Labels of dates are complete, lie within the chart, and do not overlap. */
TEST(labels_of_dates_have_room)
{
	static const int counts[] = {2, 7, 30, 365, CHART_POINTS};

	for (size_t k = 0; k < COUNT(counts); k++) {
		struct value *values = many(counts[k]);
		char(*days)[32] = mem_alloc((size_t)counts[k] * sizeof(*days));
		double last = -INFINITY;
		struct record r;
		int labels = 0;

		for (int i = 0; i < counts[k]; i++) {
			snprintf(days[i], sizeof(days[i]), "%d-%02d-%02d",
			    2020 + i / 300, i / 25 % 12 + 1, i % 25 + 3);
			values[i * 4 + 3] = (struct value){days[i], 10};
		}
		r = plot("{\"chart\": {\"type\": \"line\", \"category\": "
			 "\"at\", \"values\": [\"sales\"]}}",
		    values, counts[k]);
		for (int i = 0; i < r.count; i++) {
			double left, right;

			if (r.shapes[i].is != TEXT ||
			    strlen(r.shapes[i].text) != 10)
				continue;
			extent_of(&r.shapes[i], &left, &right);
			assert_true(left >= 0 && right <= WIDTH);
			assert_true(left > last);
			last = right;
			labels++;
		}
		assert_in_range(labels, 2, 8);
		free(r.shapes);
		free(values);
		free(days);
	}
}

/* Each name has one label: in several lines if that fits, else slanted. */
TEST(each_name_has_its_label)
{
	static const char *const names[] = {"Personal care", "Garden furniture",
	    "Books and newspapers", "Food and drinks"};

	for (int rows = 3; rows <= 24; rows += 7) {
		struct value *values = many(rows);
		int whole = 0, slanted = 0, words = 0;
		struct record r;

		for (int i = 0; i < rows; i++)
			values[i * 4] = (struct value){
			    names[i % 4], (int32_t)strlen(names[i % 4])};
		r = plot("{\"chart\": {" SALES "}}", values, rows);
		for (int i = 0; i < r.count; i++) {
			const struct shape *s = &r.shapes[i];

			for (int k = 0; k < 4 && s->is == TEXT; k++)
				whole += strcmp(s->text, names[k]) == 0;
			words += s->is == TEXT &&
				 (strcmp(s->text, "Personal") == 0 ||
				     strcmp(s->text, "Garden") == 0);
			slanted += s->is == TEXT && s->at.slanted;
		}
		if (rows > 5)
			assert_int_equal(slanted, rows);
		assert_true(whole == rows || (rows < 11 && words > 0));
		free(r.shapes);
		free(values);
	}
}

TEST(too_many_rows_are_refused)
{
	struct value *values = many(CHART_POINTS + 1);
	struct chart_data *d = gather("{\"chart\": {" SALES "}}", values,
	    CHART_POINTS + 1,
	    "chart: more than 2000 rows cannot be drawn; let the query gather "
	    "them into fewer");

	chart_data_free(d);
	free(values);
}

TEST(a_long_label_is_cut)
{
	char label[500];
	struct value values[4] = {
	    {label, sizeof(label) - 1}, CELL("1"), NIL, NIL};
	struct record r;
	bool cut = false;

	memset(label, 'x', sizeof(label));
	label[0] = '\n';
	label[sizeof(label) - 1] = '\0';
	r = plot("{\"chart\": {" SALES "}}", values, 1);
	for (int i = 0; i < r.count; i++) {
		size_t len = strlen(r.shapes[i].text);

		assert_null(strpbrk(r.shapes[i].text, "\n"));
		cut |= len > 3 && strcmp(r.shapes[i].text + len - 3, "…") == 0;
	}
	assert_true(cut);
	free(r.shapes);
}

/* For any numbers, the axis has some steps, and every shape has finite
 * coordinates, which plot() checks. */
TEST(any_numbers_have_an_axis)
{
	static const char *const numbers[] = {"0", "-0", "1", "-1", "1e300",
	    "-1e300", "9e299", "-9e299", "5e-324", "-5e-324", "1e-300", "0.1",
	    "1e15", "1000000000000000.5", "1e308", "NaN", "Infinity",
	    "-Infinity", "123456789", "0.30000000000000004", "99", "1e-9", "12",
	    "999999999999999999999999999999999999999999999999999999999999999"};
	static const char *const types[] = {
	    "{\"chart\": {\"type\": \"bar\", " SALES "}}",
	    "{\"chart\": {\"type\": \"line\", " SALES "}}"};

	for (size_t i = 0; i < COUNT(numbers) * COUNT(numbers) * 2; i++) {
		const char *a = numbers[i / 2 % COUNT(numbers)];
		const char *b = numbers[i / 2 / COUNT(numbers)];
		struct value values[8] = {CELL("a"), {a, (int32_t)strlen(a)},
		    NIL, NIL, CELL("b"), {b, (int32_t)strlen(b)}, NIL, NIL};
		struct record r = plot(types[i % 2], values, 2);
		int grid = 0;

		for (int k = 0; k < r.count; k++)
			grid += r.shapes[k].is == LINE &&
				r.shapes[k].colour != BLUE;
		if (text_of(&r, "no data") == NULL)
			assert_in_range(grid, 2, 12);
		free(r.shapes);
	}
}

TEST(the_axis_is_labelled_in_round_numbers)
{
	static const struct {
		const char *low, *high, *ticks[8];
	} cases[] = {
	    {"0", "10", {"0", "2", "4", "6", "8", "10"}},
	    {"3", "1234567", {"0", "250,000", "500,000", "1,250,000"}},
	    {"-0.02", "0.03", {"-0.02", "-0.01", "0.00", "0.03"}},
	    {"1000", "1001", {"1,000.0", "1,000.2", "1,001.0"}},
	    {"7", "7", {"6.25", "7.00", "7.75"}},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct value values[8] = {CELL("a"),
		    {cases[i].low, (int32_t)strlen(cases[i].low)}, NIL, NIL,
		    CELL("b"), {cases[i].high, (int32_t)strlen(cases[i].high)},
		    NIL, NIL};
		struct record r = plot(
		    "{\"chart\": {\"type\": \"line\", " SALES "}}", values, 2);

		for (int k = 0; cases[i].ticks[k] != NULL; k++)
			assert_text(&r, cases[i].ticks[k]);
		free(r.shapes);
	}
}

TEST(values_are_labelled_as_the_table_shows_them)
{
	struct record r =
	    plot("{\"columns\": {\"at\": {\"format\": \"mmm yy\"}, "
		 "\"sales\": {\"format\": \"0.0 \\\"€\\\"\", "
		 "\"label\": \"Umsatz\"}}, "
		 "\"chart\": {\"category\": \"at\", "
		 "\"values\": [\"sales\"]}}",
		months, 3);

	assert_text(&r, "Umsatz");
	assert_text(&r, "Jan 26");
	assert_text(&r, "Mar 26");
	assert_text(&r, "100 €"); /* no step has decimals */
	free(r.shapes);
}

static const char *label_at(const struct record *r, int n)
{
	for (int i = 0; i < r->count; i++) {
		const struct shape *s = &r->shapes[i];

		if (s->is == TEXT && s->at.anchor == CHART_MIDDLE && n-- == 0)
			return s->text;
	}
	return "";
}

/* Dates and times are cut to the part that tells them apart. */
TEST(dates_and_times_are_labelled_as_short_as_can_be)
{
	static const struct {
		enum column_kind kind;
		const char *columns, *values[2], *labels[2];
	} cases[] = {
	    {KIND_DATE, "", {"2025-03-29", "2025-03-30"},
		{"2025-03-29", "2025-03-30"}},
	    {KIND_DATE, "", {"2025-03-01", "2025-04-01"},
		{"2025-03", "2025-04"}},
	    {KIND_DATE, "", {"2024-01-01", "2025-01-01"}, {"2024", "2025"}},
	    {KIND_DATE, "", {"2024-01-01", "infinity"},
		{"2024-01-01", "infinity"}},
	    {KIND_TIMESTAMP, "", {"2025-03-29 00:00:00", "2025-03-30 00:00:00"},
		{"2025-03-29", "2025-03-30"}},
	    {KIND_TIMESTAMP, "", {"2025-03-29 07:30:00", "2025-03-30 00:00:00"},
		{"2025-03-29 07:30", "2025-03-30 00:00"}},
	    {KIND_TIMESTAMP, "",
		{"2025-03-29 07:30:01.25", "2025-03-29 07:30:02.5"},
		{"2025-03-29 07:30:01", "2025-03-29 07:30:02"}},
	    {KIND_TIMESTAMP, "",
		{"2025-03-29 07:30:01.25", "2025-03-29 07:30:01.5"},
		{"2025-03-29 07:30:01.25", "2025-03-29 07:30:01.5"}},
	    {KIND_TIMESTAMPTZ, "",
		{"2025-03-29 00:00:00+01", "2025-03-31 00:00:00+02"},
		{"2025-03-29", "2025-03-31"}},
	    /* The hour that occurs twice in October. */
	    {KIND_TIMESTAMPTZ, "",
		{"2026-10-25 02:00:00+02", "2026-10-25 02:00:00+01"},
		{"2026-10-25 02:00+02", "2026-10-25 02:00+01"}},
	    {KIND_TIME, "", {"07:30:00", "08:00:00"}, {"07:30", "08:00"}},
	    /* One month in two years: the label needs the year. */
	    {KIND_DATE, "mmm", {"2025-01-01", "2026-01-01"},
		{"Jan 2025", "Jan 2026"}},
	    {KIND_DATE, "mmm", {"2025-01-01", "2025-02-01"}, {"Jan", "Feb"}},
	    {KIND_DECIMAL, "0", {"1.2", "1.4"}, {"1.2", "1.4"}},
	};
	struct column own[] = {COLUMN("month", TEXT), COLUMN("sales", DECIMAL)};
	struct schema before = schema;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *const *v = cases[i].values;
		struct value values[4] = {{v[0], (int32_t)strlen(v[0])},
		    CELL("1"), {v[1], (int32_t)strlen(v[1])}, CELL("2")};
		char options[300];
		struct record r;

		snprintf(options, sizeof(options),
		    "{\"chart\": {" SALES
		    "}, \"columns\": {\"month\": {%s%s%s}}}",
		    *cases[i].columns ? "\"format\": \"" : "", cases[i].columns,
		    *cases[i].columns ? "\"" : "");
		own[0].kind = cases[i].kind;
		schema = (struct schema){own, 2};
		r = plot(options, values, 2);
		assert_string_equal(label_at(&r, 0), cases[i].labels[0]);
		assert_string_equal(label_at(&r, 1), cases[i].labels[1]);
		free(r.shapes);
	}
	schema = before;
}

TEST(series_have_colours_of_their_own)
{
	for (int i = 0; i < 40; i++) {
		assert_in_range(chart_colour(i), 0, 0xFFFFFE);
		for (int k = 0; k < i; k++)
			assert_int_not_equal(chart_colour(i), chart_colour(k));
	}
}

/* The bytes after a value do not belong to it. */
TEST(long_numbers_are_read_to_their_end)
{
	static const char digits[] =
	    "0.000000000000000000000000000000000000000000000000000000000000000"
	    "000000000012345678";
	struct value whole = {digits, sizeof(digits) - 5};
	struct value values[4] = {CELL("a"), whole, NIL, NIL};
	struct record r =
	    plot("{\"chart\": {\"type\": \"bar\", " SALES "}}", values, 1);

	assert_non_null(shape(&r, AREA, BLUE, 1));
	free(r.shapes);
}

TEST(without_data_it_says_so)
{
	static const char *const types[] = {"bar", "line", "pie"};
	static const struct value nothing[] = {
	    CELL("a"), NIL, NIL, NIL, CELL("b"), CELL("NaN"), NIL, NIL};

	for (size_t i = 0; i < COUNT(types) * 2; i++) {
		char options[200];
		struct record r;

		snprintf(options, sizeof(options),
		    "{\"chart\": {\"type\": \"%s\", " SALES ", "
		    "\"title\": \"All\"}}",
		    types[i / 2]);
		r = plot(options, nothing, i % 2 ? 2 : 0);
		assert_text(&r, "All");
		assert_text(&r, "no data");
		assert_int_equal(r.count, 2);
		free(r.shapes);
	}
}

TEST(what_cannot_be_drawn_is_refused)
{
	static const struct value minus[] = {CELL("a"), CELL("-1"), NIL, NIL};

	chart_data_free(
	    gather("{\"chart\": {\"type\": \"pie\", " SALES "}}", minus, 1,
		"a pie has no place for the negative value -1 of \"a\": "
		"draw bars, or leave such rows out"));
	assert_null(gather("{\"chart\": {\"type\": \"pie\", " BOTH "}}", NULL,
	    0, "a pie has room for one column of \"values\", not for 2"));
	assert_null(gather("{\"chart\": {\"category\": \"sales\", "
			   "\"values\": [\"month\"]}}",
	    NULL, 0, "cannot draw the column \"month\": it holds no numbers"));
	assert_null(gather("{\"chart\": {\"category\": \"nil\", "
			   "\"values\": [\"sales\"], \"section\": \"all\"}, "
			   "\"sections\": [\"one\", \"all\"]}",
	    NULL, 0,
	    "the column \"nil\", which section \"all\" does not have"));
	assert_null(gather("{\"chart\": {" SALES ", \"section\": \"Q3\"}, "
			   "\"sections\": [\"Q1\", \"Q2\"]}",
	    NULL, 0,
	    "the section \"Q3\", which is not one of \"sections\": Q1, Q2"));
	assert_null(gather("{\"chart\": {" SALES ", \"section\": \"Q3\"}}",
	    NULL, 0, "\"Q3\", which is not one of \"sections\""));
	assert_null(gather("{\"chart\": {\"values\": [\"sales\"]}}", NULL, 0,
	    "\"chart\" needs a \"category\""));
	/* Another section of the report may have the column. */
	assert_null(gather("{\"chart\": {\"category\": \"nil\", "
			   "\"values\": [\"sales\"]}}",
	    NULL, 0, NULL));
}

TEST(svg_has_the_same_as_text)
{
	static const struct value values[] = {
	    CELL("<a href=\"x\">&\x01"), CELL("1.5"), CELL("2"), NIL};
	struct chart_data *d = gather(
	    "{\"chart\": {\"type\": \"line\", \"category\": \"month\", "
	    "\"values\": [\"sales\", \"costs\"], \"title\": \"<&\\\">\"}}",
	    values, 1, NULL);
	struct err e = {.text = ""};
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(chart_svg(d, WIDTH, HEIGHT, &b, &e), 0);
	assert_has(b.data,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" "
	    "width=\"400\" height=\"200\" viewBox=\"0 0 400 200\"",
	    __FILE__, __LINE__);
	assert_has(
	    b.data, "aria-label=\"&lt;&amp;&quot;&gt;\"", __FILE__, __LINE__);
	assert_has(b.data, ">&lt;a href=&quot;x&quot;&gt;&amp; </text>",
	    __FILE__, __LINE__);
	assert_null(strstr(b.data, "<a"));
	assert_string_equal(b.data + b.len - 7, "</svg>\n");
	buf_free(&b);
	buf_init(&b, 1000);
	assert_int_equal(chart_svg(d, WIDTH, HEIGHT, &b, &e), -1);
	assert_err(&e, "a chart is too large");
	buf_free(&b);
	chart_data_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bars_are_as_high_as_their_numbers),
	    cmocka_unit_test(money_is_drawn_as_the_number_that_it_is),
	    cmocka_unit_test(lines_have_gaps_where_values_are_null),
	    cmocka_unit_test(a_lone_point_is_marked),
	    cmocka_unit_test(slices_are_as_large_as_their_share),
	    cmocka_unit_test(the_smallest_slices_are_one),
	    cmocka_unit_test(each_slice_has_its_entry),
	    cmocka_unit_test(labels_of_dates_have_room),
	    cmocka_unit_test(each_name_has_its_label),
	    cmocka_unit_test(too_many_rows_are_refused),
	    cmocka_unit_test(a_long_label_is_cut),
	    cmocka_unit_test(any_numbers_have_an_axis),
	    cmocka_unit_test(the_axis_is_labelled_in_round_numbers),
	    cmocka_unit_test(values_are_labelled_as_the_table_shows_them),
	    cmocka_unit_test(dates_and_times_are_labelled_as_short_as_can_be),
	    cmocka_unit_test(series_have_colours_of_their_own),
	    cmocka_unit_test(long_numbers_are_read_to_their_end),
	    cmocka_unit_test(without_data_it_says_so),
	    cmocka_unit_test(what_cannot_be_drawn_is_refused),
	    cmocka_unit_test(svg_has_the_same_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
