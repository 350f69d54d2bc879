/* SPDX-License-Identifier: MIT */
#include "http/head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>

#include "base/str.h"

/* Digits of a Content-Length; more would not fit. */
#define DIGITS_MAX 15

static const char *const methods[] = {
    [METHOD_OTHER] = "",
    [METHOD_GET] = "GET",
    [METHOD_HEAD] = "HEAD",
    [METHOD_POST] = "POST",
    [METHOD_PATCH] = "PATCH",
    [METHOD_DELETE] = "DELETE",
    [METHOD_OPTIONS] = "OPTIONS",
};

const char *head_method(enum method method)
{
	return methods[method];
}

static int refuse(struct head *h, int status, const char *why)
{
	h->status = status;
	h->why = why;
	return -1;
}

/* A character of a method or a field's name (RFC 9110, tchar). */
static bool is_token(char c)
{
	return isalnum((unsigned char)c) ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static size_t token_length(const char *s)
{
	size_t n = 0;

	while (is_token(s[n]))
		n++;
	return n;
}

/* Finds the end of the head. Returns its size; 0: more bytes are needed; -1: a
 * byte stands there that no head contains; -2: there are too many lines. */
static ssize_t measure(const char *data, size_t len)
{
	size_t line = 0;
	int lines = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c == '\n') {
			if (i == 0 || data[i - 1] != '\r')
				return -1;
			if (i - line == 1 && line > 0)
				return (ssize_t)i + 1;
			if (++lines > HEAD_FIELDS_MAX + 1)
				return -2;
			line = i + 1;
		} else if (i > 0 && data[i - 1] == '\r') {
			return -1;
		} else if ((c < 0x20 && c != '\r' && c != '\t') || c == 0x7f) {
			return -1;
		}
	}
	return 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes the %XX of a text in place (and `+` as a blank, with `form`). Returns
 * -1 for a code that is none, a control character, or bytes that are no
 * UTF-8. */
static int decode(char *text, bool form)
{
	char *to = text;

	for (const char *at = text; *at != '\0'; at++) {
		int c = (unsigned char)*at;

		if (c == '%') {
			int high = hex(at[1]), low = high < 0 ? -1 : hex(at[2]);

			if (low < 0)
				return -1;
			c = high * 16 + low;
			at += 2;
		} else if (c == '+' && form) {
			c = ' ';
		}
		if (c < 0x20 || c == 0x7f)
			return -1;
		*to++ = (char)c;
	}
	*to = '\0';
	return str_is_utf8(text, (size_t)(to - text)) ? 0 : -1;
}

int head_next_pair(char **query, char **name, char **value)
{
	char *one;

	do {
		one = strsep(query, "&");
	} while (one != NULL && *one == '\0');
	if (one == NULL)
		return 0;
	*name = strsep(&one, "=");
	*value = one ? one : *name + strlen(*name);
	return decode(*name, true) != 0 || decode(*value, true) != 0 ? -1 : 1;
}

/* Reads "/path?query". */
static int read_target(char *target, struct head *h)
{
	char *query = strchr(target, '?');

	if (strlen(target) > HEAD_TARGET_MAX)
		return refuse(h, 414, "the address is too long");
	for (const char *c = target; *c != '\0'; c++) {
		if ((unsigned char)*c >= 0x80 || *c == '#')
			return refuse(h, 400,
			    "the address holds a character that must be "
			    "written as %XX");
	}
	if (*target != '/')
		return refuse(h, 400, "the address must begin with /");
	if (query != NULL)
		*query++ = '\0';
	h->query = query ? query : target + strlen(target);
	h->path = target;
	if (decode(target, false) != 0)
		return refuse(h, 400, "the address cannot be decoded");
	return 0;
}

static int read_request_line(char *line, struct head *h)
{
	size_t n = token_length(line);
	char *target = line + n, *version;

	if (n == 0 || *target != ' ')
		return refuse(h, 400, "this is no HTTP request");
	*target++ = '\0';
	for (int i = METHOD_GET; i <= METHOD_OPTIONS; i++) {
		if (strcmp(line, methods[i]) == 0)
			h->method = (enum method)i;
	}
	version = strchr(target, ' ');
	if (version == NULL || version == target ||
	    strncmp(version, " HTTP/", 6) != 0)
		return refuse(h, 400, "this is no HTTP request");
	*version++ = '\0';
	h->is_1_1 = h->keep_alive = strcmp(version, "HTTP/1.1") == 0;
	if (!h->is_1_1 && strcmp(version, "HTTP/1.0") != 0)
		return refuse(h, 505, "only HTTP/1.1 and 1.0 are spoken here");
	return read_target(target, h);
}

