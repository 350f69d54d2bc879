/* SPDX-License-Identifier: MIT */
#include "settings/check.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "source/postgres/conninfo.h"

static int check_url(const char *key, const char *url, struct err *e)
{
	if (url == NULL || strncasecmp(url, "https://", 8) == 0 ||
	    strncasecmp(url, "http://", 7) == 0)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "%s = %s: must be a URL that begins with https:// or http://", key,
	    url);
}

/* Checks "HOST=SECRET, ..."; the error repeats no secret. */
static int check_secrets(const char *list, struct err *e)
{
	int number = 1;

	for (; list != NULL && *list != '\0'; number++) {
		size_t n = strcspn(list, ", \t"), host = strcspn(list, "=, \t");

		if (n > 0 && (host == 0 || host + 1 >= n))
			return err_set(e, ERR_PERMANENT,
			    "[webhook] secrets: number %d must be HOST=SECRET, "
			    "such as hooks.example.com=${HOOK_SECRET}, without "
			    "blanks and commas in it",
			    number);
		list += n;
		list += strspn(list, ", \t");
	}
	return 0;
}

/* Checks [smtp] helo, which becomes part of an SMTP command: a name, or an
 * address such as [192.0.2.1]. */
static int check_helo(const char *helo, struct err *e)
{
	static const char hex[] = "0123456789abcdefABCDEF:.IPv";
	const char *c = helo;
	size_t n = 0;

	if (helo == NULL)
		return 0;
	while (isalnum((unsigned char)*c) || (*c != '\0' && strchr("-._", *c)))
		c++;
	if (helo[0] == '[')
		n = strspn(helo + 1, hex);
	if ((c > helo && *c == '\0') ||
	    (n > 0 && strcmp(helo + 1 + n, "]") == 0))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "[smtp] helo = %s: must be a host's name such as "
	    "reports.example.com, or an address such as [192.0.2.1]",
	    helo);
}

static int check_services(const struct settings *s, struct err *e)
{
	if (check_url("[s3] endpoint", s->s3_endpoint, e) != 0 ||
	    check_url("[aws] endpoint", s->aws_endpoint, e) != 0 ||
	    check_url("[sns] endpoint", s->sns_endpoint, e) != 0 ||
	    check_url("[http] proxy", s->http_proxy, e) != 0)
		return -1;
	if (check_secrets(s->webhook_secrets, e) != 0 ||
	    check_helo(s->smtp_helo, e) != 0)
		return -1;
	if (s->smtp_host != NULL && s->smtp_from == NULL)
		return err_set(e, ERR_PERMANENT,
		    "[smtp] from is missing; write for example from = Reports "
		    "<reports@example.com>");
	if (s->smtp_password != NULL && s->smtp_secret_arn != NULL)
		return err_set(e, ERR_PERMANENT,
		    "[smtp] has password and secret_arn; leave one of them "
		    "out");
	if (s->smtp_user != NULL && s->smtp_tls == SMTP_PLAIN)
		return err_set(e, ERR_PERMANENT,
		    "[smtp] tls = none would send the password in the clear; "
		    "write tls = starttls or implicit, or leave user out");
	return 0;
}

int settings_check(struct settings *s, struct err *e)
{
	if (s->workers == 0) {
		s->workers = sysconf(_SC_NPROCESSORS_ONLN);
		s->workers = s->workers < 2 ? 2 : s->workers;
	}
	if (s->output_root != NULL && *s->output_root != '/')
		return err_set(e, ERR_PERMANENT,
		    "[reportd] output_root = %s: must be an absolute path",
		    s->output_root);
	if (s->adhoc_workers >= s->workers)
		return err_set(e, ERR_PERMANENT,
		    "[reportd] adhoc_workers = %lld: must leave at least one "
		    "of the %lld workers for SCHEDULED reports",
		    (long long)s->adhoc_workers, (long long)s->workers);
	if (check_services(s, e) != 0)
		return -1;
	if (s->queue_timeout == 0)
		s->queue_timeout = s->lease / 4;
	if (s->queue_timeout > s->lease / 2)
		return err_set(e, ERR_PERMANENT,
		    "[queue] timeout: must be at most half of [reportd] lease, "
		    "or a slow answer would cost the daemon its jobs");
	if (s->queue_conninfo != NULL &&
	    conninfo_check(s->queue_conninfo, e) != 0)
		return err_wrap(e, "[queue] conninfo");
	return 0;
}
