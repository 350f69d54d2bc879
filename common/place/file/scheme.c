/* SPDX-License-Identifier: MIT */
#include "place/file/scheme.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "place/file/beneath.h"
#include "place/file/claim.h"

#define URL "file://"

/* Says whether a part of the path is `..`, also one that values of a
 * template have put together. */
static bool climbs(const char *path)
{
	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		if (n == 2 && strncmp(path, "..", 2) == 0)
			return true;
		path += n + strspn(path + n, "/");
	}
	return false;
}

/* Returns the first part of the path that begins with a dot, or NULL. */
static const char *hidden(const char *path)
{
	for (; *path != '\0'; path += strcspn(path, "/")) {
		path += strspn(path, "/");
		if (*path == '.')
			return path;
	}
	return NULL;
}

/* Removes "file://" only before a third slash: without that slash, a host would
 * follow. */
static const char *without_scheme(const char *text)
{
	return strncmp(text, URL "/", strlen(URL "/")) == 0 ? text + strlen(URL)
							    : text;
}

static int refuse_local(const char *text, struct err *e)
{
	char *others = place_forms(&place_scheme_file);

	err_set(e, ERR_PERMANENT,
	    "output_path \"%s\" is a local file, and output_root is missing in "
	    "the settings; write %s, or set it",
	    text, others);
	free(others);
	return -1;
}

static int check_text(const char *root, const char *text, struct err *e)
{
	if (*root == '\0')
		return refuse_local(text, e);
	text = without_scheme(text);
	if (str_has_control(text))
		return err_set(
		    e, ERR_PERMANENT, "output_path holds a control character");
	if (climbs(text))
		return err_set(e, ERR_PERMANENT,
		    "output_path \"%s\" climbs out with ..", text);
	if (*text == '\0' || text[strlen(text) - 1] == '/')
		return err_set(
		    e, ERR_PERMANENT, "output_path \"%s\" names no file", text);
	return 0;
}

/* Returns an absolute path below the root, which the caller frees; NULL on
 * error. */
static char *file_resolve(const char *root, const char *text, struct err *e)
{
	const char *below;
	size_t n = strlen(root);

	if (check_text(root, text, e) != 0)
		return NULL;
	text = without_scheme(text);
	while (n > 1 && root[n - 1] == '/')
		n--;
	below = *text == '/' ? beneath_part(root, text) : text;
	if (below == NULL) {
		err_set(e, ERR_PERMANENT,
		    "output_path \"%s\" lies outside of output_root \"%s\"",
		    text, root);
		return NULL;
	}
	if (hidden(below) != NULL) {
		err_set(e, ERR_PERMANENT,
		    "output_path: the part \"%s\" begins with a dot, as hidden "
		    "files do; begin it with something else",
		    hidden(below));
		return NULL;
	}
	return mem_printf("%.*s/%s", n > 1 ? (int)n : 0, root, below);
}

static bool file_within(
    const char *root, const char *address, const char *prefix)
{
	char *whole;
	bool yes;

	prefix = without_scheme(prefix);
	if (*prefix == '/')
		return str_path_within(address, prefix);
	whole = mem_printf("%s/%s", root, prefix);
	yes = str_path_within(address, whole);
	free(whole);
	return yes;
}

static int file_check(const char *address, const json_t *options, struct err *e)
{
	(void)options;
	return *address == '/' ? 0
			       : err_set(e, ERR_PERMANENT,
				     "%s is no absolute path", address);
}

const struct place_scheme place_scheme_file = {
    .name = "file",
    .prefix = "",
    .form = "file:///path",
    .url_prefix = URL,
    .options = &claim_options,
    .resolve = file_resolve,
    .within = file_within,
    .check = file_check,
};
