/* SPDX-License-Identifier: MIT */
#include "encode/table/total.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/table/order.h"
#include "encode/table/sum.h"
#include "rows/interval.h"
#include "rows/money.h"

#define TEXT_MAX ((size_t)1 << 20)

struct state {
	int64_t count;
	struct decimal_sum decimal;
	struct float_sum real;
	struct interval elapsed;
	bool nan, plus, minus;
	struct buf best; /* the minimum or maximum so far */
};

struct totals {
	const struct layout *layout;
	const struct schema *schema;
	struct state *states;
};

struct totals *totals_open(
    const struct layout *layout, const struct schema *schema)
{
	struct totals *t = mem_zalloc(sizeof(*t));

	t->layout = layout;
	t->schema = schema;
	t->states = mem_zalloc((size_t)layout->count * sizeof(*t->states) + 1);
	for (int i = 0; i < layout->count; i++)
		buf_init(&t->states[i].best, TEXT_MAX);
	return t;
}

void totals_clear(struct totals *t)
{
	for (int i = 0; i < t->layout->count; i++) {
		struct state *s = &t->states[i];
		struct buf best = s->best;

		decimal_sum_clear(&s->decimal);
		buf_clear(&best);
		*s = (struct state){.best = best};
	}
}

void totals_free(struct totals *t)
{
	if (t == NULL)
		return;
	totals_clear(t);
	for (int i = 0; i < t->layout->count; i++)
		buf_free(&t->states[i].best);
	free(t->states);
	free(t);
}

/* Notes NaN or an infinity; returns false for a finite value. */
static bool add_special(struct state *s, const struct value *v)
{
	enum order_rank r = order_rank(v);

	s->minus |= r == ORDER_MINUS;
	s->plus |= r == ORDER_PLUS;
	s->nan |= r == ORDER_NAN;
	return r != ORDER_FINITE;
}

static void add_interval(struct state *s, const struct interval *i)
{
	s->elapsed.months += i->months;
	s->elapsed.days += i->days;
	s->elapsed.micros += i->micros;
}

static void add(struct state *s, enum column_kind kind, const struct value *v)
{
	struct interval i;

	if (add_special(s, v))
		return;
	if (kind == KIND_FLOAT)
		float_sum_add(&s->real, order_float(v));
	else if (kind != KIND_INTERVAL)
		decimal_sum_add(&s->decimal, v);
	else if (interval_read(&i, v))
		add_interval(s, &i);
}

static void take_best(struct state *s, enum column_kind kind,
    const struct value *v, enum total total)
{
	struct value best = {s->best.data, (int32_t)s->best.len};

	if (s->count > 0) {
		int r = order_compare(kind, v, &best);

		if (total == TOTAL_MIN ? r >= 0 : r <= 0)
			return;
	}
	buf_clear(&s->best);
	buf_add(&s->best, v->data, (size_t)v->len);
}

/* Money is added up as a decimal number. */
static enum column_kind kind_of(const struct column *c)
{
	return c->kind == KIND_MONEY ? KIND_DECIMAL : c->kind;
}

static const struct value *amount(const struct column *c, const struct value *v,
    char decimal[MONEY_MAX], struct value *number)
{
	static const struct value unknown = {"NaN", 3};

	if (c->kind != KIND_MONEY)
		return v;
	return money_read(c->money, v, decimal, number) ? number : &unknown;
}

void totals_row(struct totals *t, const struct value *row)
{
	char decimal[MONEY_MAX];
	struct value number;
	const struct value *v;

	for (int i = 0; i < t->layout->count; i++) {
		enum total total = t->layout->columns[i].total;
		enum column_kind kind = kind_of(&t->schema->columns[i]);
		struct state *s = &t->states[i];

		if (total == TOTAL_NONE || row[i].len < 0)
			continue;
		if (total == TOTAL_COUNT) {
			s->count++;
			continue;
		}
		v = amount(&t->schema->columns[i], &row[i], decimal, &number);
		if (total == TOTAL_MIN || total == TOTAL_MAX)
			take_best(s, kind, v, total);
		else
			add(s, kind, v);
		s->count++;
	}
}

void totals_merge(struct totals *t, const struct totals *group)
{
	for (int i = 0; i < t->layout->count; i++) {
		enum total total = t->layout->columns[i].total;
		struct state *s = &t->states[i];
		const struct state *g = &group->states[i];

		if (g->count == 0)
			continue;
		if (total == TOTAL_MIN || total == TOTAL_MAX)
			take_best(s, kind_of(&t->schema->columns[i]),
			    &(struct value){g->best.data, (int32_t)g->best.len},
			    total);
		decimal_sum_merge(&s->decimal, &g->decimal);
		float_sum_merge(&s->real, &g->real);
		add_interval(s, &g->elapsed);
		s->nan |= g->nan;
		s->plus |= g->plus;
		s->minus |= g->minus;
		s->count += g->count;
	}
}

