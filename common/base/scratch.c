/* SPDX-License-Identifier: MIT */
#include "base/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define ROUNDS 100

/* Removes everything in the folder; takes the descriptor over. Never leaves the
 * folder: a symbolic link in it is removed, not followed. */
static void empty(int folder)
{
	DIR *dir = fdopendir(folder);
	struct dirent *entry;

	if (dir == NULL) {
		close(folder);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		int inner;

		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0 ||
		    unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			continue;
		inner = openat(dirfd(dir), entry->d_name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (inner >= 0)
			empty(inner);
		unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

static int open_folder(int parent, const char *name)
{
	return openat(
	    parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Removes a folder of this user that nobody has locked. */
static void remove_abandoned(int parent, const char *name)
{
	int folder = open_folder(parent, name);
	struct stat st;

	if (folder < 0)
		return;
	if (fstat(folder, &st) != 0 || st.st_uid != geteuid() ||
	    flock(folder, LOCK_EX | LOCK_NB) != 0) {
		close(folder);
		return;
	}
	empty(folder);
	unlinkat(parent, name, AT_REMOVEDIR);
}

static void sweep(const char *parent, const char *prefix)
{
	DIR *dir = opendir(parent);
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			remove_abandoned(dirfd(dir), entry->d_name);
	}
	closedir(dir);
}

/* Makes and locks the folder. Returns 1, -1, or 0: another job, which has taken it for
 * an abandoned one, was faster than the lock. */
static int make_folder(
    struct scratch *s, const char *parent, const char *prefix, struct err *e)
{
	struct stat here, there;

	s->path = mem_printf("%s/%sXXXXXX", parent, prefix);
	if (mkdtemp(s->path) == NULL) {
		err_errno(e, errno, "%s", parent);
		free(s->path);
		*s = (struct scratch){.lock = -1};
		return -1;
	}
	s->lock = open_folder(AT_FDCWD, s->path);
	if (s->lock >= 0 && flock(s->lock, LOCK_SH | LOCK_NB) == 0 &&
	    fstat(s->lock, &here) == 0 && stat(s->path, &there) == 0 &&
	    here.st_ino == there.st_ino)
		return 1;
	err_set(e, ERR_TRANSIENT, "%s was removed", s->path);
	scratch_close(s);
	return 0;
}

int scratch_open(
    struct scratch *s, const char *kind, const char *parent, struct err *e)
{
	char *prefix = mem_printf("reportd-%s-", kind);
	struct err why = {0};
	int made = 0;

	*s = (struct scratch){.lock = -1};
	sweep(parent, prefix);
	/* Each round needs a sweep of another job just then. */
	for (int round = 0; round < ROUNDS && made == 0; round++)
		made = make_folder(s, parent, prefix, &why);
	free(prefix);
	if (made == 1)
		return 0;
	*e = why;
	return -1;
}

void scratch_close(struct scratch *s)
{
	if (s->path == NULL)
		return;
	if (s->lock >= 0)
		empty(s->lock);
	rmdir(s->path);
	free(s->path);
	*s = (struct scratch){.lock = -1};
}
