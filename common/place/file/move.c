/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "place/file/beneath.h"
#include "place/file/claim.h"
#include "place/file/scan.h"

#define PIECE ((size_t)256 << 10)

/* A folder that is open, and the name of a file in it. */
struct spot {
	int folder;
	char *name;
};

static void leave(struct spot *s)
{
	if (s->folder >= 0)
		close(s->folder);
	free(s->name);
}

/* Makes the folders of a path that lies below an open root. */
static void make_folders(int root, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		char *part = mem_strndup(path, (size_t)(slash - path));
		char *last = strrchr(part, '/');
		int in;

		if (last != NULL)
			*last = '\0';
		in = beneath_open_plain(
		    root, last ? part : "", O_PATH | O_DIRECTORY);
		if (in >= 0) {
			mkdirat(in, last ? last + 1 : part, 0755);
			close(in);
		}
		free(part);
	}
}

/* Opens the folder of an address below its root. */
static int reach(struct spot *s, const char *root, const char *address,
    bool make, struct err *e)
{
	const char *below = beneath_part(root, address);
	const char *slash = below ? strrchr(below, '/') : NULL;
	char *folder = slash ? mem_strndup(below, (size_t)(slash - below))
			     : mem_strdup("");
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	*s = (struct spot){.folder = -1};
	if (fd >= 0 && below != NULL) {
		if (make)
			make_folders(fd, below);
		s->folder =
		    beneath_open_plain(fd, folder, O_RDONLY | O_DIRECTORY);
		s->name = mem_strdup(slash ? slash + 1 : below);
	}
	if (s->folder < 0)
		beneath_refuse(address, e);
	if (fd >= 0)
		close(fd);
	free(folder);
	return s->folder < 0 ? -1 : 0;
}

/* Says whether the file of this version is there: 1: none, or another one. */
static int look(const struct spot *s, const char *version)
{
	char found[FILE_VERSION];
	struct stat st;

	if (fstatat(s->folder, s->name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return 1;
	file_version(&st, found);
	return strcmp(found, version) != 0;
}

static int rename_new(const struct spot *from, const struct spot *to)
{
	return claim_rename(from->folder, from->name, to->folder, to->name);
}

/* The writer may have replaced the file just before it was moved: it goes
 * back. */
static int check_moved(const struct spot *from, const struct spot *to,
    const char *version, struct err *e)
{
	if (look(to, version) == 0) {
		fsync(to->folder);
		fsync(from->folder);
		return 0;
	}
	rename_new(to, from);
	err_set(e, ERR_TRANSIENT, "%s was replaced meanwhile", from->name);
	return 1;
}

static int copy_bytes(int in, int out, struct err *e)
{
	char *piece = mem_alloc(PIECE);
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = read(in, piece, PIECE)) != 0)
		rc = n < 0 ? err_errno(e, errno, "reading")
			   : io_write_all(out, piece, (size_t)n, "a copy", e);
	free(piece);
	return rc;
}

/* ---- made under a hidden name ---- */

/* Opens the hidden file in which a new file is made; it is empty. The process
 * that makes the file holds its lock; a file that a killed process has left is
 * taken over. */
static int open_hidden(const struct spot *hidden, struct err *e)
{
	int fd = openat(hidden->folder, hidden->name,
	    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
	struct stat opened, named;

	if (fd < 0)
		return err_errno(e, errno, "%s", hidden->name);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &opened) == 0 &&
	    fstatat(hidden->folder, hidden->name, &named,
		AT_SYMLINK_NOFOLLOW) == 0 &&
	    opened.st_ino == named.st_ino && ftruncate(fd, 0) == 0)
		return fd;
	close(fd);
	return err_set(
	    e, ERR_TRANSIENT, "%s is made by another process", hidden->name);
}

/* Gives the file its name when it is complete, or removes it. 1: a file of that
 * name is there. */
static int end_hidden(const struct spot *hidden, int fd, int rc,
    const struct spot *to, struct err *e)
{
	if (rc == 0 && fsync(fd) != 0)
		rc = err_errno(e, errno, "fsync");
	if (rc == 0 && rename_new(hidden, to) != 0)
		rc = errno == EEXIST ? 1 : err_errno(e, errno, "%s", to->name);
	if (rc != 0)
		unlinkat(hidden->folder, hidden->name, 0);
	close(fd);
	fsync(to->folder);
	return rc;
}

