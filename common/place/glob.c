/* SPDX-License-Identifier: MIT */
#include "place/glob.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* Where a match goes on when it fails after a star: at `pattern`, with the star
 * one byte longer. */
struct star {
	const char *pattern, *path;
};

/* Lets a star match one more byte. Returns false when it cannot. */
static bool lengthen(
    struct star *star, bool deep, const char **pattern, const char **path)
{
	if (star->pattern == NULL || *star->path == '\0' ||
	    (!deep && *star->path == '/'))
		return false;
	*path = ++star->path;
	*pattern = star->pattern;
	return true;
}

/* Bytes of the UTF-8 character at `path`. */
static size_t length_of(const char *path)
{
	size_t n = 1;

	while (((unsigned char)path[n] & 0xC0) == 0x80)
		n++;
	return n;
}

/* It is enough to remember the last star of each kind: what an earlier one
 * could still do, the last one can do as well. */
bool glob_matches(const char *pattern, const char *path)
{
	struct star one = {0}, deep = {0};

	for (;;) {
		if (pattern[0] == '*' && pattern[1] == '*') {
			pattern += strspn(pattern, "*");
			deep = (struct star){pattern, path};
			one = (struct star){0};
		} else if (*pattern == '*') {
			one = (struct star){++pattern, path};
		} else if (*pattern == '?' && *path != '\0' && *path != '/') {
			pattern++;
			path += length_of(path);
		} else if (*path != '\0' && *pattern == *path) {
			pattern++;
			path++;
		} else if (*pattern == '\0' && *path == '\0') {
			return true;
		} else if (!lengthen(&one, false, &pattern, &path)) {
			one = (struct star){0};
			if (!lengthen(&deep, true, &pattern, &path))
				return false;
		}
	}
}

static size_t count_slashes(const char *path)
{
	size_t n = 0;

	while ((path = strchr(path, '/')) != NULL) {
		path++;
		n++;
	}
	return n;
}

/* Returns the slash that ends the part of the pattern at this depth, or NULL. */
static const char *end_of_part(const char *pattern, size_t depth)
{
	const char *at = strchr(pattern, '/');

	while (at != NULL && depth-- > 0)
		at = strchr(at + 1, '/');
	return at;
}

bool glob_enters(const char *pattern, const char *path)
{
	const char *end = end_of_part(pattern, count_slashes(path));
	char *part;
	bool yes;

	if (end == NULL)
		return strstr(pattern, "**") != NULL;
	part = mem_strndup(pattern, (size_t)(end - pattern));
	yes = strstr(part, "**") != NULL || glob_matches(part, path);
	free(part);
	return yes;
}

size_t glob_literal(const char *pattern)
{
	return strcspn(pattern, "*?");
}

size_t glob_folder(const char *pattern)
{
	size_t n = glob_literal(pattern);

	while (n > 0 && pattern[n - 1] != '/')
		n--;
	return n;
}

bool glob_is_flat(const char *pattern)
{
	return strstr(pattern, "**") == NULL &&
	       strchr(pattern + glob_literal(pattern), '/') == NULL;
}

bool glob_is_partial(const char *path)
{
	static const char *const ends[] = {
	    ".tmp", ".part", ".filepart", ".crdownload"};
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t n = strlen(ends[i]);

		if (len >= n && strcasecmp(name + len - n, ends[i]) == 0)
			return true;
	}
	return *name == '.' || *name == '\0';
}
