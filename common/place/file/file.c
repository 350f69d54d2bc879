/* SPDX-License-Identifier: MIT */
#include "place/file/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "place/file/beneath.h"
#include "place/file/claim.h"

/* Bytes after which the kernel is told to write them to disk, so that the fsync
 * at the end has little left to wait for. */
#define WRITEBACK (8u << 20)
#define TEMP_MARK ".reportd-"

struct file {
	struct sink base;
	char *path, *dir;
	const char *name; /* the last part of path; points into it */
	char *temp;       /* temporary name; NULL: the file has no name yet */
	int fd, dir_fd;
	bool no_sync, create_only;
	char *mark; /* NULL: none */
	off_t written, pushed;
};

static int file_write(
    struct sink *s, const void *data, size_t len, struct err *e)
{
	struct file *f = (struct file *)s;

	if (io_write_all(f->fd, data, len, f->path, e) != 0)
		return -1;
	f->written += (off_t)len;
	if (!f->no_sync && f->written - f->pushed >= WRITEBACK) {
		sync_file_range(f->fd, f->pushed, f->written - f->pushed,
		    SYNC_FILE_RANGE_WRITE);
		f->pushed = f->written;
	}
	return 0;
}

static int file_finish(struct sink *s, struct err *e)
{
	struct file *f = (struct file *)s;

	if (!f->no_sync && fsync(f->fd) != 0)
		return err_errno(e, errno, "fsync of %s", f->path);
	return 0;
}

/* Gives the unnamed file a name; returns 0, or -1 with errno. */
static int link_as(struct file *f, const char *name)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	return linkat(AT_FDCWD, self, f->dir_fd, name, AT_SYMLINK_FOLLOW);
}

static char *temp_name(const struct file *f, unsigned int n)
{
	/* The name is cut, because NAME_MAX is 255 bytes and the mark needs
	 * room. */
	return mem_printf(
	    ".%.200s" TEMP_MARK "%d-%u", f->name, (int)getpid(), n);
}

static int say_exists(const struct file *f, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "%s is there already, and with the option \"create_only\" nothing "
	    "is replaced",
	    f->path);
}

/* Gives the file its name, unless the name is taken: 1. */
static int take_name(struct file *f, struct err *e)
{
	bool named = f->temp != NULL;

	if ((named ? claim_move(f->dir_fd, f->temp, f->name)
		   : link_as(f, f->name)) == 0) {
		free(f->temp);
		f->temp = NULL;
		return 0;
	}
	if (errno != EEXIST)
		return err_errno(e, errno, "publishing %s", f->path);
	return !f->create_only ||
		       claim_is_own(f->dir_fd, f->name, f->fd, f->mark)
		   ? 1
		   : say_exists(f, e);
}

/* linkat() cannot replace a file: when the name is taken, the new file first
 * gets a temporary name and is then renamed over the old one. */
static int replace(struct file *f, struct err *e)
{
	if (f->temp == NULL)
		flock(f->fd, LOCK_EX | LOCK_NB);
	for (unsigned int n = 0; f->temp == NULL; n++) {
		f->temp = temp_name(f, n);
		if (link_as(f, f->temp) == 0)
			break;
		free(f->temp);
		f->temp = NULL;
		if (errno != EEXIST)
			return err_errno(e, errno, "publishing %s", f->path);
	}
	if (renameat(f->dir_fd, f->temp, f->dir_fd, f->name) != 0)
		return err_errno(e, errno, "publishing %s", f->path);
	free(f->temp);
	f->temp = NULL;
	return 0;
}

static int file_publish(
    struct sink *s, const struct sink_terms *terms, struct err *e)
{
	struct file *f = (struct file *)s;
	int rc = f->temp == NULL || f->create_only ? take_name(f, e) : 1;

	(void)terms;
	if (rc < 0 || (rc > 0 && replace(f, e) != 0))
		return -1;
	if (!f->no_sync && fsync(f->dir_fd) != 0)
		return err_errno(e, errno, "fsync of directory %s", f->dir);
	return 0;
}

static void file_abort(struct sink *s)
{
	struct file *f = (struct file *)s;

	if (f->temp != NULL)
		unlinkat(f->dir_fd, f->temp, 0);
}

