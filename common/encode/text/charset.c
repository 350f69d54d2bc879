/* SPDX-License-Identifier: MIT */
#include "encode/text/charset.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"

/* PIECE bytes of UTF-8 are converted at a time; ROOM bytes hold the result in
 * any encoding. */
#define PIECE ((size_t)8 << 10)
#define ROOM ((size_t)64 << 10)

struct encoding {
	const char *name;  /* name in PostgreSQL ("Character Set Support") */
	const char *iconv; /* name in iconv; NULL: bytes pass unchanged */
	bool exact;        /* iconv and PostgreSQL agree on all characters */
};

struct charset {
	const struct encoding *encoding;
	iconv_t to, back; /* back: open only if not exact */
};

/* A test checks `exact` against iconv and PostgreSQL. Where the two differ, the
 * cause is characters that have several code points in a vendor's set. */
static const struct encoding encodings[] = {
    {"UTF8", "UTF-8", true},
    {"SQL_ASCII", NULL, true},
    {"LATIN1", "ISO-8859-1", true},
    {"LATIN2", "ISO-8859-2", true},
    {"LATIN3", "ISO-8859-3", true},
    {"LATIN4", "ISO-8859-4", true},
    {"LATIN5", "ISO-8859-9", true},
    {"LATIN6", "ISO-8859-10", true},
    {"LATIN7", "ISO-8859-13", true},
    {"LATIN8", "ISO-8859-14", true},
    {"LATIN9", "ISO-8859-15", true},
    {"LATIN10", "ISO-8859-16", true},
    {"ISO_8859_5", "ISO-8859-5", true},
    {"ISO_8859_6", "ISO-8859-6", true},
    {"ISO_8859_7", "ISO-8859-7", true},
    {"ISO_8859_8", "ISO-8859-8", true},
    {"KOI8R", "KOI8-R", true},
    {"KOI8U", "KOI8-U", true},
    {"WIN866", "CP866", true},
    {"WIN874", "CP874", true},
    {"WIN1250", "CP1250", true},
    {"WIN1251", "CP1251", true},
    {"WIN1252", "CP1252", true},
    {"WIN1253", "CP1253", true},
    {"WIN1254", "CP1254", true},
    {"WIN1256", "CP1256", true},
    {"WIN1257", "CP1257", true},
    {"EUC_CN", "EUC-CN", true},
    {"GBK", "GBK", true},
    /* The Windows variant is taken where a vendor's set has several. */
    {"WIN1255", "CP1255", false},
    {"WIN1258", "CP1258", false},
    {"SJIS", "CP932", false},
    {"EUC_JP", "EUC-JP-MS", false},
    {"EUC_JIS_2004", "EUC-JISX0213", false},
    {"SHIFT_JIS_2004", "SHIFT_JISX0213", false},
    {"BIG5", "CP950", false},
    {"EUC_TW", "EUC-TW", false},
    {"EUC_KR", "EUC-KR", false},
    {"UHC", "UHC", false},
    {"JOHAB", "JOHAB", false},
    {"GB18030", "GB18030", false},
};

/* Other names of encodings, from encnames.c of PostgreSQL. */
static const char *const aliases[][2] = {
    {"UNICODE", "UTF8"},
    {"ISO_8859_1", "LATIN1"},
    {"ISO_8859_2", "LATIN2"},
    {"ISO_8859_3", "LATIN3"},
    {"ISO_8859_4", "LATIN4"},
    {"ISO_8859_9", "LATIN5"},
    {"ISO_8859_10", "LATIN6"},
    {"ISO_8859_13", "LATIN7"},
    {"ISO_8859_14", "LATIN8"},
    {"ISO_8859_15", "LATIN9"},
    {"ISO_8859_16", "LATIN10"},
    {"KOI8", "KOI8R"},
    {"MSKANJI", "SJIS"},
    {"SHIFT_JIS", "SJIS"},
    {"WIN932", "SJIS"},
    {"WINDOWS932", "SJIS"},
    {"WIN936", "GBK"},
    {"WINDOWS936", "GBK"},
    {"WIN949", "UHC"},
    {"WINDOWS949", "UHC"},
    {"WIN950", "BIG5"},
    {"WINDOWS950", "BIG5"},
    {"ALT", "WIN866"},
    {"WIN", "WIN1251"},
    {"WINDOWS866", "WIN866"},
    {"WINDOWS874", "WIN874"},
    {"WINDOWS1250", "WIN1250"},
    {"WINDOWS1251", "WIN1251"},
    {"WINDOWS1252", "WIN1252"},
    {"WINDOWS1253", "WIN1253"},
    {"WINDOWS1254", "WIN1254"},
    {"WINDOWS1255", "WIN1255"},
    {"WINDOWS1256", "WIN1256"},
    {"WINDOWS1257", "WIN1257"},
    {"WINDOWS1258", "WIN1258"},
    {"ABC", "WIN1258"},
    {"TCVN", "WIN1258"},
    {"TCVN5712", "WIN1258"},
    {"VSCII", "WIN1258"},
};

/* Compares names as PostgreSQL does (encnames.c): letter case and punctuation
 * do not count. */
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

static const struct encoding *find(const char *name)
{
	for (size_t i = 0; i < sizeof(encodings) / sizeof(*encodings); i++) {
		if (same_name(encodings[i].name, name))
			return &encodings[i];
	}
	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++) {
		if (same_name(aliases[i][0], name))
			return find(aliases[i][1]);
	}
	return NULL;
}

