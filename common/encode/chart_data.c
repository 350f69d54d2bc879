/* SPDX-License-Identifier: MIT */
#include "encode/chart_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "encode/moment.h"

/* Of what is farther from zero, nobody draws differences. */
#define NUMBER_MAX 1e300
/* Longer labels are cut when they are drawn. */
#define LABEL_BYTES 200

/* Of a code that the layout has checked. */
static struct format *format_of(const struct column_layout *c)
{
	struct err e;

	return c->format ? format_open(c->format, &e) : NULL;
}

struct chart_data *chart_data_open(const struct chart_option *chart,
    const struct schema *schema, const struct layout *layout)
{
	struct chart_data *d = mem_zalloc(sizeof(*d));
	size_t count = (size_t)chart->count;

	d->type = chart->type;
	d->title = mem_strdup(chart->title);
	d->series = chart->count;
	d->category = chart->category;
	d->kind = schema->columns[chart->category].kind;
	d->label_format = format_of(&layout->columns[chart->category]);
	d->format = format_of(&layout->columns[chart->values[0]]);
	d->columns = mem_alloc(count * sizeof(*d->columns));
	d->names = mem_alloc(count * sizeof(*d->names));
	for (int i = 0; i < d->series; i++) {
		d->columns[i] = chart->values[i];
		d->names[i] =
		    mem_strdup(layout->columns[chart->values[i]].label);
	}
	buf_init(&d->scratch, 64 << 20);
	return d;
}

void chart_data_free(struct chart_data *d)
{
	if (d == NULL)
		return;
	for (int i = 0; i < d->rows; i++)
		free(d->labels[i]);
	for (int i = 0; i < d->series; i++)
		free(d->names[i]);
	free(d->labels);
	free(d->names);
	free(d->values);
	free(d->columns);
	free(d->title);
	format_close(d->format);
	format_close(d->label_format);
	buf_free(&d->scratch);
	free(d);
}

/* One line, as the table shows the value. */
static char *label_of(struct chart_data *d, const struct value *v)
{
	size_t len = v->len > 0 ? (size_t)v->len : 0;
	const char *text = len ? v->data : "", *rest;
	char *label;

	if (len > 0 && d->label_format != NULL) {
		buf_clear(&d->scratch);
		format_add(d->label_format, d->kind, v, &d->scratch);
		text = d->scratch.data ? d->scratch.data : "";
		len = d->scratch.len;
	} else if (len > 0 && d->kind == KIND_TIMESTAMPTZ) {
		len = moment_without_offset(d->kind, v, &rest);
	} else if (len == 1 && d->kind == KIND_BOOLEAN) {
		text = *text == 't' ? "true" : "false";
		len = strlen(text);
	}
	label = mem_strndup(text, len < LABEL_BYTES ? len : LABEL_BYTES);
	str_cut_utf8(label, strlen(label));
	for (char *s = label; *s != '\0'; s++) {
		if ((unsigned char)*s < ' ')
			*s = ' ';
	}
	return label;
}

static double number_of(const struct value *v)
{
	char text[64];
	double n;

	if (v->len < 0)
		return NAN;
	/* A number has its weight in front; what is behind is cut. */
	snprintf(
	    text, sizeof(text), "%.*s", v->len < 63 ? v->len : 63, v->data);
	n = v->len < 63 ? strtod(text, NULL) : strtod(v->data, NULL);
	return fabs(n) < NUMBER_MAX ? n : NAN;
}

int chart_data_row(struct chart_data *d, const struct value *row, struct err *e)
{
	if (d->rows == CHART_POINTS)
		return err_set(e, ERR_PERMANENT,
		    "chart: more than %d rows cannot be drawn; let the query "
		    "gather them into fewer",
		    CHART_POINTS);
	if (d->rows == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 16;
		d->labels =
		    mem_realloc(d->labels, (size_t)d->cap, sizeof(*d->labels));
		d->values = mem_realloc(d->values,
		    (size_t)d->cap * (size_t)d->series, sizeof(*d->values));
	}
	for (int i = 0; i < d->series; i++) {
		double n = number_of(&row[d->columns[i]]);

		if (d->type == CHART_PIE && n < 0)
			return err_set(e, ERR_PERMANENT,
			    "chart: a pie has no place for a negative value");
		d->values[d->rows * d->series + i] = n;
	}
	d->labels[d->rows++] = label_of(d, &row[d->category]);
	return 0;
}
