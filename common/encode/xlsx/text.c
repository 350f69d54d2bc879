/* SPDX-License-Identifier: MIT */
#include "encode/xlsx/text.h"

#include "encode/xlsx/put.h"

/* Marks bytes that may need an escape. */
static const uint8_t special[256] = {
    /* control characters except tab and line feed */
    [1] = 1,
    [2] = 1,
    [3] = 1,
    [4] = 1,
    [5] = 1,
    [6] = 1,
    [7] = 1,
    [8] = 1,
    [11] = 1,
    [12] = 1,
    [13] = 1,
    [14] = 1,
    [15] = 1,
    [16] = 1,
    [17] = 1,
    [18] = 1,
    [19] = 1,
    [20] = 1,
    [21] = 1,
    [22] = 1,
    [23] = 1,
    [24] = 1,
    [25] = 1,
    [26] = 1,
    [27] = 1,
    [28] = 1,
    [29] = 1,
    [30] = 1,
    [31] = 1,
    ['&'] = 1,
    ['<'] = 1,
    ['>'] = 1,
    ['_'] = 1,
    [0xEF] = 1,
};

/* Returns whether s begins with U+FFFE or U+FFFF, which XML forbids. */
static bool is_forbidden(const char *s, const char *end)
{
	return end - s >= 3 && (unsigned char)s[0] == 0xEF &&
	       (unsigned char)s[1] == 0xBF && (unsigned char)s[2] >= 0xBE;
}

bool xlsx_reads_as_escape(const char *s, const char *end)
{
	if (end - s < 7 || s[1] != 'x')
		return false;
	for (int i = 2; i < 6; i++) {
		char c = (char)(s[i] | 0x20);

		if ((s[i] < '0' || s[i] > '9') && (c < 'a' || c > 'f'))
			return false;
	}
	return s[6] == '_' ||
	       ((unsigned char)s[6] < ' ' && strchr("\t\n\r", s[6]) == NULL) ||
	       is_forbidden(s + 6, end);
}

/* Writes the special character at *s, or its first byte, and moves *s past what
 * was written. */
static char *put_special(char *p, const char **s, const char *end)
{
	const unsigned char c = (unsigned char)*(*s)++;

	switch (c) {
	case '&':
		return XLSX_PUT(p, "&amp;");
	case '<':
		return XLSX_PUT(p, "&lt;");
	case '>':
		return XLSX_PUT(p, "&gt;");
	case '\r': /* XML readers turn it into a line feed */
		return XLSX_PUT(p, "&#13;");
	case '_':
		if (xlsx_reads_as_escape(*s - 1, end))
			return XLSX_PUT(p, "_x005F_");
		break;
	case 0xEF:
		if (!is_forbidden(*s - 1, end))
			break;
		p = (unsigned char)(*s)[1] == 0xBE ? XLSX_PUT(p, "_xFFFE_")
						   : XLSX_PUT(p, "_xFFFF_");
		*s += 2;
		return p;
	default:
		memcpy(p, "_x0000_", 7);
		p[4] = (char)('0' + (c >> 4));
		p[5] = "0123456789ABCDEF"[c & 15];
		return p + 7;
	}
	*p++ = (char)c;
	return p;
}

char *xlsx_put_text(char *p, const char *s, const char *end)
{
	while (s < end) {
		if (special[(unsigned char)*s])
			p = put_special(p, &s, end);
		else
			*p++ = *s++;
	}
	return p;
}

/* How much wider than a digit letters are, in tenths, as in Calibri. Narrow
 * letters count as a digit, since other fonts stand in for it. */
static const uint8_t wider[128] = {
    ['%'] = 4,
    ['&'] = 4,
    ['@'] = 8,
    ['A'] = 2,
    ['B'] = 1,
    ['C'] = 1,
    ['D'] = 3,
    ['G'] = 3,
    ['H'] = 3,
    ['K'] = 1,
    ['M'] = 7,
    ['N'] = 3,
    ['O'] = 4,
    ['Q'] = 4,
    ['R'] = 1,
    ['U'] = 3,
    ['V'] = 2,
    ['W'] = 8,
    ['m'] = 6,
    ['w'] = 5,
};

/* Returns the width of a character by its first byte; none for others. Letters
 * with accents, Greek, Cyrillic and Armenian ones begin with 0xC3 to 0xD5, the
 * capitals of Cyrillic with 0xD0; a character of East Asia is as wide as two
 * digits. */
static int tenths(unsigned char c)
{
	if (c < 0x80)
		return 10 + wider[c];
	if (c < 0xC0)
		return 0;
	if (c >= 0xE3)
		return 20;
	if (c == 0xD0)
		return 14;
	return c >= 0xC3 && c <= 0xD5 ? 12 : 10;
}

long xlsx_text_width(const char *s, size_t len, long most)
{
	long n = 0;

	for (size_t i = 0; i < len && n <= most; i++)
		n += tenths((unsigned char)s[i]);
	return n;
}

size_t xlsx_text_fitting(const char *s, size_t len)
{
	size_t i = 0;
	int units = 0;

	while (i < len) {
		unsigned char c = (unsigned char)s[i];

		units += c >= 0xF0 ? 2 : 1;
		if (units > XLSX_TEXT_MAX)
			return i;
		i += c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
	}
	return len;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool xlsx_text_has_spaces(const char *s, size_t len)
{
	return len > 0 && (is_space(s[0]) || is_space(s[len - 1]));
}

void xlsx_text_guard(struct buf *b, const char *s)
{
	const char *end = s + strlen(s);

	for (; s < end; s++) {
		if (*s == '_' && xlsx_reads_as_escape(s, end))
			buf_str(b, "_x005F");
		buf_char(b, *s);
	}
}

/* ---- shared strings ---- */

/* Enough for the first rows, which a preview shows. A table of four times the
 * size does not fit into a processor's second cache: an export of 200,000 rows
 * took an eighth more of its time. */
#define STRINGS_BYTES ((size_t)1 << 20)
#define STRINGS_COUNT 8192

void xlsx_strings_open(struct xlsx_strings *t)
{
	dictionary_open(&t->known);
}

void xlsx_strings_close(struct xlsx_strings *t)
{
	dictionary_close(&t->known);
}

int xlsx_strings_index(struct xlsx_strings *t, const struct value *v)
{
	struct dictionary *d = &t->known;
	uint32_t index;

	if (d->count < STRINGS_COUNT &&
	    d->values.len + (size_t)v->len <= STRINGS_BYTES)
		return (int)dictionary_bytes(d, v);
	index = dictionary_find(d, v);
	return index < d->count ? (int)index : -1;
}

size_t xlsx_strings_count(const struct xlsx_strings *t)
{
	return t->known.count;
}

void xlsx_strings_add(const struct xlsx_strings *t, size_t index, struct buf *b)
{
	struct value v = dictionary_bytes_at(&t->known, index);
	size_t len = (size_t)v.len;
	char *p = buf_reserve(b, XLSX_ESCAPED * len + 64);

	if (p == NULL)
		return;
	p = xlsx_text_has_spaces(v.data, len)
		? XLSX_PUT(p, "<si><t xml:space=\"preserve\">")
		: XLSX_PUT(p, "<si><t>");
	p = xlsx_put_text(p, v.data, v.data + len);
	p = XLSX_PUT(p, "</t></si>");
	b->len = (size_t)(p - b->data);
}
