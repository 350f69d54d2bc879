/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

void str_cut_utf8(char *s, size_t max)
{
	if (strlen(s) <= max)
		return;
	while (max > 0 && ((unsigned char)s[max] & 0xC0) == 0x80)
		max--;
	s[max] = '\0';
}

void str_shorten_utf8(char *s, size_t max)
{
	static const char more[] = "…";

	if (strlen(s) <= max)
		return;
	str_cut_utf8(s, max - strlen(more));
	strcat(s, more);
}

/* Returns the length in bytes of the character at s; 0 when it is malformed. */
static size_t utf8_char(const unsigned char *s, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xC2 ? 0
		     : s[0] < 0xE0 ? 2
		     : s[0] < 0xF0 ? 3
		     : s[0] < 0xF5 ? 4
				   : 0;
	uint32_t c;

	if (len < 2 || len > n)
		return len > n ? 0 : len;
	c = s[0] & (0x7Fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3Fu);
	}
	if (c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return 0;
	return len;
}

/* Returns how many bytes at s are certainly ASCII; looks at eight at a time. */
static size_t ascii_run(const char *s, size_t n)
{
	static const uint64_t high = 0x8080808080808080;
	size_t run = 0;
	uint64_t word;

	for (; run + sizeof(word) <= n; run += sizeof(word)) {
		memcpy(&word, s + run, sizeof(word));
		if ((word & high) != 0)
			break;
	}
	return run;
}

bool str_is_utf8(const char *s, size_t n)
{
	while (n > 0) {
		size_t len = ascii_run(s, n);

		if (len == 0)
			len = utf8_char((const unsigned char *)s, n);

		if (len == 0)
			return false;
		s += len;
		n -= len;
	}
	return true;
}

void str_clean_utf8(char *s)
{
	size_t n = strlen(s);

	while (n > 0) {
		size_t len = utf8_char((const unsigned char *)s, n);

		if (len == 0) {
			*s = '?';
			len = 1;
		}
		s += len;
		n -= len;
	}
}

uint32_t str_hidden(const char *s, size_t *len)
{
	/* Unicode 15, DerivedGeneralCategory.txt: Cc above ASCII, Zl, Zp, and
	 * Cf except the signs that are visible. */
	static const uint32_t ranges[][2] = {{0x80, 0x9F}, {0xAD, 0xAD},
	    {0x61C, 0x61C}, {0x180E, 0x180E}, {0x200B, 0x200F},
	    {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF},
	    {0xFFF9, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
	    {0xE0000, 0xE007F}};
	const unsigned char *u = (const unsigned char *)s;
	uint32_t c;

	/* Nearly all text is ASCII, below all ranges. */
	*len = 1;
	if (u[0] < 0xC2)
		return 0;
	*len = utf8_char(u, strnlen(s, 4));
	if (*len < 2) {
		*len = 1;
		return 0;
	}
	c = u[0] & (0x7Fu >> *len);
	for (size_t i = 1; i < *len; i++)
		c = c << 6 | (u[i] & 0x3Fu);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return c;
	}
	return 0;
}

bool str_is_joiner(uint32_t c)
{
	return c == 0x200C || c == 0x200D;
}

void str_mask_hidden(char *s)
{
	char *to = s;
	size_t len;

	for (; *s != '\0'; s += len) {
		uint32_t c = str_hidden(s, &len);

		if (c != 0 && !str_is_joiner(c)) {
			*to++ = '_';
			continue;
		}
		memmove(to, s, len);
		to += len;
	}
	*to = '\0';
}

void str_show_hidden(char *s, size_t size)
{
	size_t len, used;
	char *rest, *at = s;

	while (*at != '\0' && str_hidden(at, &len) == 0)
		at += len;
	if (*at == '\0')
		return;
	rest = mem_strdup(at);
	used = (size_t)(at - s);
	for (const char *from = rest; *from != '\0'; from += len) {
		uint32_t c = str_hidden(from, &len);
		char one[16];
		int n =
		    c != 0 ? snprintf(one, sizeof(one), "<U+%04X>", c)
			   : snprintf(one, sizeof(one), "%.*s", (int)len, from);

		if (used + (size_t)n >= size)
			break;
		memcpy(s + used, one, (size_t)n);
		used += (size_t)n;
	}
	s[used] = '\0';
	free(rest);
}

bool str_has_control(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7F)
			return true;
	}
	return false;
}

bool str_path_within(const char *path, const char *prefix)
{
	for (;;) {
		size_t n, m;

		path += strspn(path, "/");
		prefix += strspn(prefix, "/");
		if (*prefix == '\0')
			return true;
		n = strcspn(prefix, "/");
		m = strcspn(path, "/");
		if (n != m || strncmp(path, prefix, n) != 0)
			return false;
		path += m;
		prefix += n;
	}
}

void str_copy(char *to, size_t size, const char *s)
{
	size_t n = strnlen(s, size - 1);

	memcpy(to, s, n);
	to[n] = '\0';
}

int str_to_i64(const char *s, int64_t *out)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(s, &end, 10);
	if (end == s || *end != '\0' || errno != 0 ||
	    isspace((unsigned char)*s))
		return -1;
	*out = v;
	return 0;
}

struct unit {
	const char *name;
	int64_t factor;
};

static int with_unit(const char *s, const struct unit *units, int64_t *out)
{
	char digits[24];
	size_t n = strspn(s, "0123456789");
	int64_t v;

	if (n == 0 || n >= sizeof(digits))
		return -1;
	memcpy(digits, s, n);
	digits[n] = '\0';
	if (str_to_i64(digits, &v) != 0)
		return -1;
	s += n + strspn(s + n, " ");
	for (; units->name != NULL; units++) {
		if (strcasecmp(s, units->name) == 0)
			return __builtin_mul_overflow(v, units->factor, out)
				   ? -1
				   : 0;
	}
	return -1;
}

int str_to_ms(const char *s, int64_t *ms)
{
	static const struct unit units[] = {{"", 1000}, {"ms", 1}, {"s", 1000},
	    {"min", 60000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
	    {NULL, 0}};

	return with_unit(s, units, ms);
}

int str_to_bytes(const char *s, int64_t *bytes)
{
	static const struct unit units[] = {{"", 1}, {"B", 1}, {"kB", 1 << 10},
	    {"KiB", 1 << 10}, {"MB", 1 << 20}, {"MiB", 1 << 20},
	    {"GB", 1 << 30}, {"GiB", 1 << 30}, {"TB", (int64_t)1 << 40},
	    {"TiB", (int64_t)1 << 40}, {NULL, 0}};

	return with_unit(s, units, bytes);
}

int str_to_bool(const char *s, bool *out)
{
	static const char *const words[] = {
	    "off", "on", "false", "true", "no", "yes", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcasecmp(s, words[i]) == 0) {
			*out = i % 2 != 0;
			return 0;
		}
	}
	return -1;
}

int str_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void str_hex(char *to, const unsigned char *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (; n > 0; n--, bytes++) {
		*to++ = digits[*bytes >> 4];
		*to++ = digits[*bytes & 15];
	}
	*to = '\0';
}
