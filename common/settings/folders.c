/* SPDX-License-Identifier: MIT */
#include "settings/folders.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

int folders_each(const char *list,
    int (*each)(void *arg, const char *folder, struct err *e), void *arg,
    struct err *e)
{
	char *copy, *rest;
	int rc = 0;

	copy = rest = mem_strdup(list ? list : "");
	for (char *one; rc == 0 && (one = strsep(&rest, ",")) != NULL;) {
		size_t n;

		one += strspn(one, " \t");
		n = strlen(one);
		while (n > 0 && strchr(" \t", one[n - 1]) != NULL)
			n--;
		while (n > 1 && one[n - 1] == '/')
			n--;
		one[n] = '\0';
		if (n > 0)
			rc = each(arg, one, e);
	}
	free(copy);
	return rc;
}

static int check_one(void *arg, const char *folder, struct err *e)
{
	(void)arg;
	if (folder[0] == '/' && folder[1] != '\0' &&
	    strstr(folder, "//") == NULL && strstr(folder, "/.") == NULL &&
	    !str_has_control(folder))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "[inputs] folders = %s: must be absolute paths without parts that "
	    "begin with a dot, separated by commas",
	    folder);
}

int folders_check(const char *list, struct err *e)
{
	return folders_each(list, check_one, NULL, e);
}

struct search {
	const char *path;
	char *found;
};

static int try_one(void *arg, const char *folder, struct err *e)
{
	struct search *s = arg;
	size_t n = strlen(folder);

	(void)e;
	if (strncmp(s->path, folder, n) != 0 || s->path[n] != '/')
		return 0;
	s->found = mem_strdup(folder);
	return 1;
}

char *folders_holding(const char *list, const char *path)
{
	struct search s = {.path = path};
	struct err unused;

	folders_each(list, try_one, &s, &unused);
	return s.found;
}

static int add_one(void *arg, const char *folder, struct err *e)
{
	struct buf *out = arg;

	(void)e;
	if (out->len > 1)
		buf_char(out, ',');
	buf_char(out, '"');
	for (; *folder != '\0'; folder++) {
		if (*folder == '"' || *folder == '\\')
			buf_char(out, '\\');
		buf_char(out, *folder);
	}
	buf_str(out, "/\"");
	return 0;
}

void folders_array(const char *list, struct buf *out)
{
	struct err unused;

	buf_char(out, '{');
	folders_each(list, add_one, out, &unused);
	buf_char(out, '}');
}