static void file_free(struct sink *s)
{
	struct file *f = (struct file *)s;

	if (f->fd >= 0)
		close(f->fd);
	if (f->dir_fd >= 0)
		close(f->dir_fd);
	free(f->temp);
	free(f->mark);
	free(f->dir);
	free(f->path);
	free(f);
}

static const struct sink_type file_type = {
    .name = "file",
    .write = file_write,
    .finish = file_finish,
    .publish = file_publish,
    .abort = file_abort,
    .free = file_free,
};

/* ---- directories ---- */

/* The directory below which other directories are opened; root -1: anywhere. */
struct where {
	int root;
	mode_t mode; /* permissions of new directories */
	bool no_sync;
};

static int open_at(const struct where *p, const char *dir, int flags)
{
	flags |= O_DIRECTORY | O_CLOEXEC;
	return p->root < 0 ? open(dir, flags)
			   : beneath_open(p->root, dir, flags);
}

static int refuse_dir(const char *dir, const char *what, struct err *e)
{
	if (errno == EXDEV)
		return err_set(e, ERR_PERMANENT,
		    "%s %s: a symbolic link in it leads out of output_root, or "
		    "is absolute; mount the other place there instead",
		    what, dir);
	return err_errno(e, errno, "%s %s", what, dir);
}

/* Syncs the parent of a new directory, because the parent holds its name. */
static int sync_dir(int parent, const char *dir, struct err *e)
{
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return 0; /* no permission to read it */
	rc = fsync(fd) == 0 ? 0 : err_errno(e, errno, "fsync above %s", dir);
	close(fd);
	return rc;
}

/* Makes the directory `dir`, whose parent must exist; one that exists already
 * is no error. */
static int make_dir(const struct where *p, const char *dir, struct err *e)
{
	const char *slash = strrchr(dir, '/');
	const char *name = slash ? slash + 1 : dir;
	char *above = mem_strndup(dir, slash == dir ? 1
				       : slash      ? (size_t)(slash - dir)
						    : 0);
	int parent = open_at(p, above, O_PATH), rc = 0;

	free(above);
	if (parent < 0)
		return refuse_dir(dir, "opening the parent of", e);
	if (mkdirat(parent, name, p->mode) != 0)
		rc = errno == EEXIST
			 ? 0
			 : err_errno(e, errno, "making directory %s", dir);
	else if (!p->no_sync)
		rc = sync_dir(parent, dir, e);
	close(parent);
	return rc;
}

/* Makes a directory and its missing parents, as mkdir -p does. */
static int make_dirs(const struct where *p, const char *dir, struct err *e)
{
	char *copy = mem_strdup(dir);
	int rc = 0;

	for (char *end = copy; rc == 0 && *end != '\0';) {
		char slash;

		end += strspn(end, "/");
		end += strcspn(end, "/");
		slash = *end;
		*end = '\0';
		rc = make_dir(p, copy, e);
		*end = slash;
		end += strspn(end, "/");
	}
	free(copy);
	return rc;
}

/* Opens a directory, which is made when it is missing; -1 on error. */
static int open_dir(const struct where *p, const char *dir, struct err *e)
{
	int fd = open_at(p, dir, O_RDONLY);

	if (fd < 0 && errno == ENOENT) {
		if (make_dirs(p, dir, e) != 0)
			return -1;
		fd = open_at(p, dir, O_RDONLY);
	}
	return fd < 0 ? refuse_dir(dir, "opening directory", e) : fd;
}

static int open_below(struct file *f, const struct file_options *o,
    const struct where *anywhere, struct err *e)
{
	struct where below = *anywhere;
	const char *dir = beneath_part(o->root, f->dir);

	below.root = open_dir(anywhere, o->root, e);
	if (below.root < 0)
		return -1;
	/* A file in the root itself: the path of its directory lacks the slash
	 * that beneath_part looks for. */
	if (dir == NULL || *dir == '\0') {
		f->dir_fd = below.root;
		return 0;
	}
	f->dir_fd = open_dir(&below, dir, e);
	close(below.root);
	return f->dir_fd < 0 ? err_wrap(e, "output_root %s", o->root) : 0;
}

static int open_place(
    struct file *f, const struct file_options *o, struct err *e)
{
	struct where anywhere = {.root = -1,
	    .mode = o->mode | (o->mode & 0444) >> 2 | 0300,
	    .no_sync = o->no_sync};

