/* SPDX-License-Identifier: MIT */
#include "encode/table/format_code.h"

#include <stdlib.h>
#include <string.h>

static bool matches(const struct format_section *p, double x)
{
	switch (p->compare) {
	case FORMAT_LESS:
		return x < p->limit;
	case FORMAT_LESS_OR_EQUAL:
		return x <= p->limit;
	case FORMAT_EQUAL:
		return x == p->limit;
	case FORMAT_NOT_EQUAL:
		return x != p->limit;
	case FORMAT_GREATER_OR_EQUAL:
		return x >= p->limit;
	case FORMAT_GREATER:
		return x > p->limit;
	default:
		return true;
	}
}

/* Returns whether the condition of a section admits only negative numbers. Such
 * a section shows them without their sign. */
static bool is_for_negative(const struct format_section *p)
{
	return (p->compare == FORMAT_LESS && p->limit <= 0) ||
	       ((p->compare == FORMAT_LESS_OR_EQUAL ||
		    p->compare == FORMAT_EQUAL) &&
		   p->limit < 0);
}

static const struct format_section *choose_by_condition(
    const struct format *f, double x, bool *sign)
{
	const struct format_section *p = f->sections;
	bool own = p[0].compare != FORMAT_ALWAYS;

	if (own ? matches(&p[0], x) : f->count > 2 ? x > 0 : x >= 0) {
		*sign &= !is_for_negative(&p[0]);
		return p;
	}
	if (f->count < 3 && (f->count == 1 || p[1].compare == FORMAT_ALWAYS))
		return &p[f->count - 1];
	if (p[1].compare != FORMAT_ALWAYS ? matches(&p[1], x) : x < 0) {
		*sign &=
		    p[1].compare != FORMAT_ALWAYS && !is_for_negative(&p[1]);
		return &p[1];
	}
	return &p[f->count > 2 ? 2 : 0];
}

const struct format_section *format_choose(
    const struct format *f, double x, bool *sign)
{
	const struct format_section *p = f->sections;

	*sign = x < 0;
	if (p[0].compare != FORMAT_ALWAYS ||
	    (f->count > 1 && p[1].compare != FORMAT_ALWAYS))
		return choose_by_condition(f, x, sign);
	if (f->count > 1 && x < 0) {
		*sign = false;
		return &p[1];
	}
	return x == 0 && f->count > 2 ? &p[2] : p;
}

bool format_read_condition(struct format_section *p, const char *s)
{
	static const struct {
		const char *sign;
		enum format_compare compare;
	} signs[] = {{"<=", FORMAT_LESS_OR_EQUAL}, {"<>", FORMAT_NOT_EQUAL},
	    {">=", FORMAT_GREATER_OR_EQUAL}, {"<", FORMAT_LESS},
	    {"=", FORMAT_EQUAL}, {">", FORMAT_GREATER}};

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		size_t n = strlen(signs[i].sign);
		char *end;

		if (strncmp(s, signs[i].sign, n) != 0)
			continue;
		p->limit = strtod(s + n, &end);
		p->compare = signs[i].compare;
		return end > s + n && *end == ']' &&
		       end == s + n + strspn(s + n, "0123456789+-.eE");
	}
	return false;
}
