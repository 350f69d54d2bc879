/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_STYLE_H
#define ENCODE_XLSX_STYLE_H

#include "base/buf.h"
#include "encode/table/layout.h"

/*
 * The cell formats of a workbook: each combination once, numbered from 0, which
 * is that of plain text.
 */
enum xlsx_role {
	XLSX_BODY,
	XLSX_NUMBER,  /* shrinks where its column is too narrow: not ### */
	XLSX_WRAPPED, /* goes on in a next line */
	XLSX_HEADER,  /* bold on grey, wrapped */
	XLSX_BUTTON,  /* the same beside the button of a filter */
	XLSX_TOTAL,   /* bold under a line, shrinks like a number */
	XLSX_LABEL,   /* bold under a line */
};

struct xlsx_style {
	char *code; /* of the number format */
	enum align align;
	enum xlsx_role role;
};

struct xlsx_styles {
	struct xlsx_style *list;
	int count, room;
};

void xlsx_styles_init(struct xlsx_styles *s);
void xlsx_styles_free(struct xlsx_styles *s);

int xlsx_style(struct xlsx_styles *s, const char *code, enum align align,
    enum xlsx_role role);

#define XLSX_GENERAL "General"

/* The format code of a column by what it holds. `fraction`: of a time that has
 * parts of a second. `room` is for a code that has to be put together. */
#define XLSX_CODE_MAX 512
const char *xlsx_code(
    const struct column *c, bool fraction, char room[XLSX_CODE_MAX]);
/* The same code with a word in front of what it shows, "avg "0.00, or without one
 * when it is empty. The caller frees *out. False for a code that becomes too long for
 * Excel, and has no word then. */
bool xlsx_worded_code(struct buf *out, const char *code, const char *word);
/* Of a number with this many decimals, at most 30. */
const char *xlsx_scale_code(int decimals);

/* xl/styles.xml; xl/theme/theme1.xml, which has the colours of charts */
void xlsx_styles_xml(const struct xlsx_styles *s, struct buf *b);
void xlsx_theme_xml(struct buf *b);

#endif
