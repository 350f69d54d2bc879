/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/mail/mime_header.h"

/* Limits in bytes: RFC 5321, section 4.5.3.1. */
#define LOCAL_MAX 64
#define MAILBOX_MAX 254

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* Checks for RFC 5322's dot-atom, but allows adjacent dots, which some
 * providers use. */
static bool is_local(const char *s, size_t n)
{
	static const char allowed[] = LETTERS DIGITS "!#$%&'*+-/=?^_`{|}~.";

	return n > 0 && n <= LOCAL_MAX && strspn(s, allowed) >= n;
}

/* Checks for labels of letters, digits and inner hyphens. */
static bool is_domain(const char *s)
{
	for (;;) {
		size_t n = strspn(s, LETTERS DIGITS "-");

		if (n == 0 || n > 63 || s[0] == '-' || s[n - 1] == '-')
			return false;
		if (s[n] == '\0')
			return true;
		if (s[n] != '.')
			return false;
		s += n + 1;
	}
}

static int check_mailbox(const char *mailbox, struct err *e)
{
	const char *at = strrchr(mailbox, '@');

	if (at == NULL)
		return err_set(e, ERR_PERMANENT,
		    "\"%s\" is no mail address: there is no @ in it", mailbox);
	if (!mime_header_is_ascii(mailbox))
		return err_set(e, ERR_PERMANENT,
		    "\"%s\": only mail addresses in ASCII are sent to; write "
		    "the domain in its xn--... form (the part before the @ "
		    "has none)",
		    mailbox);
	if (strlen(mailbox) > MAILBOX_MAX ||
	    !is_local(mailbox, (size_t)(at - mailbox)) || !is_domain(at + 1))
		return err_set(e, ERR_PERMANENT,
		    "\"%s\" is no mail address; write it as name@example.com",
		    mailbox);
	return 0;
}

/* Copies n bytes without the spaces around them. */
static char *trimmed(const char *s, size_t n)
{
	while (n > 0 && *s == ' ') {
		s++;
		n--;
	}
	while (n > 0 && s[n - 1] == ' ')
		n--;
	return mem_strndup(s, n);
}

/* Turns `"Name, \"Inc.\""` into `Name, "Inc."`, in place. */
static void unquote(char *name)
{
	size_t n = strlen(name);
	char *to = name;

	if (n < 2 || name[0] != '"' || name[n - 1] != '"')
		return;
	name[n - 1] = '\0';
	for (const char *s = name + 1; *s != '\0'; s++) {
		if (*s == '\\' && s[1] != '\0')
			s++;
		*to++ = *s;
	}
	*to = '\0';
}

int mime_address_parse(
    const char *text, struct mime_address *address, struct err *e)
{
	const char *open = strrchr(text, '<');
	const char *close = open ? strchr(open, '>') : NULL;
	struct mime_address a = {0};

	if (mime_header_check("a mail address", text, e) != 0)
		return -1;
	if (open == NULL) {
		a.mailbox = trimmed(text, strlen(text));
	} else if (close == NULL || close[1 + strspn(close + 1, " ")] != '\0') {
		return err_set(e, ERR_PERMANENT,
		    "\"%s\" is no mail address; write it as Name "
		    "<name@example.com>",
		    text);
	} else {
		a.name = trimmed(text, (size_t)(open - text));
		unquote(a.name);
		a.mailbox = trimmed(open + 1, (size_t)(close - open - 1));
	}
	if (check_mailbox(a.mailbox, e) != 0) {
		mime_address_free(&a);
		return -1;
	}
	*address = a;
	return 0;
}

void mime_address_free(struct mime_address *address)
{
	free(address->name);
	free(address->mailbox);
	*address = (struct mime_address){0};
}

const char *mime_address_domain(const struct mime_address *address)
{
	return strrchr(address->mailbox, '@') + 1;
}
