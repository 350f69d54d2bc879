/* SPDX-License-Identifier: MIT */
#include "settings/check.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/address.h"
#include "settings/folders.h"
#include "settings/urls.h"
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

static int check_inputs(const struct settings *s, struct err *e)
{
	return folders_check(s->inputs_folders, e) == 0 &&
		       urls_check(s->inputs_urls, e) == 0 &&
		       urls_check_headers(s->inputs_headers, e) == 0 &&
		       check_url(
			   "[inputs] queue_url", s->inputs_queue_url, e) == 0
		   ? 0
		   : -1;
}

static int check_server(const struct settings *s, struct err *e)
{
	struct sockaddr_storage address;

	if (s->server_listen == NULL)
		return 0;
	if (address_parse(s->server_listen, &address) == 0)
		return err_set(e, ERR_PERMANENT,
		    "[server] listen = %s: must be a numeric address and a "
		    "port, such as 127.0.0.1:8080 or [::1]:8080",
		    s->server_listen);
	if (s->server_conninfo == NULL)
		return err_set(e, ERR_PERMANENT,
		    "[server] conninfo is missing; write for example conninfo "
		    "= host=/run/postgresql user=reportd_http dbname=reports");
	if (conninfo_check(s->server_conninfo, e) != 0)
		return err_wrap(e, "[server] conninfo");
	if (s->server_token_file != NULL && *s->server_token_file != '/')
		return err_set(e, ERR_PERMANENT,
		    "[server] token_file = %s: must be an absolute path",
		    s->server_token_file);
	return 0;
}

/* Checks that each word of a list, "a-1, a-2", begins with `prefix`. */
static int check_ids(
    const char *key, const char *list, const char *prefix, struct err *e)
{
	const char *word = list ? list : "";

	for (;;) {
		word += strspn(word, ", \t");
		if (*word == '\0')
			return 0;
		if (strncmp(word, prefix, strlen(prefix)) != 0)
			return err_set(e, ERR_PERMANENT,
			    "[scale] %s = %s: must be IDs that begin with %s, "
			    "separated by commas",
			    key, list, prefix);
		word += strcspn(word, ", \t");
	}
}

static int check_scale(const struct settings *s, struct err *e)
{
	const struct {
		const char *key, *value;
	} needed[] = {{"cluster", s->scale_cluster},
	    {"task_definition", s->scale_task_definition},
	    {"subnets", s->scale_subnets}};
	bool any = s->scale_security_groups != NULL ||
		   s->scale_capacity_provider != NULL;

	for (size_t i = 0; i < 3; i++)
		any = any || needed[i].value != NULL;
	for (size_t i = 0; i < 3; i++) {
		if (any && needed[i].value == NULL)
			return err_set(e, ERR_PERMANENT,
			    "[scale] %s is missing: cluster, task_definition "
			    "and subnets belong together",
			    needed[i].key);
	}
	if (check_ids("subnets", s->scale_subnets, "subnet-", e) != 0)
		return -1;
	return check_ids("security_groups", s->scale_security_groups, "sg-", e);
}

/* The rule of CloudWatch for the name of a namespace. */
static int check_namespace(const char *name, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._#:/- ";

	if (name == NULL ||
	    (strlen(name) <= 256 && strspn(name, allowed) == strlen(name) &&
		strncmp(name, "AWS/", 4) != 0))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "[reportd] log_metrics = %s: must be a namespace such as reportd "
	    "or team/reportd, of 256 letters, digits and . _ # : / - at most, "
	    "not in AWS/",
	    name);
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
	if (check_services(s, e) != 0 || check_server(s, e) != 0 ||
	    check_scale(s, e) != 0 || check_namespace(s->log_metrics, e) != 0 ||
	    check_inputs(s, e) != 0)
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
