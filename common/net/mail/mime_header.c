/* SPDX-License-Identifier: MIT */
#include "net/mail/mime_header.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/str.h"

/* Characters in a line: RFC 5322 asks for 78, RFC 2047 for 76 with encoded
 * words. */
#define LINE_MAX_ENCODED 76
#define LINE_MAX_PLAIN 78
/* A longer word or parameter is encoded, because encoded text can be folded. */
#define WORD_PLAIN_MAX 60
/* "=?UTF-8?B?" and "?=" enclose an encoded word of at most 75 characters in
 * all, which leaves 45 bytes of text. */
#define ENCODED_FRAME 12
#define ENCODED_BYTES 45
#define ENCODED_LEAST 12

int mime_header_check(const char *what, const char *text, struct err *e)
{
	if (!str_is_utf8(text, strlen(text)))
		return err_set(e, ERR_PERMANENT, "%s is not UTF-8", what);
	for (const char *s = text; *s != '\0'; s++) {
		if (*s == '\r' || *s == '\n')
			return err_set(e, ERR_PERMANENT,
			    "%s holds a line break, which no header of a mail "
			    "may; take it out",
			    what);
		if ((unsigned char)*s < 0x20 || *s == 0x7F)
			return err_set(e, ERR_PERMANENT,
			    "%s holds a control character (code %d); take it "
			    "out",
			    what, *s);
	}
	return 0;
}

bool mime_header_is_ascii(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 0x20 || *text > 0x7E)
			return false;
	}
	return true;
}

/* ---- folding ---- */

struct fold {
	struct buf *b;
	size_t line; /* characters in the line so far */
	bool begun;  /* there is text after the header's name */
};

static struct fold begin(struct buf *b, const char *name)
{
	buf_printf(b, "%s:", name);
	return (struct fold){.b = b, .line = strlen(name) + 1};
}

/* Adds a token after a space, on a new line when it does not fit into this one.
 * The first token stays beside the header's name, because some programs misread
 * a header whose first line holds only its name. */
static void add(struct fold *f, const char *token, size_t len, size_t limit)
{
	if (f->line + 1 + len > limit && f->begun) {
		buf_str(f->b, "\r\n");
		f->line = 0;
	}
	buf_char(f->b, ' ');
	buf_add(f->b, token, len);
	f->line += 1 + len;
	f->begun = true;
}

static void add_plain_words(struct fold *f, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		add(f, text, n, LINE_MAX_PLAIN);
		text += n + strspn(text + n, " ");
	}
}

/* Returns the largest length up to n bytes that ends with a whole character. */
static size_t whole_characters(const char *text, size_t n)
{
	if (strnlen(text, n + 1) <= n)
		return strlen(text);
	while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
		n--;
	return n;
}

/* Adds encoded words. Readers drop the spaces between encoded words, so the
 * words contain the text's own spaces. */
static void add_encoded_words(struct fold *f, const char *text)
{
	char word[ENCODED_FRAME + ENCODED_BYTES / 3 * 4 + 1];

	while (*text != '\0') {
		size_t taken = f->line + 1 + ENCODED_FRAME, n = 0;
		int len;

		if (taken < LINE_MAX_ENCODED)
			n = (LINE_MAX_ENCODED - taken) / 4 * 3;
		if (n < ENCODED_LEAST || n > ENCODED_BYTES)
			n = ENCODED_BYTES;
		n = whole_characters(text, n);
		memcpy(word, "=?UTF-8?B?", 10);
		len = EVP_EncodeBlock((unsigned char *)word + 10,
		    (const unsigned char *)text, (int)n);
		memcpy(word + 10 + len, "?=", 2);
		add(f, word, (size_t)len + ENCODED_FRAME, LINE_MAX_ENCODED);
		text += n;
	}
}

/* ---- texts ---- */

static size_t longest_word(const char *text)
{
	size_t most = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		most = n > most ? n : most;
		text += n + strspn(text + n, " ");
	}
	return most;
}

/* Says whether the text can go out plain: it can be folded at single spaces and
 * does not look like an encoded word. */
static bool goes_plain(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && mime_header_is_ascii(text) &&
	       strstr(text, "=?") == NULL && strstr(text, "  ") == NULL &&
	       text[0] != ' ' && text[n - 1] != ' ' &&
	       longest_word(text) <= WORD_PLAIN_MAX;
}

void mime_header_text(struct buf *b, const char *name, const char *text)
{
	struct fold f = begin(b, name);

	if (goes_plain(text))
		add_plain_words(&f, text);
	else
		add_encoded_words(&f, text);
	buf_str(b, "\r\n");
}

/* ---- addresses ---- */

