/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "source/duckdb/config.h"

#define KEY(kind, name, def, min, max, words, about)                           \
	{"source", #name, T_##kind, offsetof(struct duckdb_config, name), def, \
	    min, max, words, about},
static const struct key keys[] = {
#include "source/duckdb/duckdb.keys"
};

char *duckdb_next_folder(const char **at)
{
	const char *s = *at, *end;

	if (s == NULL)
		return NULL;
	s += strspn(s, ", \t");
	if (*s == '\0')
		return NULL;
	end = s + strcspn(s, ",");
	*at = end;
	while (end[-1] == ' ' || end[-1] == '\t')
		end--;
	return mem_strndup(s, (size_t)(end - s));
}

/* A relative path would depend on where the daemon was started, and the root
 * would be every file of the host. */
static int check_path(const struct source_config *config, const char *key,
    const char *path, struct err *e)
{
	if (path == NULL ||
	    (path[0] == '/' && path[strspn(path, "/.")] != '\0' &&
		!str_has_control(path)))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "[source.%s] %s: \"%s\" must be a path such as /srv/lake, which "
	    "begins with a slash and is not the root",
	    config->name, key, path);
}

/* No job may read the files into which another one spills. */
static int check_apart(
    const struct duckdb_config *d, const char *folder, struct err *e)
{
	if (d->temp_directory == NULL ||
	    !str_path_within(d->temp_directory, folder))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "[source.%s] temp_directory: %s lies within %s of its folders, so "
	    "reports could read what others spill; take another one",
	    d->base.name, d->temp_directory, folder);
}

char *duckdb_missing_folder(const struct source_config *config)
{
	const struct duckdb_config *d = (const struct duckdb_config *)config;
	const char *at = d->folders;
	struct stat st;
	char *folder;

	while ((folder = duckdb_next_folder(&at)) != NULL) {
		if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
			return folder;
		free(folder);
	}
	return NULL;
}

static int check(const struct source_config *config, struct err *e)
{
	const struct duckdb_config *d = (const struct duckdb_config *)config;
	const char *at = d->folders;
	char *folder;
	int rc = 0;

	while (rc == 0 && (folder = duckdb_next_folder(&at)) != NULL) {
		rc = check_path(config, "folders", folder, e);
		if (rc == 0)
			rc = check_apart(d, folder, e);
		free(folder);
	}
	if (rc == 0)
		rc = check_path(config, "database", d->database, e);
	if (rc == 0)
		rc = check_path(config, "temp_directory", d->temp_directory, e);
	if (rc == 0 && strchr(d->library, '/') != NULL)
		rc = check_path(config, "library", d->library, e);
	return rc;
}

static const char *mend(const struct source_config *config)
{
	(void)config;
	return "look at its library, folders and database; the daemon's user "
	       "must be able to read them";
}

const struct source_type source_type_duckdb = {
    .name = "duckdb",
    .product = "DuckDB",
    .abilities = SOURCE_FILES,
    .size = sizeof(struct duckdb_config),
    .keys = keys,
    .key_count = sizeof(keys) / sizeof(*keys),
    .check = check,
    .missing_folder = duckdb_missing_folder,
    .mend = mend,
};
