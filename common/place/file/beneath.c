/* SPDX-License-Identifier: MIT */
#include "place/file/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

/* openat2 fails with EAGAIN when a directory on the path was renamed during the
 * call; it is then repeated up to this many times. */
#define TRIES 100

static int open_by_kernel(
    int root, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve};
	long fd;

	for (int i = 0;; i++) {
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd >= 0 || i == TRIES ||
		    (errno != EAGAIN && errno != EINTR))
			return (int)fd;
	}
}

static bool is_link(int in, const char *name)
{
	struct stat st;

	return fstatat(in, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISLNK(st.st_mode);
}

/* Opens one part of a path and closes the directory `in` that holds it.
 * Symbolic links are never followed here: only the kernel can follow one
 * without a race. */
static int step(int in, const char *name, size_t len, int flags)
{
	char *one = mem_strndup(name, len);
	int fd = -1, why;

	if (strcmp(one, "..") == 0)
		errno = EXDEV;
	else
		fd = openat(in, one, flags | O_NOFOLLOW | O_CLOEXEC);
	why = fd < 0 && is_link(in, one) ? EXDEV : errno;
	free(one);
	close(in);
	errno = why;
	return fd;
}

static int open_by_steps(int root, const char *path, int flags)
{
	int fd = fcntl(root, F_DUPFD_CLOEXEC, 0);

	while (fd >= 0) {
		size_t n = strcspn(path, "/"), slashes = strspn(path + n, "/");

		if (path[n + slashes] == '\0')
			return step(fd, path, n, flags);
		fd = step(fd, path, n, O_PATH | O_DIRECTORY);
		path += n + slashes;
	}
	return -1;
}

static int open_so(int root, const char *path, int flags, uint64_t resolve)
{
	int fd;

	path = *path == '\0' ? "." : path;
	fd = open_by_kernel(root, path, flags, resolve);
	/* A filter of system calls may answer EPERM instead of ENOSYS. */
	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd;
	return open_by_steps(root, path, flags);
}

int beneath_open(int root, const char *path, int flags)
{
	return open_so(root, path, flags, 0);
}

int beneath_open_plain(int root, const char *path, int flags)
{
	return open_so(root, path, flags, RESOLVE_NO_SYMLINKS);
}

int beneath_refuse(const char *path, struct err *e)
{
	int why = errno;

	err_errno(e, why, "%s", path);
	if (why == ELOOP || why == EXDEV)
		err_set(e, e->kind,
		    "%s: a symbolic link is on the way, and none is followed",
		    path);
	errno = why;
	return -1;
}

const char *beneath_part(const char *root, const char *path)
{
	size_t n = strlen(root);

	while (n > 0 && root[n - 1] == '/')
		n--;
	if (strncmp(path, root, n) != 0 || path[n] != '/')
		return NULL;
	return path + n + strspn(path + n, "/");
}
