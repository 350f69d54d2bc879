/* SPDX-License-Identifier: MIT */
#include "supervisor/environment.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

extern char **environ;

static bool is_hidden(const char *variable, const char *hidden)
{
	size_t len = strcspn(variable, "=");

	if (strncmp(variable, "REPORTD_", 8) == 0)
		return true;
	for (const char *at = hidden; *at != '\0'; at += strspn(at, " ")) {
		size_t n = strcspn(at, " ");

		if (n == len && strncmp(at, variable, n) == 0)
			return true;
		at += n;
	}
	return false;
}

char **environment_without(const char *hidden)
{
	size_t count = 0, kept = 0;
	char **list;

	while (environ[count] != NULL)
		count++;
	list = mem_zalloc((count + 1) * sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		if (!is_hidden(environ[i], hidden))
			list[kept++] = environ[i];
	}
	return list;
}