static int read_length(const char *value, struct head *h)
{
	size_t n = strspn(value, "0123456789");

	if (h->length >= 0)
		return refuse(h, 400, "Content-Length stands twice");
	if (n == 0 || value[n] != '\0')
		return refuse(h, 400, "Content-Length is no number");
	if (n > DIGITS_MAX)
		return refuse(h, 413, "the body is too large");
	str_to_i64(value, &h->length);
	return 0;
}

static int read_once(
    const char **to, const char *value, const char *twice, struct head *h)
{
	if (*to != NULL)
		return refuse(h, 400, twice);
	*to = value;
	return 0;
}

/* Says whether a list of words, separated by commas, contains this word. */
static bool lists(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (*list != '\0') {
		size_t n = strcspn(list, ", \t");

		if (n == len && strncasecmp(list, word, len) == 0)
			return true;
		list += n;
		list += strspn(list, ", \t");
	}
	return false;
}

static int take_field(const char *name, const char *value, struct head *h)
{
	if (strcasecmp(name, "Content-Length") == 0)
		return read_length(value, h);
	if (strcasecmp(name, "Transfer-Encoding") == 0)
		return refuse(h, 501,
		    "Transfer-Encoding is not spoken here: send the body with "
		    "a Content-Length");
	if (strcasecmp(name, "Host") == 0)
		return read_once(&h->host, value, "Host stands twice", h);
	if (strcasecmp(name, "Authorization") == 0)
		return read_once(
		    &h->authorization, value, "Authorization stands twice", h);
	if (strcasecmp(name, "Expect") == 0) {
		if (h->expects || strcasecmp(value, "100-continue") != 0)
			return refuse(h, 417,
			    "Expect: 100-continue alone is "
			    "known here");
		/* HTTP/1.0 knows no answer before the answer. */
		h->expects = h->is_1_1;
	}
	if (strcasecmp(name, "Connection") == 0 && lists(value, "close"))
		h->keep_alive = false;
	return 0;
}

/* Reads "Name: value" without its line break. */
static int read_field(char *line, struct head *h)
{
	size_t n = token_length(line);
	char *value = line + n, *end;

	if (n == 0 || *value != ':')
		return refuse(h, 400, "a header field cannot be read");
	*value++ = '\0';
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return take_field(line, value, h);
}

/* Cuts the line that ends with CR LF off; both bytes are there. */
static char *cut_line(char **at)
{
	char *line = *at, *end = strchr(line, '\r');

	*end = '\0';
	*at = end + 2;
	return line;
}

static int check(struct head *h)
{
	if (h->host == NULL)
		return refuse(h, 400, "there is no Host");
	if (h->method == METHOD_OTHER)
		return refuse(h, 501, "the method is not known");
	if (h->length < 0)
		h->length = 0;
	if (h->length > 0 && h->method != METHOD_POST &&
	    h->method != METHOD_PATCH)
		return refuse(h, 400, "this method takes no body");
	return 1;
}

int head_read(char *data, size_t len, struct head *h)
{
	ssize_t size = measure(data, len < HEAD_MAX ? len : HEAD_MAX);
	char *at = data;

	*h = (struct head){.length = -1};
	if (size == -2)
		return refuse(h, 431, "there are too many fields");
	if (size < 0)
		return refuse(h, 400,
		    "the head holds a byte that has no place there, such as a "
		    "line feed without a carriage return");
	if (size == 0)
		return len < HEAD_MAX ? 0
				      : refuse(h, 431, "the head is too long");
	h->size = (size_t)size;
	if (read_request_line(cut_line(&at), h) != 0)
		return -1;
	while (*at != '\r') {
		if (read_field(cut_line(&at), h) != 0)
			return -1;
	}
	return check(h);
}
