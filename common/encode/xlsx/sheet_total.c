/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/xlsx/sheet.h"
#include "rows/number.h"

/* Returns the format of a total. It is the format of the column, except for a
 * count, for an average, which has more decimals, and where each value has a
 * scale of its own. */
static const char *total_code(const struct xlsx *x, int i,
    enum column_kind kind, const struct value *v, char room[XLSX_CODE_MAX])
{
	const struct column_layout *l = &x->base.layout.columns[i];
	const struct column *c = &x->schema->columns[i];
	const char *point = memchr(v->data, '.', (size_t)v->len);
	int len = number_shown(v);

	if (l->total == TOTAL_COUNT)
		return "0";
	if (l->format != NULL)
		return x->styles.list[x->columns[i].look.usual].code;
	if (kind != KIND_DECIMAL ||
	    (l->total != TOTAL_AVG && x->columns[i].look.scales == NULL))
		return xlsx_code(c, point != NULL, room);
	return len > XLSX_DIGITS + 2
		   ? XLSX_GENERAL
		   : xlsx_scale_code(
			 point ? (int)(v->data + len - point - 1) : 0);
}

/* Returns a total that is not a number in a workbook as text, with the word
 * that its format would show. */
static struct value total_as_text(
    struct xlsx *x, const char *word, struct xlsx_rule *rule)
{
	char *text = mem_printf("%s%s%.*s", word, *word ? " " : "",
	    (int)x->scratch.len, x->scratch.data);

	buf_clear(&x->scratch);
	buf_str(&x->scratch, text);
	free(text);
	rule->kind = KIND_TEXT;
	return (struct value){x->scratch.data, (int32_t)x->scratch.len};
}

/*
 * Appends a total as a formula, which follows the filter, with its result for
 * programs that do not compute. The result stands alone when a cell had to be
 * text, as the formula would miss it, and for totals of several sheets.
 */
static void add_total(struct xlsx *x, const struct totals *t,
    struct xlsx_row *row, int i, const char *word)
{
	static const int functions[] = {[TOTAL_SUM] = 109,
	    [TOTAL_AVG] = 101,
	    [TOTAL_COUNT] = 103,
	    [TOTAL_MIN] = 105,
	    [TOTAL_MAX] = 104};
	const struct column_layout *l = &x->base.layout.columns[i];
	char room[8], own[XLSX_CODE_MAX], number[XLSX_NUMBER_MAX + 48];
	const char *letters = xlsx_letters(room, i);
	struct xlsx_rule rule = x->columns[i].rule;
	struct xlsx_shown shown = {.fraction = false};
	struct buf code;
	bool known, worded;
	struct value v;
	int n = 0, style;

	known = totals_text(t, i, &x->scratch, &rule.kind);
	v = (struct value){
	    known ? x->scratch.data : "", (int32_t)x->scratch.len};
	worded =
	    xlsx_worded_code(&code, total_code(x, i, rule.kind, &v, own), word);
	style = xlsx_style(&x->styles, code.data,
	    xlsx_side_of(&x->base.layout, i), XLSX_TOTAL);
	if (known) {
		n = worded ? xlsx_number(number, &rule, &v, &shown) : 0;
		if (n == 0)
			v = total_as_text(x, word, &rule);
		xlsx_widths_total(&x->widths, i, code.data, rule.kind, &v);
	}
	buf_free(&code);
	if (t == x->totals && x->row > 2 && (n > 0 || !known) &&
	    (l->total == TOTAL_COUNT || !x->columns[i].strays)) {
		buf_printf(&x->rows,
		    "<c r=\"%s%u\" s=\"%d\"><f>SUBTOTAL(%d,%s2:%s%u)</f>",
		    letters, x->row, style, functions[l->total], letters,
		    letters, x->row - 1);
		x->book.formulas = true;
		if (n > 0)
			buf_printf(&x->rows, "<v>%.*s</v>", n, number);
		buf_str(&x->rows, "</c>");
	} else if (known) {
		xlsx_sheet_cell(x, row, i, &rule, style, &v);
	} else if (strcmp(word, layout_total_word(l->total)) != 0) {
		xlsx_sheet_text(x, row, i, word, XLSX_LABEL);
	}
}

/* Returns the word of a total, after the label of the row when both stand in
 * one cell; the caller frees it. */
static char *total_word(enum total total, const char *label)
{
	const char *word = layout_total_word(total);

	return mem_printf("%s%s%s", label, *label && *word ? " " : "", word);
}

static void add_totals(
    struct xlsx *x, const struct totals *t, const char *label)
{
	const struct layout *l = &x->base.layout;
	int blank = xlsx_style(&x->styles, XLSX_GENERAL,
	    (struct xlsx_side){ALIGN_LEFT, false}, XLSX_LABEL);
	int place = layout_total_place(l);
	struct xlsx_row row;
	char room[8];

	xlsx_sheet_row_begin(x, &row);
	for (int i = 0; i < l->count; i++) {
		enum total total = l->columns[i].total;

		if (total != TOTAL_NONE) {
			char *word = total_word(total, i == place ? label : "");

			add_total(x, t, &row, i, word);
			free(word);
		} else if (i == place) {
			xlsx_sheet_text(x, &row, i, label, XLSX_LABEL);
		} else {
			buf_printf(&x->rows, "<c r=\"%s%u\" s=\"%d\"/>",
			    xlsx_letters(room, i), x->row, blank);
		}
	}
	buf_str(&x->rows, "</row>");
}

void xlsx_sheet_totals(struct xlsx *x)
{
	if (x->totals == NULL)
		return;
	add_totals(
	    x, x->totals, x->continued ? "Total of this sheet" : "Total");
	if (!x->continued) {
		totals_remark(x->totals, &x->remark);
		return;
	}
	totals_merge(x->all_totals, x->totals);
	if (!x->last)
		return;
	add_totals(x, x->all_totals, "Total of all sheets");
	totals_remark(x->all_totals, &x->remark);
}

uint32_t xlsx_total_rows(const struct xlsx *x)
{
	return x->totals == NULL ? 0 : x->continued ? 2 : 1;
}