static bool is_atoms(const char *text)
{
	static const char atext[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "!#$%&'*+-/=?^_`{|}~ ";

	return text[strspn(text, atext)] == '\0';
}

static void add_quoted(struct fold *f, const char *text)
{
	char word[2 * WORD_PLAIN_MAX + 3], *w = word;

	*w++ = '"';
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			*w++ = '\\';
		*w++ = *text;
	}
	*w++ = '"';
	add(f, word, (size_t)(w - word), LINE_MAX_PLAIN);
}

static void add_name(struct fold *f, const char *name)
{
	bool plain = goes_plain(name);

	if (plain && is_atoms(name))
		add_plain_words(f, name);
	else if (plain && strlen(name) <= WORD_PLAIN_MAX)
		add_quoted(f, name);
	else
		add_encoded_words(f, name);
}

static void add_address(
    struct fold *f, const struct mime_address *a, const char *comma)
{
	bool named = a->name != NULL && *a->name != '\0';
	struct buf token;

	if (named)
		add_name(f, a->name);
	buf_init(&token, 1024);
	buf_printf(&token, named ? "<%s>%s" : "%s%s", a->mailbox, comma);
	add(f, token.data, token.len, LINE_MAX_PLAIN);
	buf_free(&token);
}

void mime_header_addresses(
    struct buf *b, const char *name, const struct mime_address *list, int count)
{
	struct fold f = begin(b, name);

	if (count == 0)
		buf_str(b, " undisclosed-recipients:;");
	for (int i = 0; i < count; i++)
		add_address(&f, &list[i], i + 1 < count ? "," : "");
	buf_str(b, "\r\n");
}

/* ---- parameters ---- */

static void add_parameter_plain(
    struct buf *b, const char *parameter, const char *text)
{
	buf_printf(b, ";\r\n %s=\"", parameter);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_char(b, '\\');
		buf_char(b, *text);
	}
	buf_char(b, '"');
}

static bool is_attribute_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c != '\0' && strchr("-._", c));
}

static size_t add_byte(struct buf *b, char c)
{
	if (is_attribute_char(c)) {
		buf_char(b, c);
		return 1;
	}
	buf_printf(b, "%%%02X", (unsigned char)c);
	return 3;
}

static size_t extended_size(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += is_attribute_char(*text) ? 1 : 3;
	return n;
}

/* Writes filename*=UTF-8''... by RFC 2231, or, when it does not fit into a
 * line, filename*0*=UTF-8''...; filename*1*=... */
static void add_parameter_extended(
    struct buf *b, const char *parameter, const char *text)
{
	size_t line = LINE_MAX_PLAIN;
	int section = 0;

	if (strlen(parameter) + extended_size(text) + 10 < LINE_MAX_PLAIN) {
		buf_printf(b, ";\r\n %s*=UTF-8''", parameter);
		for (; *text != '\0'; text++)
			add_byte(b, *text);
		return;
	}
	for (; *text != '\0'; text++) {
		/* Readers decode each section by itself, so a section holds
		 * whole characters, of at most 4 bytes. */
		if (((unsigned char)*text & 0xC0) != 0x80 &&
		    line + 4 * 3 + 1 > LINE_MAX_PLAIN) {
			size_t before;

			buf_str(b, ";\r\n");
			before = b->len;
			buf_printf(b, " %s*%d*=%s", parameter, section,
			    section == 0 ? "UTF-8''" : "");
			section++;
			line = b->len - before;
		}
		line += add_byte(b, *text);
	}
}

void mime_header_parameter(struct buf *b, const char *name, const char *value,
    const char *parameter, const char *text)
{
	buf_printf(b, "%s: %s", name, value);
	if (mime_header_is_ascii(text) && strlen(text) <= WORD_PLAIN_MAX)
		add_parameter_plain(b, parameter, text);
	else
		add_parameter_extended(b, parameter, text);
	buf_str(b, "\r\n");
}

void mime_header_fallback(struct buf *b, const char *name, const char *value,
    const char *parameter, const char *text)
{
	const char *dot = strrchr(text, '.');
	char plain[WORD_PLAIN_MAX + 1];
	size_t n = 0, tail = 0;

	/* A name that is cut keeps its extension. */
	if (dot != NULL && strlen(dot) < WORD_PLAIN_MAX / 2)
		tail = strlen(dot);
	for (const char *s = text; *s != '\0'; s++) {
		if (((unsigned char)*s & 0xC0) == 0x80)
			continue;
		if (tail > 0 && s < dot && n + tail >= WORD_PLAIN_MAX)
			s = dot;
		if (n < WORD_PLAIN_MAX)
			plain[n++] = *s < 0x20 || *s > 0x7E ? '_' : *s;
	}
	plain[n] = '\0';
	buf_printf(b, "%s: %s", name, value);
	add_parameter_plain(b, parameter, plain);
	buf_str(b, "\r\n");
}

void mime_header_date(struct buf *b, time_t date)
{
	static const char days[][4] = {
	    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm tm;

	gmtime_r(&date, &tm);
	buf_printf(b, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
}
