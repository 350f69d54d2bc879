/* SPDX-License-Identifier: MIT */
#include "notice/mail_url.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

static int hex(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

/* Copies n bytes, with each %XX replaced; NULL when an escape is invalid or
 * stands for NUL. The caller frees the text. */
static char *decode(const char *text, size_t n)
{
	char *decoded = mem_alloc(n + 1), *to = decoded;

	for (size_t i = 0; i < n; i++) {
		int high, low;

		if (text[i] != '%') {
			*to++ = text[i];
			continue;
		}
		high = i + 2 < n ? hex(text[i + 1]) : -1;
		low = high >= 0 ? hex(text[i + 2]) : -1;
		if (low < 0 || (high == 0 && low == 0)) {
			free(decoded);
			return NULL;
		}
		*to++ = (char)(high * 16 + low);
		i += 2;
	}
	*to = '\0';
	return decoded;
}

static int refuse_escape(const char *text, size_t n, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "mailto: \"%.*s\" holds a %% that begins no %%XX; write %%25 for "
	    "a percent sign",
	    (int)n, text);
}

static int add_address(struct mime_address **list, int *count, const char *text,
    size_t n, struct err *e)
{
	char *decoded = decode(text, n);
	int rc;

	if (decoded == NULL)
		return refuse_escape(text, n, e);
	*list = mem_realloc(*list, (size_t)*count + 1, sizeof(**list));
	rc = mime_address_parse(decoded, &(*list)[*count], e);
	if (rc == 0)
		++*count;
	free(decoded);
	return rc;
}

/* Adds addresses that commas separate; a comma within an address is %2C. */
static int add_addresses(struct mime_address **list, int *count,
    const char *text, size_t n, struct err *e)
{
	while (n > 0) {
		const char *comma = memchr(text, ',', n);
		size_t one = comma ? (size_t)(comma - text) : n;

		if (strspn(text, " ") < one &&
		    add_address(list, count, text, one, e) != 0)
			return -1;
		one += comma != NULL;
		text += one;
		n -= one;
	}
	return 0;
}

static int set_text(char **to, const char *text, size_t n, struct err *e)
{
	free(*to);
	*to = decode(text, n);
	return *to ? 0 : refuse_escape(text, n, e);
}

/* Turns the line breaks of RFC 6068, %0D%0A, into \n. */
static void unify_breaks(char *text)
{
	char *to = text;

	for (const char *s = text; *s != '\0'; s++) {
		if (*s != '\r')
			*to++ = *s;
		else if (s[1] != '\n')
			*to++ = '\n';
	}
	*to = '\0';
}

static int set_report(
    struct mail_url *m, const char *text, size_t n, struct err *e)
{
	static const char *const words[] = {"attach", "link", "inline", "none"};

	for (int i = 0; i < 4; i++) {
		if (strlen(words[i]) == n && strncmp(words[i], text, n) == 0) {
			m->report = (enum mail_how)i;
			return 0;
		}
	}
	return err_set(e, ERR_PERMANENT,
	    "mailto: report=%.*s is unknown; write report=attach, link, "
	    "inline or none",
	    (int)n, text);
}

static bool is(const char *name, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(name, word, n) == 0;
}

static int take(struct mail_url *m, const char *name, size_t name_len,
    const char *value, size_t n, struct err *e)
{
	if (is(name, name_len, "to"))
		return add_addresses(&m->to, &m->to_count, value, n, e);
	if (is(name, name_len, "cc"))
		return add_addresses(&m->cc, &m->cc_count, value, n, e);
	if (is(name, name_len, "bcc"))
		return 0;
	if (is(name, name_len, "report"))
		return set_report(m, value, n, e);
	if (is(name, name_len, "subject"))
		return set_text(&m->subject, value, n, e);
	if (!is(name, name_len, "body"))
		return err_set(e, ERR_PERMANENT,
		    "mailto: unknown field \"%.*s\"; known are to, cc, bcc, "
		    "subject, body and report",
		    (int)name_len, name);
	if (set_text(&m->body, value, n, e) != 0)
		return -1;
	unify_breaks(m->body);
	return 0;
}

static int parse(const char *s, struct mail_url *m, struct err *e)
{
	size_t n = strcspn(s, "?");

	if (take(m, "to", 2, s, n, e) != 0)
		return -1;
	for (s += n; *s != '\0'; s += n) {
		size_t name;

		s++; /* skip ? or & */
		n = strcspn(s, "&");
		name = strcspn(s, "=&");
		if (n > 0 && take(m, s, name, s + name + (name < n),
				 n - name - (name < n), e) != 0)
			return -1;
	}
	return 0;
}

int mail_url_parse(const char *url, struct mail_url *m, struct err *e)
{
	*m = (struct mail_url){0};
	if (strncasecmp(url, "mailto:", 7) != 0)
		return err_set(e, ERR_PERMANENT,
		    "the address does not begin with mailto:");
	if (parse(url + 7, m, e) == 0)
		return 0;
	mail_url_free(m);
	return -1;
}

void mail_url_free(struct mail_url *m)
{
	for (int i = 0; i < m->to_count; i++)
		mime_address_free(&m->to[i]);
	for (int i = 0; i < m->cc_count; i++)
		mime_address_free(&m->cc[i]);
	free(m->to);
	free(m->cc);
	free(m->subject);
	free(m->body);
	*m = (struct mail_url){0};
}
