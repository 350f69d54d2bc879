/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TABLE_FORMAT_CODE_H
#define ENCODE_TABLE_FORMAT_CODE_H

#include "base/buf.h"
#include "base/err.h"
#include "rows/rows.h"

/* A number format code taken apart: shared by format.c and its helpers. */

#define FORMAT_TOKENS 64
#define FORMAT_SECTIONS 4
#define FORMAT_CODE_MAX 255 /* characters; Excel refuses longer codes */

enum format_token_type {
	FORMAT_LITERAL, /* text..text+len of the code */
	FORMAT_DIGIT,   /* 0 # ? in letter */
	FORMAT_POINT,
	FORMAT_EXPONENT, /* letter + or -: whether a plus sign is shown; len
			    digits */
	FORMAT_BAR,      /* of a fraction */
	FORMAT_DIVISOR,  /* the fixed number below the bar, of len digits */
	FORMAT_DATE,     /* letter: y m d h s, M for minutes, f for a second's
			    fraction; len: how many of it */
	FORMAT_ELAPSED,  /* letter h m s: all of them, not those of the day */
	FORMAT_AMPM,     /* len 5: AM/PM, 3: A/P */
	FORMAT_TEXT,     /* @ */
	FORMAT_GENERAL,
};

struct format_token {
	enum format_token_type type;
	const char *text;
	int len;
	char letter;
};

/* [>=1000]: when a section is taken. */
enum format_compare {
	FORMAT_ALWAYS,
	FORMAT_LESS,
	FORMAT_LESS_OR_EQUAL,
	FORMAT_EQUAL,
	FORMAT_NOT_EQUAL,
	FORMAT_GREATER_OR_EQUAL,
	FORMAT_GREATER,
};

/* [$-407] */
enum format_language {
	FORMAT_ENGLISH,
	FORMAT_OTHER,
	FORMAT_OF_READER, /* nobody else knows what Excel will show */
};

struct format_section {
	struct format_token tokens[FORMAT_TOKENS];
	int count;
	int whole, fraction; /* placeholders before and after the point */
	int shift;           /* digits: percent signs, commas at the end */
	bool thousands, date, general, half_day, exponent, elapsed, text;
	/* A fraction: where its bar stands, how many placeholders are whole
	 * digits, numerator and denominator. The bar is 0 without one. */
	int bar, integer, above, below;
	enum format_language language;
	enum format_compare compare;
	double limit;
};

struct format {
	char *code;
	struct format_section sections[FORMAT_SECTIONS];
	int count;                 /* of those for numbers */
	bool text;                 /* sections[count] is for texts */
	const struct money *money; /* NULL: not known */
};

/* Takes f->code apart. */
int format_code_read(struct format *f, struct err *e);

/* The section of a number; *sign: whether a minus goes in front of it. */
const struct format_section *format_choose(
    const struct format *f, double x, bool *sign);

/* Both append to out. Number: false when v is none (NaN, infinity). Moment:
 * false when v is none that the section can show. */
bool format_number(
    const struct format *f, const struct value *v, struct buf *out);
bool format_moment(const struct format_section *p, enum column_kind kind,
    const struct value *v, struct buf *out);

#endif
