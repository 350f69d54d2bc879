/* SPDX-License-Identifier: MIT */
#include "source/postgres/conninfo.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define CONNINFO_MAX (64u << 10)

/* Leaves out libpq's own message, which may repeat part of a password. The name
 * of an option is not secret. */
static PQconninfoOption *parse(const char *conninfo, struct err *e)
{
	static const char unknown[] = "invalid connection option";
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &message);

	if (options == NULL && message != NULL &&
	    strncmp(message, unknown, strlen(unknown)) == 0)
		err_set(e, ERR_PERMANENT, "%.*s", (int)strcspn(message, "\n"),
		    message);
	else if (options == NULL)
		err_set(e, ERR_PERMANENT,
		    "the connection string cannot be read; write it as "
		    "\"host=... dbname=...\" or postgresql://..., see "
		    "\"Connection Strings\" in libpq's manual");
	PQfreemem(message);
	return options;
}

int conninfo_check(const char *conninfo, struct err *e)
{
	PQconninfoOption *options = parse(conninfo, e);

	PQconninfoFree(options);
	return options ? 0 : -1;
}

static const char *value_of(
    const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++) {
		if (strcmp(options->keyword, keyword) == 0)
			return options->val;
	}
	return NULL;
}

char *conninfo_get(const char *conninfo, const char *keyword)
{
	struct err unused;
	PQconninfoOption *options = parse(conninfo, &unused);
	const char *value = options ? value_of(options, keyword) : NULL;
	char *copy = value ? mem_strdup(value) : NULL;

	PQconninfoFree(options);
	return copy;
}

static void add(struct buf *b, const char *keyword, const char *value)
{
	buf_printf(b, "%s%s='", b->len > 0 ? " " : "", keyword);
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			buf_char(b, '\\');
		buf_char(b, *value);
	}
	buf_char(b, '\'');
}

/* Returns NULL where the string has a value for the keyword, or a service,
 * because a service of pg_service.conf names a place, too. */
static const char *place(const PQconninfoOption *options, const char *keyword,
    const char *other, const char *value)
{
	if (value_of(options, "service") != NULL ||
	    (other != NULL && value_of(options, other) != NULL))
		return NULL;
	return value_of(options, keyword) ? NULL : value;
}

/* Reserves all memory at once: a buffer that grows would leave parts of
 * passwords in freed memory. */
static char *write_options(const PQconninfoOption *options,
    const struct conninfo_pair *more, size_t count, struct err *e)
{
	struct buf b;

	buf_init(&b, CONNINFO_MAX);
	buf_reserve(&b, 4096);
	for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
		const char *value = o->val;

		for (size_t i = 0; i < count; i++) {
			if (more[i].value != NULL &&
			    strcmp(o->keyword, more[i].keyword) == 0)
				value = more[i].value;
		}
		if (value != NULL)
			add(&b, o->keyword, value);
	}
	if (!b.overflow)
		return b.data ? b.data : mem_strdup("");
	buf_free(&b);
	err_set(e, ERR_PERMANENT, "the connection string is too long");
	return NULL;
}

char *conninfo_replace(const char *conninfo, const struct conninfo_pair *pairs,
    size_t count, struct err *e)
{
	PQconninfoOption *options = parse(conninfo, e);
	char *text = options ? write_options(options, pairs, count, e) : NULL;

	PQconninfoFree(options);
	return text;
}

char *conninfo_merge(
    const char *conninfo, const struct conninfo_login *login, struct err *e)
{
	PQconninfoOption *options = parse(conninfo, e);
	char *text;

	if (options == NULL)
		return NULL;
	const struct conninfo_pair more[] = {{"user", login->user},
	    {"password", login->password},
	    {"host", place(options, "host", "hostaddr", login->host)},
	    {"port", place(options, "port", NULL, login->port)},
	    {"dbname", place(options, "dbname", NULL, login->dbname)}};

	text = write_options(options, more, sizeof(more) / sizeof(*more), e);
	PQconninfoFree(options);
	return text;
}

void conninfo_free(char *conninfo)
{
	mem_wipe(conninfo);
}

/* "FATAL:  28P01: password ...": libpq puts two blanks after the severity. */
static char *code_in(char *text)
{
	for (char *s = strstr(text, ":  "); s != NULL;
	     s = strstr(s + 1, ":  ")) {
		int n = 0;

		while (n < 5 && (isdigit((unsigned char)s[3 + n]) ||
				    isupper((unsigned char)s[3 + n])))
			n++;
		if (n == 5 && strncmp(s + 8, ": ", 2) == 0)
			return s + 3;
	}
	return NULL;
}

/* With several hosts, libpq's message holds one failure for each; the last one
 * decides. */
void conninfo_failure(char *text, char sqlstate[static 6])
{
	char *at;

	sqlstate[0] = '\0';
	while ((at = code_in(text)) != NULL) {
		memcpy(sqlstate, at, 5);
		sqlstate[5] = '\0';
		memmove(at, at + 7, strlen(at + 7) + 1);
	}
	while ((at = strstr(text, "\nLOCATION:  ")) != NULL) {
		char *end = at + 1 + strcspn(at + 1, "\n");

		memmove(at, end, strlen(end) + 1);
	}
}

bool conninfo_refused(const char *sqlstate)
{
	return strcmp(sqlstate, "28P01") == 0 || strcmp(sqlstate, "28000") == 0;
}
