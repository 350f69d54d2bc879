/* SPDX-License-Identifier: MIT */
#include "sink/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* Writeback is started every so many bytes, so that the fsync at the end finds
 * little left to wait for. */
#define WRITEBACK (8u << 20)
#define TEMP_MARK ".reportd-"

struct file {
	struct sink base;
	char *path, *dir;
	const char *name; /* the last part of path */
	char *temp;       /* NULL: the file has no name yet */
	int fd, dir_fd;
	bool no_sync;
	off_t written, pushed;
};

int file_write_all(
    int fd, const void *data, size_t len, const char *name, struct err *e)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno, "writing %s", name);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int file_write(
    struct sink *s, const void *data, size_t len, struct err *e)
{
	struct file *f = (struct file *)s;

	if (file_write_all(f->fd, data, len, f->path, e) != 0)
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

/* A name for the unnamed file; 0, or -1 with errno. */
static int link_as(struct file *f, const char *name)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	return linkat(AT_FDCWD, self, f->dir_fd, name, AT_SYMLINK_FOLLOW);
}

static char *temp_name(const struct file *f, unsigned int n)
{
	/* A long name leaves no room for the mark: NAME_MAX is 255. */
	return mem_printf(
	    ".%.200s" TEMP_MARK "%d-%u", f->name, (int)getpid(), n);
}

/* linkat() replaces nothing, so over an old file it takes two steps. */
static int file_publish(struct sink *s, struct err *e)
{
	struct file *f = (struct file *)s;

	if (f->temp == NULL) {
		if (link_as(f, f->name) == 0)
			goto linked;
		if (errno != EEXIST)
			return err_errno(e, errno, "publishing %s", f->path);
		flock(f->fd, LOCK_EX | LOCK_NB);
		for (unsigned int n = 0;; n++) {
			f->temp = temp_name(f, n);
			if (link_as(f, f->temp) == 0)
				break;
			free(f->temp);
			f->temp = NULL;
			if (errno != EEXIST)
				return err_errno(
				    e, errno, "publishing %s", f->path);
		}
	}
	if (renameat(f->dir_fd, f->temp, f->dir_fd, f->name) != 0)
		return err_errno(e, errno, "publishing %s", f->path);
	free(f->temp);
	f->temp = NULL;
linked:
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

/* A directory that is new is synced into its parent, where its name stands. */
static int make_dir(const struct file *f, mode_t mode, struct err *e)
{
	char *parent;
	int fd, rc;

	if (mkdir(f->dir, mode) != 0)
		return errno == EEXIST
			   ? 0
			   : err_errno(e, errno, "making directory %s", f->dir);
	if (f->no_sync)
		return 0;
	parent = mem_printf("%s/..", f->dir);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(parent);
	if (fd < 0)
		return 0; /* not ours to read */
	rc = fsync(fd) == 0 ? 0 : err_errno(e, errno, "fsync above %s", f->dir);
	close(fd);
	return rc;
}

/* mkdir -p */
static int make_dirs(struct file *f, mode_t mode, struct err *e)
{
	char *end = f->dir;
	int rc;

	for (;;) {
		char slash;

		end += 1 + strcspn(end + 1, "/");
		slash = *end;
		*end = '\0';
		rc = make_dir(f, mode | (mode & 0444) >> 2 | 0300, e);
		*end = slash;
		if (rc != 0 || slash == '\0')
			return rc;
	}
}

static int open_dir(struct file *f, mode_t mode, struct err *e)
{
	f->dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir_fd < 0 && errno == ENOENT) {
		if (make_dirs(f, mode, e) != 0)
			return -1;
		f->dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return f->dir_fd < 0
		   ? err_errno(e, errno, "opening directory %s", f->dir)
		   : 0;
}

/* Removes temporary files whose writer is gone: its lock went with it. */
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

		if (entry->d_name[0] != '.' ||
		    strstr(entry->d_name, TEMP_MARK) == NULL)
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
	static bool proc; /* seen */
	char self[64];

	f->fd = open(f->dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (f->fd < 0)
		return -1;
	/* It gets its name through /proc, which a bare chroot may lack. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	proc = proc || access(self, F_OK) == 0;
	if (proc)
		return 0;
	close(f->fd);
	f->fd = -1;
	return -1;
}

/* False when a sweeper took the new file for a stale one before it had its
 * lock. Waits for as long as one looks at it. */
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
	if (strlen(f->name) > 255) {
		err_errno(e, ENAMETOOLONG, "%s", o->path);
		goto failed;
	}
	if (open_dir(f, o->mode, e) != 0)
		goto failed;
	if (o->sweep)
		sweep(f);
	if (open_unnamed(f) != 0 && open_named(f, e) != 0)
		goto failed;
	if (fchmod(f->fd, o->mode) != 0) {
		err_errno(e, errno, "chmod of %s", o->path);
		goto failed;
	}
	return &f->base;
failed:
	sink_free(&f->base);
	return NULL;
}
