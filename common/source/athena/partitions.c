/* SPDX-License-Identifier: MIT */
#include "source/athena/partitions.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/athena/statement.h"

/* Partitions, and bytes, of one statement. */
#define MANY 100
#define LONG ((size_t)200000)
#define SCHEME "s3://"

/* ---- the statement ---- */

/* The parts of the statement point into its text. */
struct parts {
	const char *table, *literal;
	size_t table_len;
};

static bool split(const char *sql, struct parts *p)
{
	static const char *const before[] = {"alter", "table", NULL};
	static const char *const after[] = {
	    "add", "if", "not", "exists", "partitions", "from", NULL};
	const char *end;

	p->table = statement_after_words(sql, before);
	if (p->table == NULL)
		return false;
	p->table += strspn(p->table, " \t\r\n");
	end = statement_skip_name(p->table);
	p->table_len = (size_t)(end - p->table);
	p->literal = statement_after_words(end, after);
	if (p->literal != NULL)
		p->literal += strspn(p->literal, " \t\r\n");
	return p->literal != NULL && p->table_len > 0;
}

bool partitions_is(const char *sql)
{
	struct parts p;

	return split(sql, &p);
}

/* ---- folders ---- */

/* Appends a name of a folder without Hive's escapes, %3A for a colon. */
static void add_unescaped(const char *s, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%' && i + 2 < len &&
		    isxdigit((unsigned char)s[i + 1]) &&
		    isxdigit((unsigned char)s[i + 2])) {
			char hex[] = {s[i + 1], s[i + 2], '\0'};

			buf_char(out, (char)strtol(hex, NULL, 16));
			i += 2;
		} else {
			buf_char(out, s[i]);
		}
	}
}

static bool is_plain(const struct buf *text, size_t from)
{
	return statement_is_plain(text->data + from, text->len - from);
}

/* Appends `name` = 'value' of a folder. Returns false when it is none of a
 * partition. */
static bool add_pair(const char *s, size_t len, bool first, struct buf *out)
{
	const char *equals = memchr(s, '=', len);
	size_t from;
	bool plain;

	if (equals == NULL || equals == s)
		return false;
	buf_str(out, first ? "`" : ", `");
	from = out->len;
	add_unescaped(s, (size_t)(equals - s), out);
	plain = is_plain(out, from);
	buf_str(out, "` = '");
	from = out->len;
	add_unescaped(equals + 1, len - (size_t)(equals + 1 - s), out);
	plain = plain && is_plain(out, from);
	buf_char(out, '\'');
	return plain;
}

/* Returns the slash before the first of the folders right above the file that have an
 * equals sign; NULL: there is none. */
static const char *first_folder(const char *address)
{
	const char *path = strchr(address + strlen(SCHEME), '/');
	const char *at = strrchr(address, '/'), *found = NULL;

	while (path != NULL && at > path) {
		const char *slash = at - 1;

		while (*slash != '/')
			slash--;
		if (memchr(slash, '=', (size_t)(at - slash)) == NULL)
			break;
		found = at = slash;
	}
	return found;
}

/* Appends PARTITION (…) LOCATION '…' of the folders right above the file. */
static bool add_partition(const char *address, struct buf *out)
{
	const char *end = strrchr(address, '/');
	const char *at = strncmp(address, SCHEME, strlen(SCHEME)) == 0
			     ? first_folder(address)
			     : NULL;
	bool first = true, good;
	size_t from;

	if (at == NULL)
		return false;
	buf_str(out, " partition (");
	for (at++; at < end; at = strchr(at, '/') + 1, first = false) {
		if (!add_pair(at, strcspn(at, "/"), first, out))
			return false;
	}
	buf_str(out, ") location '");
	from = out->len;
	buf_add(out, address, (size_t)(end + 1 - address));
	good = is_plain(out, from);
	buf_char(out, '\'');
	return good;
}

/* The URL of a file has its address with escapes of its own. */
static int add_file(const char *url, struct buf *out, struct err *e)
{
	struct buf address;
	bool good;

	buf_init(&address, LONG);
	add_unescaped(url, strlen(url), &address);
	good = address.data != NULL && add_partition(address.data, out);
	buf_free(&address);
	if (good)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "%s: the file lies in no folder of a partition, such as "
	    "s3://bucket/sales/dt=2026-01-02/, whose name Athena's DDL takes",
	    url);
}

/* ---- statements ---- */

static void finish(json_t *all, struct buf *statement, int *count)
{
	if (*count > 0)
		json_array_append_new(all, json_string(statement->data));
	buf_clear(statement);
	*count = 0;
}

static int add_all(const json_t *files, const struct parts *p, json_t *all,
    struct buf *statement, struct err *e)
{
	json_t *seen = json_object();
	const json_t *file;
	int count = 0, rc = 0;
	struct buf one;
	size_t i;

	buf_init(&one, LONG);
	json_array_foreach(files, i, file)
	{
		buf_clear(&one);
		rc = add_file(json_str(file, "url", ""), &one, e);
		if (rc != 0)
			break;
		if (json_object_get(seen, one.data) != NULL)
			continue;
		json_object_set_new(seen, one.data, json_true());
		if (count == MANY || statement->len + one.len > LONG)
			finish(all, statement, &count);
		if (count++ == 0)
			buf_printf(statement,
			    "alter table %.*s add if not exists",
			    (int)p->table_len, p->table);
		buf_add(statement, one.data, one.len);
	}
	finish(all, statement, &count);
	buf_free(&one);
	json_decref(seen);
	return rc;
}

json_t *partitions_statements(const char *sql, struct err *e)
{
	json_t *all = json_array(), *files = NULL;
	struct buf statement;
	struct parts p;
	char *text;
	int rc = -1;

	split(sql, &p);
	if (strcasecmp(p.literal, "null") == 0)
		return all;
	text = statement_unquote(&p.literal);
	if (text != NULL && p.literal[strspn(p.literal, " \t\r\n")] == '\0')
		files = json_loads(text, 0, NULL);
	buf_init(&statement, 2 * LONG);
	if (json_is_array(files))
		rc = add_all(files, &p, all, &statement, e);
	else
		err_set(e, ERR_PERMANENT,
		    "ADD PARTITIONS FROM takes the outputs of another report, "
		    ":'after__KEY__outputs'");
	buf_free(&statement);
	json_decref(files);
	free(text);
	if (rc == 0)
		return all;
	json_decref(all);
	return NULL;
}
