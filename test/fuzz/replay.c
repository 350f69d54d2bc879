/* SPDX-License-Identifier: MIT */
#include <dirent.h>

#include "base/mem.h"
#include "fuzz.h"

/*
 *	replay_TARGET [FILE...]
 *
 * Runs the target on each file, by default on test/fuzz/corpus/TARGET/ below
 * $srcdir, as `make check` does it.
 */
static void run_file(const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t *data = malloc(1 << 20);
	size_t size;

	PROMISE(f != NULL && data != NULL);
	size = fread(data, 1, 1 << 20, f);
	PROMISE(!ferror(f));
	fclose(f);
	/* A block of just this size, so that a sanitizer sees its end. */
	data = realloc(data, size ? size : 1);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

static int run_corpus(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	int files = 0;

	if (d == NULL) {
		perror(dir);
		return 1;
	}
	while ((entry = readdir(d)) != NULL) {
		char *path;

		if (entry->d_name[0] == '.')
			continue;
		path = mem_printf("%s/%s", dir, entry->d_name);
		run_file(path);
		free(path);
		printf("ok %d - %s\n", ++files, entry->d_name);
	}
	closedir(d);
	printf("1..%d\n", files);
	return files == 0;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *target = strrchr(*argv, '_');
	int rc = 0;

	if (argc == 1) {
		char *dir = mem_printf("%s/test/fuzz/corpus/%s",
		    srcdir ? srcdir : ".", target ? target + 1 : "");

		rc = run_corpus(dir);
		free(dir);
	}
	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	return rc;
}
