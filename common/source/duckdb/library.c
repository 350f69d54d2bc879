/* SPDX-License-Identifier: MIT */
#include "source/duckdb/library.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define WHERE                                                              \
	"get libduckdb.so, 1.4 or later, from https://duckdb.org/install " \
	"(C/C++) or from the npm package @duckdb/node-bindings-linux-x64 " \
	"(-arm64), and write its path as `library` into the source's settings"

/* The first version whose allowed_directories lets files be read. */
#define LEAST_MAJOR 1
#define LEAST_MINOR 4

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define DUCK(result, name, arguments) \
	{"duckdb_" #name, offsetof(struct library, name)},
    DUCK_FUNCTIONS(DUCK)
#undef DUCK
};

static int check_version(const char *path, const char *version, struct err *e)
{
	int major = 0, minor = 0;

	if (sscanf(version, "v%d.%d", &major, &minor) == 2 &&
	    (major > LEAST_MAJOR ||
		(major == LEAST_MAJOR && minor >= LEAST_MINOR)))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "%s is DuckDB %s, which is too old: " WHERE, path, version);
}

int library_load(struct library *l, const char *path, struct err *e)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), *function;
	const char *(*version)(void);

	if (handle == NULL)
		return err_set(e, ERR_PERMANENT,
		    "DuckDB's library cannot be loaded (%s): " WHERE,
		    dlerror());
	/* Asked first: an old library lacks functions as well. */
	*(void **)&version = dlsym(handle, "duckdb_library_version");
	if (version == NULL)
		return err_set(e, ERR_PERMANENT,
		    "%s is no library of DuckDB: " WHERE, path);
	l->version = version();
	if (check_version(path, l->version, e) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		function = dlsym(handle, functions[i].name);
		if (function == NULL)
			return err_set(e, ERR_PERMANENT,
			    "%s (DuckDB %s) lacks the function %s, which "
			    "reading row by row needs: take another version, "
			    "such as 1.5",
			    path, l->version, functions[i].name);
		memcpy((char *)l + functions[i].offset, &function,
		    sizeof(function));
	}
	return 0;
}
