/* SPDX-License-Identifier: MIT */
#include "source/athena/statement.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "source/dialect.h"
#include "source/source.h"
#include "source/sqltext.h"

void statement_quote(const char *text, bool identifier, struct buf *out)
{
	char quote = identifier ? '"' : '\'';
	bool unicode = !identifier && strchr(text, '\\') != NULL;

	buf_str(out, unicode ? "U&" : "");
	buf_char(out, quote);
	for (; *text != '\0'; text++) {
		if (*text == quote || (unicode && *text == '\\'))
			buf_char(out, *text);
		buf_char(out, *text);
	}
	buf_char(out, quote);
}

char *statement_unquote(const char **at)
{
	const char *s = *at;
	bool unicode = strncasecmp(s, "u&", 2) == 0;
	struct buf out;

	s += unicode ? 2 : 0;
	if (*s++ != '\'')
		return NULL;
	buf_init(&out, SOURCE_SQL_MAX);
	for (; *s != '\0' && (*s != '\'' || s[1] == '\''); s++) {
		if (*s == '\'' || (unicode && *s == '\\' && s[1] == '\\'))
			s++;
		buf_char(&out, *s);
	}
	if (*s != '\'' || out.data == NULL) {
		buf_free(&out);
		return NULL;
	}
	*at = s + 1;
	return out.data;
}

bool statement_is_plain(const char *text, size_t len)
{
	if (!str_is_utf8(text, len))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < ' ' || c == '\'' || c == '\\' || c == '`')
			return false;
	}
	return true;
}

const char *statement_after_words(const char *sql, const char *const *words)
{
	while (sql != NULL && *words != NULL)
		sql = sqltext_after_word(sql, *words++);
	return sql;
}

const char *statement_skip_name(const char *name)
{
	while (*name != '\0' && !isspace((unsigned char)*name)) {
		const char *end = *name == '`' ? strchr(name + 1, '`') : name;

		if (end == NULL)
			return name + strlen(name);
		name = end + 1;
	}
	return name;
}

static const char *after(const char *sql, const char *word)
{
	return sql ? sqltext_after_word(sql, word) : NULL;
}

/* EXPLAIN ANALYZE executes what it explains. */
static bool explains_a_query(const char *sql)
{
	const char *rest = after(sql, "explain"), *analyzed;

	if (rest == NULL)
		return false;
	analyzed = after(rest, "analyze");
	if (analyzed == NULL)
		return true;
	rest = after(analyzed, "verbose");
	return dialect_is_query(rest ? rest : analyzed);
}

int statement_check_reads(const char *sql, struct err *e)
{
	static const char *const words[] = {"show", "describe", "desc"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (after(sql, words[i]) != NULL)
			return 0;
	}
	if (dialect_is_query(sql) || explains_a_query(sql))
		return 0;
	err_set(e, ERR_PERMANENT,
	    "the statement is no query: %.60s; a report reads by SELECT, WITH, "
	    "VALUES, TABLE, SHOW, DESCRIBE or EXPLAIN, and changes something "
	    "in "
	    "prep_sql only",
	    sql);
	memcpy(e->sqlstate, "25006", 6);
	return -1;
}

static bool is_hive(const char *sql)
{
	static const char *const words[] = {
	    "alter", "msck", "show", "describe", "desc", "drop"};
	static const char *const made[] = {"external", "database", "schema"};
	const char *rest = after(sql, "create");

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (after(sql, words[i]) != NULL)
			return true;
	}
	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
		if (after(rest, made[i]) != NULL)
			return true;
	}
	return false;
}

/* Returns the text after a literal, an identifier or a comment that begins here;
 * NULL: none does. *odd: it is a literal that Hive reads in another way. */
static const char *skip_quoted(const char *s, bool *odd)
{
	const char *from = s + 1, *end;

	if (s[0] == '-' && s[1] == '-')
		return s + strcspn(s, "\n");
	if (s[0] == '/' && s[1] == '*') {
		end = strstr(s + 2, "*/");
		return end ? end + 2 : s + strlen(s);
	}
	if (*s != '\'' && *s != '"' && *s != '`')
		return NULL;
	end = strchr(from, *s);
	end = end ? end : s + strlen(s);
	*odd |= *s == '\'' && ((*end != '\0' && end[1] == '\'') ||
				  memchr(from, '\\', (size_t)(end - from)));
	return *end ? end + 1 : end;
}

int statement_check_ddl(const char *sql, struct err *e)
{
	bool odd = false;

	if (!is_hive(sql))
		return 0;
	while (*sql != '\0' && !odd) {
		const char *next = skip_quoted(sql, &odd);

		sql = next ? next : sql + 1;
	}
	if (!odd)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "a literal of this statement has a quote or a backslash in it, "
	    "which Athena's DDL would read as something else");
}
