/* SPDX-License-Identifier: MIT */
#include "source/sqltext.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* Characters are told apart by their codes, whatever the locale says of them, as
 * each text is read several times a report. */

static inline bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Bytes above 0x7F are letters to PostgreSQL. */
static inline bool word_start(char c)
{
	return (unsigned char)((c | 0x20) - 'a') < 26 || c == '_' ||
	       (unsigned char)c > 0x7F;
}

static inline bool word_char(char c)
{
	return word_start(c) || (unsigned char)(c - '0') < 10 || c == '$';
}

static const char *end_of_quoted(const char *s, char quote, bool backslash)
{
	for (s++; *s != '\0'; s++) {
		if (backslash && *s == '\\' && s[1] != '\0')
			s++;
		else if (*s == quote && s[1] == quote)
			s++;
		else if (*s == quote)
			return s + 1;
	}
	return s;
}

/* The strings in E'a' 'b' form one string when a line break separates them, and
 * the escape rules of the first part hold to the end. */
static const char *end_of_escape_string(const char *s)
{
	for (;;) {
		const char *next;

		s = end_of_quoted(s, '\'', true);
		next = s + strspn(s, " \t\n\r\f\v");
		if (*next != '\'' || strcspn(s, "\r\n") >= (size_t)(next - s))
			return s;
		s = next;
	}
}

/* Returns NULL when the comment does not end. */
static const char *end_of_comment(const char *s)
{
	int depth = 0;

	for (; *s != '\0'; s++) {
		if (s[0] == '/' && s[1] == '*') {
			depth++;
			s++;
		} else if (s[0] == '*' && s[1] == '/') {
			s++;
			if (--depth == 0)
				return s + 1;
		}
	}
	return NULL;
}

/* s points at a `$`. Returns the end of the dollar-quoted string, or s + 1 when
 * the `$` begins none. */
static const char *end_of_dollar(const char *s)
{
	const char *tag_end = s + 1;
	size_t tag;

	if (word_start(*tag_end)) {
		while (word_char(*tag_end) && *tag_end != '$')
			tag_end++;
	}
	if (*tag_end != '$')
		return s + 1;
	tag = (size_t)(tag_end - s) + 1;
	for (const char *p = tag_end + 1; *p != '\0'; p++) {
		if (*p == '$' && strncmp(p, s, tag) == 0)
			return p + tag;
	}
	return s + strlen(s);
}

enum token { T_END, T_SPACE, T_COMMENT, T_STRING, T_WORD, T_OTHER };

/* Returns the kind of the token at s; *end is the first character after it. */
static enum token token_at(const char *s, const char **end)
{
	if (*s == '\0') {
		*end = s;
		return T_END;
	}
	if (is_space(*s)) {
		while (is_space(*s))
			s++;
		*end = s;
		return T_SPACE;
	}
	if (s[0] == '-' && s[1] == '-') {
		*end = s + strcspn(s, "\r\n");
		return T_COMMENT;
	}
	if (s[0] == '/' && s[1] == '*') {
		*end = end_of_comment(s);
		if (*end != NULL)
			return T_COMMENT;
		/* An unterminated token goes to the end of the text: the server
		 * shall complain about it. */
		*end = s + strlen(s);
		return T_STRING;
	}
	if (*s == '\'' || *s == '"') {
		*end = end_of_quoted(s, *s, false);
		return T_STRING;
	}
	if ((*s == 'E' || *s == 'e') && s[1] == '\'') {
		*end = end_of_escape_string(s + 1);
		return T_STRING;
	}
	if (*s == '$') {
		*end = end_of_dollar(s);
		return *end > s + 1 ? T_STRING : T_OTHER;
	}
	if (word_start(*s)) {
		while (word_char(*s))
			s++;
		*end = s;
		return T_WORD;
	}
	*end = s + 1;
	return T_OTHER;
}

static bool is_word(const char *s, const char *end, const char *word)
{
	return strlen(word) == (size_t)(end - s) &&
	       strncasecmp(s, word, (size_t)(end - s)) == 0;
}

/* Tracks whether a semicolon ends the statement, by psql's rules: a semicolon
 * does not end it in parentheses (CREATE RULE) or in an SQL-standard function
 * body, which BEGIN and CASE open and END closes. */
struct nesting {
	bool create;
	bool routine;
	int words;
	int parentheses;
	int depth;
};

static void nesting_word(struct nesting *n, const char *s, const char *end)
{
	n->words++;
	if (n->words == 1)
		n->create = is_word(s, end, "create");
	else if (n->create && n->words <= 4 &&
		 (is_word(s, end, "function") || is_word(s, end, "procedure")))
		n->routine = true;
	if (!n->routine || n->parentheses > 0)
		return;
	if (is_word(s, end, "begin"))
		n->depth++;
	else if (n->depth > 0 && is_word(s, end, "case"))
		n->depth++;
	else if (n->depth > 0 && is_word(s, end, "end"))
		n->depth--;
}