	if (o->root == NULL)
		f->dir_fd = open_dir(&anywhere, f->dir, e);
	else if (beneath_part(o->root, f->path) == NULL)
		return err_set(e, ERR_PERMANENT, "%s does not lie in %s",
		    f->path, o->root);
	else
		return open_below(f, o, &anywhere, e);
	return f->dir_fd < 0 ? -1 : 0;
}

/* Says whether the name has the form `.NAME.reportd-PID-N`. */
static bool is_temp(const char *name)
{
	const char *at = *name == '.' ? strrchr(name, '.') : NULL;
	size_t pid, n;

	if (at == NULL || strncmp(at, TEMP_MARK, strlen(TEMP_MARK)) != 0)
		return false;
	at += strlen(TEMP_MARK);
	pid = strspn(at, "0123456789");
	if (pid == 0 || at[pid] != '-')
		return false;
	n = strspn(at + pid + 1, "0123456789");
	return n > 0 && at[pid + 1 + n] == '\0';
}

/* Removes temporary files whose writer has ended, which are those that nobody
 * has locked. */
static void sweep(struct file *f)
{
	int fd = openat(f->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(d)) != NULL) {
		int temp;

		if (!is_temp(entry->d_name))
			continue;
		temp = openat(f->dir_fd, entry->d_name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (temp < 0)
			continue;
		if (flock(temp, LOCK_EX | LOCK_NB) == 0)
			unlinkat(f->dir_fd, entry->d_name, 0);
		close(temp);
	}
	closedir(d);
}

static int open_unnamed(struct file *f)
{
	static bool proc; /* /proc has been seen */
	char self[64];

	f->fd = openat(f->dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (f->fd < 0)
		return -1;
	/* The file gets its name through /proc, which a bare chroot may
	 * lack. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	proc = proc || access(self, F_OK) == 0;
	if (proc)
		return 0;
	close(f->fd);
	f->fd = -1;
	return -1;
}

/* Locks a new temporary file, waiting while a sweeper holds it. Returns false
 * when the sweeper has removed the file, because it saw no lock yet and took
 * the file for a stale one. */
static bool lock_new(int fd)
{
	struct stat st;

	while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
		;
	return fstat(fd, &st) != 0 || st.st_nlink > 0;
}

static int open_named(struct file *f, struct err *e)
{
	for (unsigned int n = 0;; n++) {
		char *temp = temp_name(f, n);

		f->fd = openat(f->dir_fd, temp,
		    O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		if (f->fd >= 0 && lock_new(f->fd)) {
			f->temp = temp;
			return 0;
		}
		free(temp);
		if (f->fd >= 0)
			close(f->fd);
		else if (errno != EEXIST)
			return err_errno(
			    e, errno, "creating a file in %s", f->dir);
	}
}

/* A name that is taken is said before the queries run, and before another output
 * of the run is published. */
static int check_claim(const struct file *f, struct err *e)
{
	struct stat st;

	if (fstatat(f->dir_fd, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !claim_is_own(f->dir_fd, f->name, f->fd, f->mark))
		return say_exists(f, e);
	if (f->mark != NULL && claim_mark(f->fd, f->mark) != 0)
		return err_errno(e, errno, "marking %s", f->path);
	return 0;
}

struct sink *file_open(const struct file_options *o, struct err *e)
{
	struct file *f = mem_zalloc(sizeof(*f));
	const char *slash = strrchr(o->path, '/');

	f->base.type = &file_type;
	f->fd = f->dir_fd = -1;
	f->path = mem_strdup(o->path);
	f->name = f->path + (slash - o->path) + 1;
	f->dir = mem_strndup(
	    o->path, slash == o->path ? 1 : (size_t)(slash - o->path));
	f->no_sync = o->no_sync;
	f->create_only = o->create_only;
	f->mark = mem_strdup(o->mark);
	if (strlen(f->name) > 255) {
		err_errno(e, ENAMETOOLONG, "%s", o->path);
		goto failed;
	}
	if (open_place(f, o, e) != 0)
		goto failed;
	if (o->sweep)
		sweep(f);
	if (open_unnamed(f) != 0 && open_named(f, e) != 0)
		goto failed;
	if (fchmod(f->fd, o->mode) != 0) {
		err_errno(e, errno, "chmod of %s", o->path);
		goto failed;
	}
	if (f->create_only && check_claim(f, e) != 0)
		goto failed;
	return &f->base;
failed:
	sink_free(&f->base);
	return NULL;
}
