/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TABLE_FORMAT_CODE_H
#define ENCODE_TABLE_FORMAT_CODE_H

#include "base/buf.h"
#include "base/err.h"
#include "rows/rows.h"

/* The parsed form of a number format code. format.c and its helpers share
 * it. */

#define FORMAT_SECTIONS 4
/* bytes; Excel refuses codes of more characters */
#define FORMAT_CODE_MAX 255

enum format_token_type {
	FORMAT_LITERAL, /* the len bytes of the code from text on */
	FORMAT_DIGIT,   /* letter: 0, # or ? */
	FORMAT_POINT,
	/* letter: + shows a plus sign, - does not; len: digits */
	FORMAT_EXPONENT,
	FORMAT_BAR,     /* bar of a fraction */
	FORMAT_DIVISOR, /* the fixed denominator, of len digits */
	/* letter: y m d h s, M for minutes, f for a second's fraction; len:
	 * letters in a row */
	FORMAT_DATE,
	/* letter h m s: elapsed units in all, not those of the day */
	FORMAT_ELAPSED,
	FORMAT_AMPM, /* len 5: AM/PM; len 3: A/P */
	FORMAT_TEXT, /* @ */
	FORMAT_GENERAL,
};

struct format_token {
	enum format_token_type type;
	const char *text;
	int len;
	char letter;
};

/* The condition under which a section is taken: [>=1000]. */
enum format_compare {
	FORMAT_ALWAYS,
	FORMAT_LESS,
	FORMAT_LESS_OR_EQUAL,
	FORMAT_EQUAL,
	FORMAT_NOT_EQUAL,
	FORMAT_GREATER_OR_EQUAL,
	FORMAT_GREATER,
};

/* The language that [$-407] asks for. */
enum format_language {
	FORMAT_ENGLISH,
	FORMAT_OTHER,
	/* Excel takes the language of its reader, which is not known here */
	FORMAT_OF_READER,
};

struct format_section {
	struct format_token *tokens; /* part of format.tokens */
	int count;
	int whole, fraction; /* placeholders before and after the point */
	/* digits to move the point, from percent signs and trailing commas */
	int shift;
	bool thousands, date, general, half_day, exponent, elapsed, text;
	/* For a fraction: the index of its bar, and the number of placeholders
	 * for whole digits, numerator and denominator. `bar` is 0 without a
	 * fraction. */
	int bar, integer, above, below;
	enum format_language language;
	enum format_compare compare;
	double limit;
};

struct format {
	char *code;
	/* of all sections, one after the other; each is at least a byte of the
	 * code */
	struct format_token *tokens;
	struct format_section sections[FORMAT_SECTIONS];
	int count;                 /* sections for numbers */
	bool text;                 /* sections[count] shows texts */
	const struct money *money; /* form of money values; NULL: unknown */
};

/* Parses f->code into f->sections; -1 with *e for a code that Excel cannot
 * read. */
int format_code_read(struct format *f, struct err *e);

/* Reads the condition of a section from the text after its bracket, such as
 * `>=100]`. Returns false when the text is no condition. */
bool format_read_condition(struct format_section *p, const char *s);

/* Returns the section that shows x. *sign says whether a minus sign precedes
 * the number. */
const struct format_section *format_choose(
    const struct format *f, double x, bool *sign);

/* Both append the value to out. format_number returns false when v is no finite
 * number (NaN, infinity), format_moment when the section cannot show v. */
bool format_number(
    const struct format *f, const struct value *v, struct buf *out);
bool format_moment(const struct format_section *p, enum column_kind kind,
    const struct value *v, struct buf *out);

#endif
