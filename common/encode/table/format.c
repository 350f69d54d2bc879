/* SPDX-License-Identifier: MIT */
#include "encode/table/format.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/table/format_code.h"
#include "rows/money.h"

struct format *format_open(const char *code, struct err *e)
{
	struct format *f = mem_zalloc(sizeof(*f));

	f->code = mem_strdup(code);
	if (format_code_read(f, e) == 0)
		return f;
	format_close(f);
	return NULL;
}

void format_close(struct format *f)
{
	if (f == NULL)
		return;
	free(f->tokens);
	free(f->code);
	free(f);
}

void format_set_money(struct format *f, const struct money *money)
{
	f->money = money;
}

static bool has_letter(const struct format_section *p, const char *letters)
{
	for (int i = 0; i < p->count; i++) {
		const struct format_token *t = &p->tokens[i];

		if (t->type == FORMAT_DATE && strchr(letters, t->letter))
			return true;
	}
	return false;
}

static enum format_use use_of(const struct format_section *p)
{
	if (p->date)
		return has_letter(p, "ymd") ? FORMAT_DATES
		       : p->elapsed         ? FORMAT_DURATIONS
					    : FORMAT_TIMES;
	return p->whole + p->fraction > 0 ? FORMAT_NUMBERS : FORMAT_ANY;
}

enum format_use format_use(const struct format *f)
{
	return use_of(&f->sections[0]);
}

int format_sections(const struct format *f)
{
	return f->count;
}

bool format_has_condition(const struct format *f)
{
	return f->sections[0].compare != FORMAT_ALWAYS;
}

int format_second_digits(const struct format *f)
{
	const struct format_section *p = &f->sections[0];
	int most = 0;

	for (int i = 0; i < p->count; i++) {
		if (p->tokens[i].letter == 'f' && p->tokens[i].len > most)
			most = p->tokens[i].len;
	}
	return most;
}

static bool has_names(const struct format_section *p)
{
	for (int i = 0; i < p->count; i++) {
		const struct format_token *t = &p->tokens[i];

		if (t->type == FORMAT_DATE && t->len > 2 &&
		    (t->letter == 'm' || t->letter == 'd'))
			return true;
	}
	return false;
}

int format_check_language(const struct format *f, struct err *e)
{
	for (int i = 0; i < f->count; i++) {
		const struct format_section *p = &f->sections[i];

		if (p->language == FORMAT_OF_READER ||
		    (p->language == FORMAT_OTHER && has_names(p)))
			return err_set(e, ERR_PERMANENT,
			    "format \"%s\": only a spreadsheet shows names of "
			    "months and days in other languages than English; "
			    "take numbers, as in dd.mm.yyyy, or leave [$-…] "
			    "out",
			    f->code);
	}
	return 0;
}

static void add_as_is(const struct value *v, struct buf *out)
{
	buf_add(out, v->data, (size_t)v->len);
}

/* Appends a text, or a value that is shown as a text. */
static void add_text(
    const struct format *f, const struct value *v, struct buf *out)
{
	const struct format_section *p = &f->sections[f->count];

	if (!f->text) {
		add_as_is(v, out);
		return;
	}
	for (int i = 0; i < p->count; i++) {
		const struct format_token *t = &p->tokens[i];

		if (t->type == FORMAT_LITERAL)
			buf_add(out, t->text, (size_t)t->len);
		else if (t->type == FORMAT_TEXT || t->type == FORMAT_GENERAL)
			add_as_is(v, out);
	}
}

void format_add(const struct format *f, enum column_kind kind,
    const struct value *v, struct buf *out)
{
	char decimal[MONEY_MAX];
	struct value number;

	switch (kind) {
	case KIND_MONEY:
		if (f->money == NULL ||
		    !money_read(f->money, v, decimal, &number) ||
		    !format_number(f, &number, out))
			add_as_is(v, out);
		return;
	case KIND_INTEGER:
	case KIND_DECIMAL:
	case KIND_FLOAT:
		if (!format_number(f, v, out))
			add_as_is(v, out);
		return;
	case KIND_DATE:
	case KIND_TIME:
	case KIND_TIMETZ:
	case KIND_TIMESTAMP:
	case KIND_TIMESTAMPTZ:
	case KIND_INTERVAL:
		if (!format_moment(&f->sections[0], kind, v, out))
			add_as_is(v, out);
		return;
	case KIND_BOOLEAN: /* Excel ignores the code and writes its own words */
		buf_str(out, *v->data == 't' ? "true" : "false");
		return;
	default:
		add_text(f, v, out);
	}
}