static struct spot hidden_of(const struct spot *to)
{
	return (struct spot){
	    .folder = to->folder, .name = mem_printf(".%s.part", to->name)};
}

/* 1: a file of that name is there. */
static int copy_new(
    const struct spot *from, const struct spot *to, struct err *e)
{
	struct spot hidden = hidden_of(to);
	int in = openat(from->folder, from->name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int out = open_hidden(&hidden, e), rc = -1;
	struct stat st;

	if (out >= 0) {
		if (in < 0 || fstat(in, &st) != 0)
			err_errno(e, errno, "%s", from->name);
		else
			rc = copy_bytes(in, out, e);
		if (rc == 0)
			futimens(
			    out, (struct timespec[]){st.st_mtim, st.st_mtim});
		rc = end_hidden(&hidden, out, rc, to, e);
	}
	free(hidden.name);
	if (in >= 0)
		close(in);
	return rc;
}

/* Says whether a copy that an earlier attempt made is there: of the same size and
 * time, which a version holds after its inode. */
static bool is_copied(const struct spot *to, const char *version)
{
	const char *dash = strchr(version, '-');
	char found[FILE_VERSION];
	struct stat st;

	if (dash == NULL ||
	    fstatat(to->folder, to->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	file_version(&st, found);
	return S_ISREG(st.st_mode) && strcmp(strchr(found, '-'), dash) == 0;
}

/* Moves to another disk. 1: the name is taken; 2: the file is gone. */
static int move_far(const struct spot *from, const struct spot *to,
    const char *version, struct err *e)
{
	int rc = is_copied(to, version) ? 0 : copy_new(from, to, e);

	if (rc != 0)
		return rc;
	if (look(from, version) != 0) {
		unlinkat(to->folder, to->name, 0);
		err_set(
		    e, ERR_TRANSIENT, "%s was replaced meanwhile", from->name);
		return 2;
	}
	if (unlinkat(from->folder, from->name, 0) != 0)
		return err_errno(e, errno, "removing %s", from->name);
	fsync(from->folder);
	return 0;
}

/* 0: moved; 1: the name is taken; 2: the file is gone. */
static int move_to(const struct spot *from, const struct spot *to,
    const char *version, struct err *e)
{
	int rc;

	if (look(from, version) != 0) {
		if (is_copied(to, version))
			return 0;
		err_set(
		    e, ERR_TRANSIENT, "%s is not there any more", from->name);
		return 2;
	}
	if (rename_new(from, to) == 0) {
		rc = check_moved(from, to, version, e);
		return rc == 1 ? 2 : rc;
	}
	if (errno == EEXIST)
		return 1;
	return errno == EXDEV ? move_far(from, to, version, e)
			      : err_errno(e, errno, "%s", from->name);
}

/* A reason that is there is that of an earlier attempt. */
static int write_reason(
    const struct spot *to, const char *reason, struct err *e)
{
	struct spot beside = {.folder = to->folder,
	    .name = mem_printf("%s.reason.json", to->name)};
	struct spot hidden = hidden_of(&beside);
	int fd = open_hidden(&hidden, e), rc = -1;

	if (fd >= 0)
		rc = end_hidden(&hidden, fd,
		    io_write_all(fd, reason, strlen(reason), beside.name, e),
		    &beside, e);
	free(hidden.name);
	free(beside.name);
	return rc == 1 ? 0 : rc;
}

static int move_under(struct place_move *m, const struct spot *from,
    const char *address, struct err *e)
{
	struct spot to;
	int rc = reach(&to, m->to_root, address, true, e);

	if (rc == 0)
		rc = move_to(from, &to, m->version, e);
	if (rc == 0 && m->reason != NULL)
		rc = write_reason(&to, m->reason, e);
	if (rc == 0)
		m->moved_to = mem_strdup(address);
	leave(&to);
	return rc;
}

int file_move(
    const struct place_lent *lent, struct place_move *m, struct err *e)
{
	struct spot from;
	int rc = reach(&from, lent->root, m->address, false, e);

	if (rc == 0)
		rc = move_under(m, &from, m->to, e);
	if (rc == 1)
		rc = move_under(m, &from, m->otherwise, e);
	if (rc == 1)
		rc = err_set(
		    e, ERR_PERMANENT, "%s is there already", m->otherwise);
	leave(&from);
	return rc == 2 ? 1 : rc;
}
