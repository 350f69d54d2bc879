/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "fuzz.h"
#include "source/sqltext.h"

/* A part is a place in sql; split again it stays one statement. */
static void split(const char *sql)
{
	const char *at = sql, *end = sql + strlen(sql);
	struct sqltext_part part, again;
	int n = 0;

	while (sqltext_next(&at, &part)) {
		char *copy = mem_strndup(part.text, part.len);
		const char *inner = copy;

		n++;
		PROMISE(part.len > 0);
		PROMISE(part.text >= sql && part.text + part.len <= at);
		PROMISE(at <= end);
		PROMISE(sqltext_next(&inner, &again));
		PROMISE(again.text == copy && again.len == part.len);
		PROMISE(!sqltext_next(&inner, &again));
		free(copy);
	}
	PROMISE(*at == '\0');
	PROMISE(n == sqltext_count(sql));
	PROMISE(!sqltext_starts_with(sql, "select") ||
		!sqltext_starts_with(sql, "with"));
}

/* Replaces a parameter by itself. */
static char *itself(void *arg, const char *name, bool identifier, struct err *e)
{
	(void)arg;
	(void)e;
	PROMISE(*name != '\0' && strpbrk(name, "'\" \n;") == NULL);
	return mem_printf(identifier ? ":\"%s\"" : ":'%s'", name);
}

static char *unknown(
    void *arg, const char *name, bool identifier, struct err *e)
{
	(void)arg;
	(void)identifier;
	err_set(e, ERR_PERMANENT, "unknown %s", name);
	return NULL;
}

static void substitute(const char *sql)
{
	struct err e = {.text = ""};
	struct buf out;

	buf_init(&out, 4 << 20);
	PROMISE(sqltext_substitute(sql, itself, NULL, &out, &e) == 0);
	PROMISE(strcmp(out.data, sql) == 0);
	buf_clear(&out);
	if (sqltext_substitute(sql, unknown, NULL, &out, &e) == 0)
		PROMISE(strcmp(out.data, sql) == 0);
	else
		PROMISE(strncmp(e.text, "unknown ", 8) == 0);
	buf_free(&out);
}

/* SQL. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *sql = mem_strndup((const char *)data, size);

	split(sql);
	substitute(sql);
	free(sql);
	return 0;
}