static void nesting_other(struct nesting *n, char c)
{
	if (c == '(')
		n->parentheses++;
	else if (c == ')' && n->parentheses > 0)
		n->parentheses--;
}

bool sqltext_next(const char **at, struct sqltext_part *part)
{
	struct nesting nesting = {0};
	const char *s = *at, *end, *first = NULL, *last = NULL;

	for (;; s = end) {
		enum token t = token_at(s, &end);
		bool semicolon = t == T_OTHER && *s == ';' &&
				 nesting.depth == 0 && nesting.parentheses == 0;

		if (t == T_END || semicolon) {
			*at = end;
			if (first == NULL && semicolon)
				continue;
			if (first == NULL)
				return false;
			part->text = first;
			part->len = (size_t)(last - first);
			return true;
		}
		if (t == T_SPACE || t == T_COMMENT)
			continue;
		if (t == T_WORD)
			nesting_word(&nesting, s, end);
		else if (t == T_OTHER)
			nesting_other(&nesting, *s);
		if (first == NULL)
			first = s;
		last = end;
	}
}

int sqltext_count(const char *sql)
{
	struct sqltext_part part;
	int n = 0;

	while (sqltext_next(&sql, &part))
		n++;
	return n;
}

/* Says whether the quote or comment has an end: a closed one ends at the same
 * place when more text follows. */
static bool is_closed(const char *token)
{
	char *longer = mem_printf("%s;", token);
	const char *end;
	bool closed;

	token_at(longer, &end);
	closed = *end == ';';
	free(longer);
	return closed;
}

const char *sqltext_unclosed(const char *sql)
{
	const char *end;

	for (;; sql = end) {
		enum token t = token_at(sql, &end);

		if (t == T_END)
			return NULL;
		if (t == T_STRING && *end == '\0' && !is_closed(sql))
			return sql;
	}
}

bool sqltext_has_command(const char *sql)
{
	const char *end;
	enum token t;

	for (;; sql = end) {
		t = token_at(sql, &end);
		if (t == T_END || (t == T_OTHER && *sql == '\\'))
			return t != T_END;
	}
}

bool sqltext_starts_with(const char *sql, const char *word)
{
	const char *end;

	for (;; sql = end) {
		enum token t = token_at(sql, &end);

		if (t == T_WORD)
			return is_word(sql, end, word);
		if (t == T_END || t == T_STRING ||
		    (t == T_OTHER && *sql != '('))
			return false;
	}
}

const char *sqltext_after_word(const char *sql, const char *word)
{
	const char *end;

	for (;; sql = end) {
		enum token t = token_at(sql, &end);

		if (t != T_SPACE && t != T_COMMENT)
			return t == T_WORD && is_word(sql, end, word) ? end
								      : NULL;
	}
}

/* s points at a `:`. Returns the length of :'name' or :"name", or 0 for
 * anything else. */
static size_t variable_at(const char *s)
{
	char quote = s[1];
	const char *p = s + 2;

	if (quote != '\'' && quote != '"')
		return 0;
	while (word_char(*p) && *p != '$' && (unsigned char)*p < 0x80)
		p++;
	return *p == quote && p > s + 2 ? (size_t)(p - s) + 1 : 0;
}

const char *sqltext_bare_variable(const char *sql, size_t *len)
{
	const char *end;
	int brackets = 0;

	for (;; sql = end) {
		enum token t = token_at(sql, &end);

		if (t == T_END)
			return NULL;
		if (sql[0] == ':' && sql[1] == ':')
			end = sql + 2;
		else if (*sql == ':' && brackets == 0 && word_start(sql[1])) {
			token_at(sql + 1, &end);
			*len = (size_t)(end - sql) - 1;
			return sql + 1;
		} else if (t == T_OTHER)
			brackets += (*sql == '[') - (*sql == ']');
	}
}

int sqltext_substitute(const char *sql, sqltext_lookup *lookup, void *arg,
    struct buf *out, struct err *e)
{
	const char *end;

	for (; *sql != '\0'; sql = end) {
		size_t len = *sql == ':' ? variable_at(sql) : 0;

		token_at(sql, &end);
		if (sql[0] == ':' && sql[1] == ':') {
			end = sql + 2;
		} else if (len != 0) {
			char *name = mem_strndup(sql + 2, len - 3);
			char *text = lookup(arg, name, sql[1] == '"', e);

			free(name);
			if (text == NULL)
				return -1;
			buf_str(out, text);
			free(text);
			end = sql + len;
			continue;
		}
		buf_add(out, sql, (size_t)(end - sql));
	}
	buf_str(out, "");
	if (out->overflow)
		return err_set(e, ERR_PERMANENT,
		    "with its parameters the SQL is longer than %zu bytes; a "
		    "long list of values belongs into a table",
		    out->max);
	return 0;
}
