/* SPDX-License-Identifier: MIT */
#include "place/https/scheme.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

static int wrong(const char *url, const char *what, struct err *e)
{
	/* The query is not shown: it often has a token. */
	return err_set(
	    e, ERR_PERMANENT, "%.*s: %s", (int)strcspn(url, "?#"), url, what);
}

/* Says whether the text is a host with its port, up to the first slash. */
static bool is_host(const char *host, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789"
				      "-.:[]";

	return len > 0 && strspn(host, allowed) >= len && host[0] != ':' &&
	       host[0] != '.';
}

/* Says whether servers may take the path for another one: a segment of dots, or
 * an escaped dot, slash or backslash. */
static bool is_ambiguous(const char *path, size_t len)
{
	static const char *const escapes[] = {"%2e", "%2f", "%5c"};

	for (size_t i = 0; i < len; i++) {
		if (path[i] == '\\' ||
		    (path[i] == '/' &&
			(path[i + 1] == '.' || (path[i + 1] == '/'))))
			return true;
		for (size_t k = 0; k < sizeof(escapes) / sizeof(*escapes); k++)
			if (strncasecmp(path + i, escapes[k], 3) == 0)
				return true;
	}
	return false;
}

int https_check(const char *url, struct err *e)
{
	const char *host = url + sizeof(HTTPS_SCHEME) - 1;
	size_t len;

	if (strncmp(url, HTTPS_SCHEME, sizeof(HTTPS_SCHEME) - 1) != 0)
		return wrong(url, "it does not begin with https://", e);
	len = strcspn(host, "/?#");
	if (!is_host(host, len) || host[len] != '/')
		return wrong(url,
		    "write https://host/path, the host in lower case and "
		    "without a user",
		    e);
	if (strlen(url) > HTTPS_URL_MAX)
		return wrong(url, "a URL has 8192 bytes at most", e);
	if (strpbrk(url, "# \"<>") != NULL || str_has_control(url))
		return wrong(
		    url, "it has a blank or another character to escape", e);
	if (is_ambiguous(host + len, strcspn(host + len, "?")))
		return wrong(url,
		    "its path has a part that is empty, begins with a dot, or "
		    "has an escaped dot or slash",
		    e);
	return 0;
}

static int check(const char *address, const json_t *options, struct err *e)
{
	(void)options;
	return err_set(e, ERR_PERMANENT,
	    "\"%s\": no output goes to a web server", address);
}

static int check_template(const char *text, struct err *e)
{
	return check(text, NULL, e);
}

static char *resolve(const char *root, const char *text, struct err *e)
{
	(void)root;
	check(text, NULL, e);
	return NULL;
}

const struct place_scheme place_scheme_https = {
    .name = "https",
    .prefix = HTTPS_SCHEME,
    .url_prefix = "",
    .query = true,
    .check_template = check_template,
    .resolve = resolve,
    .check = check,
};
