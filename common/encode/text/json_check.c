/* SPDX-License-Identifier: MIT */
#include "encode/text/json_check.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Functions that read a part of JSON return the place after it; NULL when the
 * text there is not that part. */
struct scan {
	const char *end;
	struct json_seen *seen;
	int depth;
	bool deep;
	/* closing bracket of each open level: } or ] */
	char closing[JSON_DEPTH_MAX];
};

#define EACH(byte) (0x0101010101010101u * (unsigned char)(byte))

/* Reads eight bytes; the first one becomes the lowest. */
static inline uint64_t word_at(const char *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return le64toh(w);
}

/* Returns how many bytes precede the first one whose highest bit is set. */
static inline int unmarked(uint64_t marks)
{
	return __builtin_ctzll(marks & EACH(0x80)) / 8;
}

/* Sets the highest bit of each byte that is less than n (at most 0x80). Bytes
 * after the first marked one may be marked wrongly. From "Bit Twiddling Hacks",
 * by S. E. Anderson. */
static inline uint64_t less(uint64_t w, unsigned char n)
{
	return (w - EACH(n)) & ~w & EACH(0x80);
}

static inline const char *skip_space(const struct scan *s, const char *p)
{
	for (; p < s->end && (unsigned char)*p <= ' '; p++) {
		if (*p == '\n' || *p == '\r')
			s->seen->breaks = true;
		else if (*p != ' ' && *p != '\t')
			break;
	}
	return p;
}

static inline bool is_at(const struct scan *s, const char *p, char c)
{
	return p < s->end && *p == c;
}

/* Reads digits, at least one. */
static inline const char *digits(const struct scan *s, const char *p)
{
	const char *from = p;

	while (s->end - p >= 8) {
		uint64_t w = word_at(p) ^ EACH('0');
		uint64_t others = ((w + EACH(0x76)) | w) & EACH(0x80);

		if (others != 0) {
			p += unmarked(others);
			return p > from ? p : NULL;
		}
		p += 8;
	}
	while (p < s->end && *p >= '0' && *p <= '9')
		p++;
	return p > from ? p : NULL;
}

static inline const char *number(const struct scan *s, const char *p)
{
	p += is_at(s, p, '-');
	p = is_at(s, p, '0') ? p + 1 : digits(s, p);
	if (p != NULL && is_at(s, p, '.'))
		p = digits(s, p + 1);
	if (p == NULL || p == s->end || (*p | 0x20) != 'e')
		return p;
	p++;
	p += is_at(s, p, '+') || is_at(s, p, '-');
	return digits(s, p);
}

static const char *word(const struct scan *s, const char *p, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(s->end - p) >= len && memcmp(p, word, len) == 0
		   ? p + len
		   : NULL;
}

/* Returns the value of the four digits of \uXXXX, or -1. */
static int hex4(const char *s)
{
	int code = 0;

	for (int i = 0; i < 4; i++) {
		char c = (char)(s[i] | 0x20);

		if (s[i] >= '0' && s[i] <= '9')
			code = code << 4 | (s[i] - '0');
		else if (c >= 'a' && c <= 'f')
			code = code << 4 | (c - 'a' + 10);
		else
			return -1;
	}
	return code;
}

/* Returns the code of \uXXXX at s, or -1. */
static int code_at(const char *s, const char *end)
{
	return end - s >= 6 && s[0] == '\\' && s[1] == 'u' ? hex4(s + 2) : -1;
}

/* Returns the length in bytes of the escape at s, which stands for one
 * character; 0 when there is none. *half is set when it is a surrogate without
 * its other half. */
static int escape(const char *s, const char *end, bool *half)
{
	int code = code_at(s, end), next;

	*half = false;
	if (code < 0)
		return end - s >= 2 && s[1] != '\0' &&
			       strchr("\"\\/bfnrt", s[1]) != NULL
			   ? 2
			   : 0;
	if (code < 0xD800 || code > 0xDFFF)
		return 6;
	next = code < 0xDC00 ? code_at(s + 6, end) : -1;
	if (next >= 0xDC00 && next <= 0xDFFF)
		return 12;
	*half = true;
	return 6;
}

