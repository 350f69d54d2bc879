/* SPDX-License-Identifier: MIT */
#include "place/file/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MARK "user.reportd"
#define MARK_MAX 256

static const struct option_rule inside[] = {
    {"create_only", JSON_TRUE, NULL, "refuse to replace a file; default false",
	NULL},
    OPTION_END,
};
static const struct option_rule rules[] = {
    {"file", JSON_OBJECT, NULL,
	"how a local file is made; for an output_path without a scheme",
	inside},
    OPTION_END,
};
const struct option_owner claim_options = {"file", rules, NULL};

int claim_rename(
    int from_folder, const char *from, int to_folder, const char *to)
{
	return (int)syscall(
	    SYS_renameat2, from_folder, from, to_folder, to, RENAME_NOREPLACE);
}

int claim_move(int folder, const char *from, const char *to)
{
	if (claim_rename(folder, from, folder, to) == 0)
		return 0;
	/* ENOSYS, EPERM: before Linux 3.15, and in some sandboxes */
	if (errno != EINVAL && errno != ENOSYS && errno != EPERM)
		return -1;
	if (linkat(folder, from, folder, to, 0) != 0)
		return -1;
	unlinkat(folder, from, 0);
	return 0;
}

int claim_mark(int fd, const char *mark)
{
	return fsetxattr(fd, MARK, mark, strlen(mark), 0) == 0 ||
		       errno == ENOTSUP || errno == EPERM
		   ? 0
		   : -1;
}

static bool is_same(int a, int b)
{
	struct stat one, other;

	return fstat(a, &one) == 0 && fstat(b, &other) == 0 &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static bool has_mark(int fd, const char *mark)
{
	char found[MARK_MAX];
	ssize_t n = fgetxattr(fd, MARK, found, sizeof(found));

	return n >= 0 && (size_t)n == strlen(mark) &&
	       memcmp(found, mark, (size_t)n) == 0;
}

bool claim_is_own(int folder, const char *name, int fd, const char *mark)
{
	int there = openat(
	    folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool own;

	if (there < 0)
		return false;
	/* The same file: a server of NFS did what it was asked, its answer was
	 * lost, and the repeat found the name taken. */
	own = is_same(there, fd) || (mark != NULL && has_mark(there, mark));
	close(there);
	return own;
}
