/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Bytes of the longest UTF-8 character: a cut text may have lost part of
 * one. */
#define CHARACTER 4
/* Bytes reserved for strerror()'s text, however long the text before it is. */
#define REASON 80

static void format(struct err *e, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void format(struct err *e, size_t size, const char *fmt, va_list ap)
{
	if (vsnprintf(e->text, size, fmt, ap) >= (int)size)
		str_cut_utf8(e->text, size - CHARACTER);
	str_clean_utf8(e->text);
	str_show_hidden(e->text, size);
}

static void append(struct err *e, const char *between, const char *text)
{
	size_t len = strlen(e->text), room = sizeof(e->text) - len;

	if (snprintf(e->text + len, room, "%s%s", between, text) >= (int)room)
		str_cut_utf8(e->text, sizeof(e->text) - CHARACTER);
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	e->kind = kind;
	e->sqlstate[0] = '\0';
	e->of_target = false;
	va_start(ap, fmt);
	format(e, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

static enum err_kind kind_of_errno(int errno_value)
{
	switch (errno_value) {
	case EACCES:
	case EPERM:
	case ENAMETOOLONG:
	case ENOTDIR:
	case EISDIR:
	case EINVAL:
	case ELOOP:
	case EROFS:
		return ERR_PERMANENT;
	default:
		return ERR_TRANSIENT;
	}
}

int err_errno(struct err *e, int errno_value, const char *fmt, ...)
{
	va_list ap;

	e->kind = kind_of_errno(errno_value);
	e->sqlstate[0] = '\0';
	e->of_target = false;
	va_start(ap, fmt);
	format(e, sizeof(e->text) - REASON, fmt, ap);
	va_end(ap);
	append(e, ": ", strerror(errno_value));
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char inner[sizeof(e->text)];
	va_list ap;

	str_copy(inner, sizeof(inner), e->text);
	va_start(ap, fmt);
	format(e, sizeof(e->text), fmt, ap);
	va_end(ap);
	append(e, ": ", inner);
	return -1;
}

static void add_part(struct err *e, const char *label, const char *fmt,
    va_list ap) __attribute__((format(printf, 3, 0)));

static void add_part(
    struct err *e, const char *label, const char *fmt, va_list ap)
{
	struct err part = {.text = ""};

	format(&part, sizeof(part.text), fmt, ap);
	append(e, label, part.text);
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_part(e, "; hint: ", fmt, ap);
	va_end(ap);
	return -1;
}

int err_place(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_part(e, "; at ", fmt, ap);
	va_end(ap);
	return -1;
}
