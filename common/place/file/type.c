/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "place/file/beneath.h"
#include "place/file/file.h"
#include "place/file/scan.h"
#include "place/file/scheme.h"

/* Checks the address again, although it was checked when the report was queued:
 * another program could have changed the rows of the queue. */
static int file_allow(const struct place_lent *lent, const char *address,
    const json_t *options, struct err *e)
{
	(void)options;
	if (lent->root != NULL && beneath_part(lent->root, address) != NULL &&
	    strstr(address, "/../") == NULL)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "%s is not below [reportd] output_root (%s)", address,
	    lent->root ? lent->root : "not set");
}

static struct sink *file_open_place(const struct place_output *o, struct err *e)
{
	const json_t *own = json_object_get(o->options, place_scheme_file.name);
	/* an object has the same in its metadata, by which an earlier attempt is
	 * known */
	char *mark = o->report_id && o->request_id
			 ? mem_printf("%s %s", o->report_id, o->request_id)
			 : NULL;
	struct sink *sink =
	    file_open(&(struct file_options){.root = o->lent->root,
			  .path = o->address,
			  .mode = o->lent->file_mode,
			  .no_sync = o->lent->no_sync,
			  .sweep = o->again,
			  .create_only = json_bool(own, "create_only", false),
			  .mark = mark},
		e);

	free(mark);
	return sink;
}

/* ---- reading back ---- */

struct reader {
	struct place_reader base;
	char *path;
	int fd;
	char version[FILE_VERSION]; /* "": any */
};

/* Opens a file below the root for reading. No symbolic link leads out of the
 * root, so nobody can use one to have another file read. */
static int open_below(const struct place_lent *lent, const char *path)
{
	int dir = open(lent->root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, why;
	const char *part = beneath_part(lent->root, path);
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

	if (dir < 0)
		return -1;
	fd = lent->no_links ? beneath_open_plain(dir, part, flags)
			    : beneath_open(dir, part, flags);
	why = errno;
	close(dir);
	errno = why;
	return fd;
}

static int refuse_open(const char *path, struct err *e)
{
	char host[256] = "", *others;

	if (errno != ENOENT) {
		beneath_refuse(path, e);
		/* a repeat can succeed without a change of the report */
		e->kind = ERR_TRANSIENT;
		return -1;
	}
	gethostname(host, sizeof(host) - 1);
	others = place_forms(&place_scheme_file);
	err_set(e, ERR_TRANSIENT,
	    "%s is not there on %s: it was removed, or another daemon of this "
	    "queue has made it on a disk of its own (share output_root, or "
	    "write to %s)",
	    path, host, others);
	free(others);
	return -1;
}

static int file_open_read(const struct place_lent *lent, const char *path,
    struct stat *st, struct err *e)
{
	int fd = lent->root != NULL
		     ? open_below(lent, path)
		     : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return refuse_open(path, e);
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	err_set(e, ERR_PERMANENT, "%s is not a regular file", path);
	close(fd);
	return -1;
}

static struct place_reader *file_read(
    const struct place_lent *lent, const char *address, struct err *e)
{
	struct reader *r;
	struct stat st;
	int fd = file_open_read(lent, address, &st, e);

	if (fd < 0)
		return NULL;
	r = mem_zalloc(sizeof(*r));
	r->base = (struct place_reader){&place_file, (int64_t)st.st_size};
	r->path = mem_strdup(address);
	r->fd = fd;
	return &r->base;
}

static int file_read_at(struct place_reader *reader, int64_t from, char *to,
    size_t len, struct err *e)
{
	struct reader *r = (struct reader *)reader;

	while (len > 0) {
		ssize_t n = pread(r->fd, to, len, (off_t)from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno, "%s", r->path);
		if (n == 0)
			return 1;
		to += n;
		from += n;
		len -= (size_t)n;
	}
	return 0;
}

static void file_read_end(struct place_reader *reader)
{
	struct reader *r = (struct reader *)reader;

	close(r->fd);
	free(r->path);
	free(r);
}

/* Says whether the file is still the pinned version, with one name. */
static int file_pinned(struct place_reader *reader, struct err *e)
{
	const struct reader *r = (struct reader *)reader;
	char now[FILE_VERSION];
	struct stat st;

	if (fstat(r->fd, &st) != 0)
		return err_errno(e, errno, "%s", r->path);
	file_version(&st, now);
	if (strcmp(now, r->version) == 0 && st.st_nlink <= 1)
		return 0;
	err_set(
	    e, ERR_TRANSIENT, "%s was replaced or changed meanwhile", r->path);
	return 1;
}

static int file_pin(const struct place_lent *lent, const char *address,
    const char *version, struct place_reader **reader, struct err *e)
{
	struct reader *r;
	struct stat st;
	int fd, rc;

	*reader = NULL;
	errno = 0;
	fd = file_open_read(lent, address, &st, e);
	/* A link or a folder that took its place is no error of the run. */
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == EXDEV ||
			       errno == ENOTDIR
			   ? 1
			   : -1;
	r = mem_zalloc(sizeof(*r));
	r->base = (struct place_reader){&place_file, (int64_t)st.st_size};
	r->path = mem_strdup(address);
	r->fd = fd;
	str_copy(r->version, sizeof(r->version), version);
	rc = file_pinned(&r->base, e);
	if (rc == 0)
		*reader = &r->base;
	else
		file_read_end(&r->base);
	return rc;
}

/* A file needs no URL: people open it at its path. So only its existence is
 * checked, and *url stays NULL. */
static int file_link(const struct place_lent *lent, const char *address,
    int64_t seconds, char **url, int64_t *ends, struct err *e)
{
	struct place_reader *r = file_read(lent, address, e);

	(void)seconds;
	(void)url;
	(void)ends;
	if (r == NULL)
		return -1;
	file_read_end(r);
	return 0;
}

const struct place_type place_file = {
    .scheme = &place_scheme_file,
    .allow = file_allow,
    .open = file_open_place,
    .read = file_read,
    .read_at = file_read_at,
    .read_end = file_read_end,
    .pin = file_pin,
    .pinned = file_pinned,
    .scan = file_scan,
    .move = file_move,
    .link = file_link,
};