static void put_exact(const struct state *s, const struct column *column,
    bool average, struct buf *out)
{
	int scale = column->precision > 0 && column->scale >= 0
			? column->scale
			: decimal_sum_scale(&s->decimal);

	if (!average)
		decimal_sum_text(&s->decimal, out);
	else
		decimal_sum_average(&s->decimal, s->count,
		    column->kind == KIND_MONEY ? column->money->scale
					       : scale + 2,
		    out);
}

/* Appends the fewest digits that read back as x; for a number with a fraction,
 * as a number as near to x as a sum of doubles is precise: 0.1 + 0.2 is 0.3,
 * not 0.30000000000000004. */
static void put_real(double x, struct buf *out)
{
	double noise = x == trunc(x) ? 0 : DBL_EPSILON * fabs(x);
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, x);
		if (fabs(strtod(text, NULL) - x) <= noise)
			break;
	}
	buf_str(out, isinf(x) ? x < 0 ? "-Infinity" : "Infinity" : text);
}

static void put_interval(const struct state *s, bool average, struct buf *out)
{
	struct interval i = s->elapsed;

	if (average)
		interval_divide(&i, s->count);
	interval_write(&i, out);
}

/* Replaces the decimal number in out by its money text. */
static void write_money(const struct money *m, struct buf *out)
{
	char *decimal = mem_strndup(out->data, out->len);

	buf_clear(out);
	money_write(m, decimal, out);
	free(decimal);
}

bool totals_text(
    const struct totals *t, int column, struct buf *out, enum column_kind *kind)
{
	const struct state *s = &t->states[column];
	const struct column *c = &t->schema->columns[column];
	enum total total = t->layout->columns[column].total;

	buf_clear(out);
	*kind = c->kind;
	if (total == TOTAL_NONE || (s->count == 0 && total != TOTAL_COUNT))
		return false;
	if (total == TOTAL_COUNT) {
		*kind = KIND_INTEGER;
		buf_printf(out, "%lld", (long long)s->count);
	} else if (total == TOTAL_MIN || total == TOTAL_MAX) {
		buf_add(out, s->best.data, s->best.len);
	} else if (s->nan || (s->plus && s->minus)) {
		buf_str(out, "NaN");
	} else if (s->plus || s->minus) {
		buf_str(out, s->minus ? "-" : "");
		buf_str(
		    out, c->kind == KIND_INTERVAL ? "infinity" : "Infinity");
	} else if (c->kind == KIND_INTERVAL) {
		put_interval(s, total == TOTAL_AVG, out);
	} else if (c->kind == KIND_FLOAT) {
		put_real(float_sum_average(
			     &s->real, total == TOTAL_AVG ? s->count : 1),
		    out);
	} else {
		put_exact(s, c, total == TOTAL_AVG, out);
		if (total == TOTAL_AVG && c->kind == KIND_INTEGER)
			*kind = KIND_DECIMAL;
	}
	if (*kind == KIND_MONEY && *out->data != 'N')
		write_money(c->money, out);
	return true;
}

/* Appends why a sum or an average is no finite number. */
static void add_remark(const struct totals *t, int column, const char *shown,
    const char *word, struct buf *remark)
{
	const struct state *s = &t->states[column];
	bool beyond = !s->nan && !s->plus && !s->minus;

	buf_printf(remark, "%sthe %s of \"%.200s\" is %s%s",
	    remark->len ? "; " : "", word, t->schema->columns[column].name,
	    shown,
	    beyond ? ": it is larger than any float" : ", as values of it are");
}

void totals_remark(const struct totals *t, struct buf *remark)
{
	struct value v;
	enum column_kind kind;
	struct buf out;

	buf_init(&out, TEXT_MAX);
	for (int i = 0; t != NULL && i < t->layout->count; i++) {
		enum total total = t->layout->columns[i].total;

		if ((total != TOTAL_SUM && total != TOTAL_AVG) ||
		    !totals_text(t, i, &out, &kind))
			continue;
		v = (struct value){out.data, (int32_t)out.len};
		if (order_rank(&v) != ORDER_FINITE)
			add_remark(t, i, out.data,
			    total == TOTAL_SUM ? "sum" : "average", remark);
	}
	buf_free(&out);
}
