/* SPDX-License-Identifier: MIT */
#include "encode/text/charset.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct charset {
	iconv_t cd;
	bool raw;
	char *name;
};

/* PostgreSQL's names ("Character Set Support") where iconv's differ. */
static const char *const names[][2] = {
    {"LATIN1", "ISO-8859-1"},
    {"LATIN2", "ISO-8859-2"},
    {"LATIN3", "ISO-8859-3"},
    {"LATIN4", "ISO-8859-4"},
    {"LATIN5", "ISO-8859-9"},
    {"LATIN6", "ISO-8859-10"},
    {"LATIN7", "ISO-8859-13"},
    {"LATIN8", "ISO-8859-14"},
    {"LATIN9", "ISO-8859-15"},
    {"LATIN10", "ISO-8859-16"},
    {"ISO_8859_5", "ISO-8859-5"},
    {"ISO_8859_6", "ISO-8859-6"},
    {"ISO_8859_7", "ISO-8859-7"},
    {"ISO_8859_8", "ISO-8859-8"},
    {"KOI8R", "KOI8-R"},
    {"KOI8U", "KOI8-U"},
    {"WIN866", "CP866"},
    {"WIN874", "CP874"},
    {"WIN1250", "CP1250"},
    {"WIN1251", "CP1251"},
    {"WIN1252", "CP1252"},
    {"WIN1253", "CP1253"},
    {"WIN1254", "CP1254"},
    {"WIN1255", "CP1255"},
    {"WIN1256", "CP1256"},
    {"WIN1257", "CP1257"},
    {"WIN1258", "CP1258"},
    /* Of the vendors' variants the ones that PostgreSQL's tables follow. */
    {"SJIS", "IBM943"},
    {"EUC_JP", "EUC-JP-MS"},
    {"BIG5", "BIG5-HKSCS"},
    {"EUC_JIS_2004", "EUC-JISX0213"},
    {"SHIFT_JIS_2004", "SHIFT_JISX0213"},
    {"EUC_KR", "EUC-KR"},
    {"EUC_CN", "EUC-CN"},
    {"EUC_TW", "EUC-TW"},
};

/* As PostgreSQL compares them (encnames.c): case and punctuation do not count. */
static bool same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a != '\0' && !isalnum((unsigned char)*a))
			a++;
		while (*b != '\0' && !isalnum((unsigned char)*b))
			b++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (*a == '\0')
			return true;
	}
}

bool charset_is_utf8(const char *name)
{
	return same_name(name, "UTF8") || same_name(name, "UNICODE");
}

bool charset_is_raw(const char *name)
{
	return same_name(name, "SQL_ASCII");
}

struct charset *charset_open(const char *postgres_name, struct err *e)
{
	struct charset *c = mem_zalloc(sizeof(*c));
	const char *name = postgres_name;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (same_name(names[i][0], postgres_name))
			name = names[i][1];
	}
	c->name = mem_strdup(postgres_name);
	c->raw = charset_is_raw(postgres_name);
	/* iconv_open takes "" for the locale's, and suffixes such as //IGNORE
	 * that would replace characters. */
	c->cd = c->raw || *name == '\0' || strchr(name, '/') != NULL
		    ? (iconv_t)-1
		    : iconv_open(name, "UTF-8");
	if (!c->raw && c->cd == (iconv_t)-1) {
		err_set(e, ERR_PERMANENT,
		    "output_options: encoding \"%s\" is not known here",
		    postgres_name);
		charset_close(c);
		return NULL;
	}
	return c;
}

/* The character at s, for a message: U+20AC and how it looks. */
static int refuse(
    const struct charset *c, const char *s, size_t left, struct err *e)
{
	unsigned char first = (unsigned char)*s;
	int len = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
	unsigned long code = len == 1 ? first : first & (0x7Fu >> len);

	if ((size_t)len > left)
		len = (int)left;
	if (!str_is_utf8(s, (size_t)len))
		return err_set(e, ERR_PERMANENT,
		    "the data is not valid UTF-8 (byte 0x%02X), so it cannot "
		    "be written as %s; encoding SQL_ASCII passes it as it is",
		    first, c->name);
	for (int i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)s[i] & 0x3F);
	return err_set(e, ERR_PERMANENT,
	    "character U+%04lX (%.*s) does not exist in encoding %s; export "
	    "as UTF8 or replace it in the query",
	    code, len, s, c->name);
}

int charset_write(struct charset *c, const char *data, size_t len,
    struct sink *to, struct err *e)
{
	char out[64 << 10];
	char *in = (char *)(uintptr_t)data;

	if (c->raw)
		return sink_write(to, data, len, e);
	while (len > 0) {
		char *at = out;
		size_t room = sizeof(out);
		size_t n = iconv(c->cd, &in, &len, &at, &room);

		if (n == (size_t)-1 && errno != E2BIG)
			return refuse(c, in, len, e);
		if (sink_write(to, out, (size_t)(at - out), e) != 0)
			return -1;
	}
	return 0;
}

void charset_close(struct charset *c)
{
	if (c == NULL)
		return;
	if (c->cd != (iconv_t)-1)
		iconv_close(c->cd);
	free(c->name);
	free(c);
}
