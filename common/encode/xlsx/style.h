/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_STYLE_H
#define ENCODE_XLSX_STYLE_H

#include "base/buf.h"
#include "encode/table/layout.h"

/*
 * Collects the cell formats of a workbook: each combination once, numbered from
 * 0, which is the format of plain text.
 */
enum xlsx_role {
	XLSX_BODY,
	XLSX_NUMBER,  /* shrinks in a narrow column, where it would be ### */
	XLSX_WRAPPED, /* continues in a next line */
	XLSX_HEADER,  /* bold on grey, wrapped */
	XLSX_BUTTON,  /* a header beside the button of a filter */
	XLSX_TOTAL,   /* bold under a line, shrinks like a number */
	XLSX_LABEL,   /* bold under a line */
};

/* Says where the content of a cell stands in it. */
struct xlsx_side {
	enum align align;
	/* begins at the left after a gap, as the content of the cell before
	 * ends at its right edge */
	bool apart;
};
struct xlsx_side xlsx_side_of(const struct layout *layout, int column);

struct xlsx_style {
	char *code; /* code of the number format */
	struct xlsx_side side;
	enum xlsx_role role;
};

struct xlsx_styles {
	struct xlsx_style *list;
	int count, room;
};

void xlsx_styles_init(struct xlsx_styles *s);
void xlsx_styles_free(struct xlsx_styles *s);

int xlsx_style(struct xlsx_styles *s, const char *code, struct xlsx_side side,
    enum xlsx_role role);

#define XLSX_GENERAL "General"

/* Returns the format code of a column by its kind. `fraction`: the values are
 * times with parts of a second. `room` holds a code that must be composed. */
#define XLSX_CODE_MAX 512
const char *xlsx_code(
    const struct column *c, bool fraction, char room[XLSX_CODE_MAX]);
/* Writes the code to *out with a word before the value, "avg "0.00, or
 * unchanged when the word is empty. The caller frees *out. Returns false when
 * the code would become too long for Excel; *out then has no word. */
bool xlsx_worded_code(struct buf *out, const char *code, const char *word);
/* Returns the code of a number with this many decimals, at most 30. */
const char *xlsx_scale_code(int decimals);

/* Write xl/styles.xml, and xl/theme/theme1.xml, which has the colours of
 * charts. */
void xlsx_styles_xml(const struct xlsx_styles *s, struct buf *b);
void xlsx_theme_xml(struct buf *b);

#endif
