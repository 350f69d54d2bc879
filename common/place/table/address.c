/* SPDX-License-Identifier: MIT */
#include "place/table/address.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"

#define HOW                                                               \
	"write table:NAME/schema.table; NAME is a [target.NAME] of the "  \
	"settings, and other names than a-z, 0-9 and _ are quoted as in " \
	"SQL: table:dwh/sales.\"Orders 2026\""

static bool begins_name(char c)
{
	return isalpha((unsigned char)c) || c == '_' || (c & 0x80) != 0;
}

static bool goes_on(char c)
{
	return begins_name(c) || isdigit((unsigned char)c) || c == '$';
}

/* Copies a character; -1: the name is too long. */
static int put(char to[static TABLE_NAME], size_t *len, char c)
{
	if (*len + 1 >= TABLE_NAME)
		return -1;
	to[(*len)++] = c;
	to[*len] = '\0';
	return 0;
}

/* Reads a quoted name. Returns the place after it, or NULL. */
static const char *read_quoted(
    const char *s, char to[static TABLE_NAME], bool *fits)
{
	size_t len = 0;

	for (s++; *s != '\0'; s++) {
		if (*s == '"' && *++s != '"')
			return len > 0 ? s : NULL;
		*fits = put(to, &len, *s) == 0 && *fits;
	}
	return NULL;
}

/* Reads one name; *fits becomes false when it has too many bytes. Returns the
 * place after it, or NULL when there is no name. */
static const char *read_name(
    const char *s, char to[static TABLE_NAME], bool *fits)
{
	size_t len = 0;

	*to = '\0';
	if (*s == '"')
		return read_quoted(s, to, fits);
	if (!begins_name(*s))
		return NULL;
	for (; goes_on(*s); s++)
		*fits = put(to, &len,
			    *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a')
						   : *s) == 0 &&
			*fits;
	return s;
}

/* Reads the target's name and the slash after it. */
static const char *read_target(const char *s, struct table_address *to)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (len == 0 || len >= sizeof(to->target) || s[len] != '/')
		return NULL;
	memcpy(to->target, s, len);
	to->target[len] = '\0';
	return s + len + 1;
}

static bool is_of_server(const char *schema)
{
	return strncmp(schema, "pg_", 3) == 0 ||
	       strcmp(schema, "information_schema") == 0 ||
	       strcmp(schema, "reportd") == 0;
}

int table_address_read(
    const char *address, struct table_address *to, struct err *e)
{
	const char *s = address;
	bool fits = true;

	if (str_has_control(address))
		return err_set(e, ERR_PERMANENT,
		    "the name of a table holds control characters; " HOW);
	s = strncmp(s, TABLE_PREFIX, strlen(TABLE_PREFIX)) == 0
		? read_target(s + strlen(TABLE_PREFIX), to)
		: NULL;
	s = s ? read_name(s, to->schema, &fits) : NULL;
	s = s && *s == '.' ? read_name(s + 1, to->table, &fits) : NULL;
	if (s == NULL || *s != '\0')
		return err_set(e, ERR_PERMANENT,
		    "\"%s\" names no table of a target; " HOW, address);
	if (!fits)
		return err_set(e, ERR_PERMANENT,
		    "\"%s\": a name of PostgreSQL has at most %d bytes",
		    address, TABLE_NAME - 1);
	if (is_of_server(to->schema))
		return err_set(e, ERR_PERMANENT,
		    "\"%s\": no report loads tables of the schema %s; name a "
		    "schema of your own",
		    address, to->schema);
	return 0;
}

void table_add_name(struct buf *sql, const char *name)
{
	buf_char(sql, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"')
			buf_char(sql, '"');
		buf_char(sql, *name);
	}
	buf_char(sql, '"');
}

void table_add_table(struct buf *sql, const struct table_address *at)
{
	table_add_name(sql, at->schema);
	buf_char(sql, '.');
	table_add_name(sql, at->table);
}
