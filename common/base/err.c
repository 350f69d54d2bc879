/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const char *const kind_names[] = {
    [ERR_TRANSIENT] = "transient",
    [ERR_PERMANENT] = "permanent",
    [ERR_CANCELLED] = "cancelled",
    [ERR_TIMEOUT] = "timeout",
    [ERR_LOST] = "lost",
};

static void format(struct err *e, const char *fmt, va_list ap)
{
	int n = vsnprintf(e->text, sizeof(e->text), fmt, ap);

	if (n >= (int)sizeof(e->text))
		str_cut_utf8(e->text, sizeof(e->text) - 1);
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	e->kind = kind;
	e->sqlstate[0] = '\0';
	va_start(ap, fmt);
	format(e, fmt, ap);
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
	size_t len;

	e->kind = kind_of_errno(errno_value);
	e->sqlstate[0] = '\0';
	va_start(ap, fmt);
	format(e, fmt, ap);
	va_end(ap);
	len = strlen(e->text);
	snprintf(e->text + len, sizeof(e->text) - len, ": %s",
	    strerror(errno_value));
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char inner[sizeof(e->text)];
	va_list ap;
	size_t len;

	memcpy(inner, e->text, sizeof(inner));
	va_start(ap, fmt);
	format(e, fmt, ap);
	va_end(ap);
	len = strlen(e->text);
	if (snprintf(e->text + len, sizeof(e->text) - len, ": %s", inner) >=
	    (int)(sizeof(e->text) - len))
		str_cut_utf8(e->text, sizeof(e->text) - 1);
	return -1;
}

const char *err_kind_name(enum err_kind kind)
{
	return kind_names[kind];
}

enum err_kind err_kind_parse(const char *name)
{
	for (size_t i = 0; i < sizeof(kind_names) / sizeof(*kind_names); i++) {
		if (strcmp(name, kind_names[i]) == 0)
			return (enum err_kind)i;
	}
	return ERR_TRANSIENT;
}