bool charset_is_utf8(const char *name)
{
	return find(name) == &encodings[0];
}

bool charset_is_raw(const char *name)
{
	return same_name(name, "SQL_ASCII");
}

bool charset_is_exact(const char *name)
{
	const struct encoding *encoding = find(name);

	return encoding != NULL && encoding->exact;
}

int charset_check(const char *name, struct err *e)
{
	struct buf known;

	if (find(name) != NULL)
		return 0;
	buf_init(&known, 4096);
	for (size_t i = 0; i < sizeof(encodings) / sizeof(*encodings); i++)
		buf_printf(&known, "%s%s", i ? ", " : "", encodings[i].name);
	err_set(e, ERR_PERMANENT,
	    "output_options: encoding \"%s\" cannot be written; known: %s",
	    name, known.data);
	buf_free(&known);
	return -1;
}

struct charset *charset_open(const char *postgres_name, struct err *e)
{
	struct charset *c;

	if (charset_check(postgres_name, e) != 0)
		return NULL;
	c = mem_zalloc(sizeof(*c));
	c->encoding = find(postgres_name);
	c->to = c->back = (iconv_t)-1;
	if (c->encoding->iconv == NULL)
		return c;
	c->to = iconv_open(c->encoding->iconv, "UTF-8");
	if (!c->encoding->exact)
		c->back = iconv_open("UTF-8", c->encoding->iconv);
	if (c->to != (iconv_t)-1 &&
	    (c->encoding->exact || c->back != (iconv_t)-1))
		return c;
	err_set(e, ERR_PERMANENT,
	    "encoding %s: iconv(3) of this machine does not know %s; install "
	    "its character sets (gconv-modules-extra, locales)",
	    c->encoding->name, c->encoding->iconv);
	charset_close(c);
	return NULL;
}

/* Sets an error that shows the character at s by code point and glyph. */
static int refuse(
    const struct charset *c, const char *s, size_t left, struct err *e)
{
	const char *next = s;
	uint32_t code = utf8_next(&next, s + left);
	size_t len = (size_t)(next - s);

	if (!str_is_utf8(s, len))
		return err_set(e, ERR_PERMANENT,
		    "the data is not valid UTF-8 (byte 0x%02X), so it cannot "
		    "be written as %s; encoding SQL_ASCII passes it as it is",
		    (unsigned char)*s, c->encoding->name);
	return err_set(e, ERR_PERMANENT,
	    "character U+%04lX (%.*s) does not exist in encoding %s; export "
	    "as UTF8 or replace it in the query",
	    (unsigned long)code, (int)len, s, c->encoding->name);
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

/* Returns how many bytes of the data to convert at a time. The piece ends with
 * an ASCII character if possible, as some encodings join a letter to the
 * character that follows. */
static size_t piece(const char *data, size_t len)
{
	size_t n = PIECE;

	if (len <= PIECE)
		return len;
	while (n > 0 && (unsigned char)data[n - 1] >= 0x80)
		n--;
	if (n > 0)
		return n;
	for (n = PIECE; n > PIECE - 4 && continues(data[n]); n--)
		;
	return n;
}

/* Converts all of the input, and flushes the characters that iconv holds back.
 * Returns the number of bytes made; -1 with *in at the character that cannot be
 * converted. */
static ssize_t convert(iconv_t cd, char **in, size_t len, char to[static ROOM])
{
	char *at = to;
	size_t room = ROOM;

	if (iconv(cd, in, &len, &at, &room) == (size_t)-1 ||
	    iconv(cd, NULL, NULL, &at, &room) == (size_t)-1)
		return -1;
	return at - to;
}

/* Refuses the first character that converts back to another one. */
static int check_back(struct charset *c, const char *data, size_t len,
    char *out, size_t made, struct err *e)
{
	char again[ROOM];
	ssize_t n = convert(c->back, &out, made, again);
	size_t same = 0;

	if (n == (ssize_t)len && memcmp(data, again, len) == 0)
		return 0;
	/* The converted bytes may end inside of a character, so iconv's state
	 * is reset. */
	iconv(c->back, NULL, NULL, NULL, NULL);
	while (n > 0 && same < len && same < (size_t)n &&
	       data[same] == again[same])
		same++;
	while (same > 0 && (same == len || continues(data[same])))
		same--;
	return refuse(c, data + same, len - same, e);
}

int charset_write(struct charset *c, const char *data, size_t len,
    struct sink *to, struct err *e)
{
	char out[ROOM];

	if (c->encoding->iconv == NULL)
		return sink_write(to, data, len, e);
	while (len > 0) {
		size_t n = piece(data, len);
		char *in = (char *)(uintptr_t)data;
		ssize_t made = convert(c->to, &in, n, out);

		if (made < 0)
			return refuse(c, in, len - (size_t)(in - data), e);
		if (!c->encoding->exact &&
		    check_back(c, data, n, out, (size_t)made, e) != 0)
			return -1;
		if (sink_write(to, out, (size_t)made, e) != 0)
			return -1;
		data += n;
		len -= n;
	}
	return 0;
}

void charset_close(struct charset *c)
{
	if (c == NULL)
		return;
	if (c->to != (iconv_t)-1)
		iconv_close(c->to);
	if (c->back != (iconv_t)-1)
		iconv_close(c->back);
	free(c);
}
