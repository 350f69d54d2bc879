/* SPDX-License-Identifier: MIT */
#include "encode/html/explore.h"

#include "base/buf.h"
#include "base/sha256.h"
#include "encode/html/markup.h"
#include "html/files.h"
#include "rows/interval.h"
#include "rows/money.h"

void explore_head(struct out *out)
{
	out_str(out, "<style>\n");
	out_str(out, file_explore_css);
	out_str(out, "</style>\n<script>");
	out_str(out, file_explore_js);
	out_str(out, "</script>\n");
}

void explore_policy(struct out *out)
{
	char hash[SHA256_BASE64];

	sha256_base64(file_explore_js, strlen(file_explore_js), hash);
	out_str(out, "'sha256-");
	out_str(out, hash);
	out_str(out, "'");
}

const char *explore_kind(const struct column *column)
{
	return kind_is_number(column->kind)    ? " data-kind=\"number\""
	       : kind_is_moment(column->kind)  ? " data-kind=\"moment\""
	       : column->kind == KIND_INTERVAL ? " data-kind=\"length\""
					       : "";
}

bool explore_carries(const struct column *column, bool formatted)
{
	enum column_kind kind = column->kind;

	/* A timestamptz is shown without its offset: two moments look the same
	 * when clocks go back. */
	return kind == KIND_MONEY || kind == KIND_INTERVAL ||
	       kind == KIND_TIMESTAMPTZ ||
	       (formatted && (kind_is_number(kind) || kind_is_moment(kind)));
}

/* Writes the length by which intervals are ordered as a number, in
 * microseconds. */
static void add_length(struct out *out, const struct value *v)
{
	struct interval i;
	interval_micros n;
	char digits[48], *at = digits + sizeof(digits);
	bool below;

	if (!interval_read(&i, v)) { /* infinity */
		html_text(out, v->data, (size_t)v->len);
		return;
	}
	n = interval_order(&i);
	below = n < 0;
	do {
		*--at = (char)('0' + (below ? -(n % 10) : n % 10));
		n /= 10;
	} while (n != 0);
	if (below)
		*--at = '-';
	out_add(out, at, (size_t)(digits + sizeof(digits) - at));
}

void explore_value(
    struct out *out, const struct column *column, const struct value *v)
{
	char decimal[MONEY_MAX];
	struct value amount;

	out_str(out, " data-v=\"");
	if (column->kind == KIND_INTERVAL)
		add_length(out, v);
	else if (column->kind == KIND_MONEY &&
		 money_read(column->money, v, decimal, &amount))
		out_add(out, amount.data, (size_t)amount.len);
	else
		html_text(out, v->data, (size_t)v->len);
	out_str(out, "\"");
}
