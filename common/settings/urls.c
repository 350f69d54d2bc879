/* SPDX-License-Identifier: MIT */
#include "settings/urls.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Cuts the next part off the list, without the blanks around it; NULL: none is
 * left. */
static char *next_part(char **list)
{
	char *part;
	size_t n;

	do {
		part = strsep(list, ",");
		if (part == NULL)
			return NULL;
		part += strspn(part, " \t");
		n = strlen(part);
		while (n > 0 && strchr(" \t", part[n - 1]) != NULL)
			n--;
		part[n] = '\0';
	} while (n == 0);
	return part;
}

/* A copy of a list that is cut into its parts. */
struct parts {
	char *copy, *rest;
	size_t len;
};

static struct parts cut(const char *list)
{
	char *copy = mem_strdup(list ? list : "");

	return (struct parts){copy, copy, strlen(copy)};
}

/* The list may hold secrets. */
static void drop(struct parts *p)
{
	explicit_bzero(p->copy, p->len);
	free(p->copy);
}

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* A prefix of whole parts: its last slash ends the host or a folder. */
static bool is_prefix(const char *url)
{
	const char *host = url + strlen("https://");
	size_t len = strlen(url);

	return begins_with(url, "https://") && *host != '/' &&
	       strchr(host, '/') != NULL && url[len - 1] == '/' &&
	       strpbrk(host, "@?#*\\ ") == NULL && !str_has_control(url);
}

int urls_check(const char *list, struct err *e)
{
	struct parts p = cut(list);
	char *one;
	int rc = 0;

	while (rc == 0 && (one = next_part(&p.rest)) != NULL) {
		if (!is_prefix(one))
			rc = err_set(e, ERR_PERMANENT,
			    "[inputs] urls = %s: must be the beginning of URLs "
			    "up to a slash, such as https://api.example.com/ "
			    "or https://data.example.com/exports/",
			    one);
	}
	drop(&p);
	return rc;
}

/* Cuts PREFIX=HEADER at its first equals sign; returns the header. */
static char *cut_header(char *part)
{
	char *equals = strchr(part, '=');

	if (equals == NULL)
		return NULL;
	*equals = '\0';
	return equals + 1;
}

static bool is_header(const char *line)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t len = strspn(line, name);

	return len > 0 && line[len] == ':' && !str_has_control(line) &&
	       line[len + 1 + strspn(line + len + 1, " ")] != '\0';
}

int urls_check_headers(const char *list, struct err *e)
{
	struct parts p = cut(list);
	char *one;
	int rc = 0;

	for (int n = 1; rc == 0 && (one = next_part(&p.rest)) != NULL; n++) {
		char *header = cut_header(one);

		if (header == NULL || !is_prefix(one) || !is_header(header))
			rc = err_set(e, ERR_PERMANENT,
			    "[inputs] headers: number %d must be PREFIX=Name: "
			    "value, such as https://api.example.com/="
			    "Authorization: Bearer ${API_TOKEN}, without "
			    "commas in it",
			    n);
	}
	drop(&p);
	return rc;
}

void urls_each(
    const char *list, void (*each)(void *arg, const char *prefix), void *arg)
{
	struct parts p = cut(list);
	char *one;

	while ((one = next_part(&p.rest)) != NULL)
		each(arg, one);
	drop(&p);
}

bool urls_hold(const char *list, const char *url)
{
	struct parts p = cut(list);
	char *one;
	bool found = false;

	while (!found && (one = next_part(&p.rest)) != NULL)
		found = begins_with(url, one);
	drop(&p);
	return found;
}

void urls_headers(const char *list, const char *url,
    void (*add)(void *arg, const char *header), void *arg)
{
	struct parts p = cut(list);
	char *one;

	while ((one = next_part(&p.rest)) != NULL) {
		char *header = cut_header(one);

		if (header != NULL && begins_with(url, one))
			add(arg, header);
	}
	drop(&p);
}