/* Skips to the first quote, backslash or control character, or to the end. */
static inline const char *skip_plain(const struct scan *s, const char *p)
{
	while (s->end - p >= 8) {
		uint64_t w = word_at(p);
		uint64_t marks = less(w ^ EACH('"'), 1) |
				 less(w ^ EACH('\\'), 1) | less(w, 0x20);

		if (marks != 0)
			return p + unmarked(marks);
		p += 8;
	}
	while (
	    p < s->end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* Reads a string from the byte after its opening quote. */
static inline const char *string(const struct scan *s, const char *p)
{
	for (;;) {
		bool half;
		int len;

		p = skip_plain(s, p);
		if (p == s->end)
			return NULL;
		if (*p == '"')
			return p + 1;
		len = *p == '\\' ? escape(p, s->end, &half) : 0;
		if (len == 0)
			return NULL;
		s->seen->halves += half;
		p += len;
	}
}

/* Reads the "name": of a member, up to its value. */
static inline const char *member(const struct scan *s, const char *p)
{
	p = skip_space(s, p);
	p = is_at(s, p, '"') ? string(s, p + 1) : NULL;
	if (p == NULL)
		return NULL;
	p = skip_space(s, p);
	return is_at(s, p, ':') ? p + 1 : NULL;
}

/* Reads a scalar, whose first byte is at p. */
static inline const char *scalar(const struct scan *s, const char *p)
{
	switch (*p) {
	case '"':
		return string(s, p + 1);
	case 't':
		return word(s, p, "true");
	case 'f':
		return word(s, p, "false");
	case 'n':
		return word(s, p, "null");
	default:
		return number(s, p);
	}
}

/* Closes the levels that end after a value, up to a comma, or until no level is
 * open. */
static inline const char *close_all(struct scan *s, const char *p)
{
	for (; s->depth > 0; s->depth--, p++) {
		char closing = s->closing[s->depth - 1];

		p = skip_space(s, p);
		if (is_at(s, p, ','))
			return closing == '}' ? member(s, p + 1) : p + 1;
		if (!is_at(s, p, closing))
			return NULL;
	}
	return p;
}

/* Reads a whole value, or the opening brace or bracket of one up to the first
 * value in it. *whole is true when the value is complete. */
static inline const char *open_one(struct scan *s, const char *p, bool *whole)
{
	char closing;

	p = skip_space(s, p);
	*whole = true;
	if (p == s->end)
		return NULL;
	if (*p != '{' && *p != '[')
		return scalar(s, p);
	s->deep = s->depth == JSON_DEPTH_MAX;
	if (s->deep)
		return NULL;
	closing = *p == '{' ? '}' : ']';
	p = skip_space(s, p + 1);
	if (is_at(s, p, closing))
		return p + 1;
	*whole = false;
	s->closing[s->depth++] = closing;
	return closing == '}' ? member(s, p) : p;
}

static bool scan_text(struct scan *s, const char *p)
{
	bool whole;

	do {
		p = open_one(s, p, &whole);
		if (p != NULL && whole)
			p = close_all(s, p);
		if (p == NULL)
			return false;
	} while (s->depth > 0);
	return skip_space(s, p) == s->end;
}

int json_check(const struct value *text, struct json_seen *seen, struct err *e)
{
	struct scan s; /* `closing` is set only up to the depth */
	int shown = text->len < 60 ? text->len : 60;

	*seen = (struct json_seen){0};
	s.end = text->data + text->len;
	s.seen = seen;
	s.depth = 0;
	s.deep = false;
	if (scan_text(&s, text->data))
		return 0;
	if (s.deep)
		return err_set(e, ERR_PERMANENT,
		    "json of more than %d levels, which many programs cannot "
		    "read; take the parts that are wanted, or cast it to text "
		    "in the query",
		    JSON_DEPTH_MAX);
	return err_set(e, ERR_PERMANENT,
	    "the source calls json what is none: %.*s%s", shown, text->data,
	    shown < text->len ? "..." : "");
}

void json_mend(const struct value *text, char *to)
{
	const char *s = text->data, *end = s + text->len;

	while (s < end) {
		const char *at = memchr(s, '\\', (size_t)(end - s));
		size_t len = (size_t)((at ? at : end) - s);
		bool half;

		memcpy(to, s, len);
		to += len;
		if (at == NULL)
			return;
		len = (size_t)escape(at, end, &half);
		memcpy(to, half ? "\\ufffd" : at, len);
		to += len;
		s = at + len;
	}
}

const char *json_remark(char *to, int64_t halves)
{
	if (halves == 0)
		return NULL;
	snprintf(to, JSON_REMARK,
	    "%" PRId64 " half surrogate pair%s (as \\ud800) in json became "
	    "\\ufffd",
	    halves, halves == 1 ? "" : "s");
	return to;
}
