/* SPDX-License-Identifier: MIT */
#include "place/file/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "place/file/beneath.h"
#include "place/glob.h"

/* Folders within each other, and folders in all, that a search enters. */
#define DEPTH_MAX 32
#define FOLDERS_MAX 10000
/* Bytes of a path: longer ones have no place in the ledger. */
#define PATH_BYTES 1024

struct search {
	struct place_scan *scan;
	const char *root;
	int root_fd;
	char **paths; /* absolute, of files whose names match */
	size_t count, room;
	int64_t names; /* that were looked at */
	int folders;
	const struct watch *watch;
};

void file_version(const struct stat *st, char text[static FILE_VERSION])
{
	snprintf(text, FILE_VERSION, "%ju-%jd.%09ld-%jd", (uintmax_t)st->st_ino,
	    (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
	    (intmax_t)st->st_size);
}

static int64_t modified_ms(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000 +
	       st->st_mtim.tv_nsec / 1000000;
}

static int too_many(const struct search *s, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "it holds more than %lld names: archive files, read a folder with "
	    "fewer, or raise max_files in [inputs] of the settings",
	    (long long)s->scan->most);
}

static int keep(struct search *s, char *path, struct err *e)
{
	if (s->count >= (size_t)s->scan->most) {
		free(path);
		return too_many(s, e);
	}
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 256;
		s->paths = mem_realloc(s->paths, s->room, sizeof(*s->paths));
	}
	s->paths[s->count++] = path;
	return 0;
}

static int enter(
    struct search *s, const char *folder, int depth, struct err *e);

static bool is_folder(DIR *dir, const struct dirent *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_DIR;
	return fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

/* Takes the name of a file, or enters a folder. Frees the path. */
static int look_at(struct search *s, DIR *dir, const struct dirent *d,
    char *path, int depth, struct err *e)
{
	int rc = 0;

	if (++s->names > s->scan->most) {
		rc = too_many(s, e);
	} else if (glob_is_partial(path) || strlen(path) > PATH_BYTES ||
		   str_has_control(path) || !str_is_utf8(path, strlen(path))) {
		rc = 0;
	} else if (is_folder(dir, d)) {
		if (depth < DEPTH_MAX && glob_enters(s->scan->pattern, path))
			rc = enter(s, path, depth + 1, e);
	} else if (glob_matches(s->scan->pattern, path)) {
		return keep(s, path, e);
	}
	free(path);
	return rc;
}

static DIR *open_folder(struct search *s, const char *folder, struct err *e)
{
	/* NULL: it is the root itself */
	const char *part = beneath_part(s->root, folder);
	int fd = beneath_open_plain(
	    s->root_fd, part ? part : "", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL) {
		beneath_refuse(folder, e);
		if (fd >= 0)
			close(fd);
	}
	return dir;
}

static int enter(struct search *s, const char *folder, int depth, struct err *e)
{
	DIR *dir = open_folder(s, folder, e);
	const struct dirent *d;
	int rc = 0;

	/* A folder within may have gone, or be closed to this user. */
	if (dir == NULL)
		return depth > 0 ? 0 : -1;
	if (++s->folders > FOLDERS_MAX)
		rc = err_set(e, ERR_PERMANENT, "it holds more than %d folders",
		    FOLDERS_MAX);
	while (rc == 0 && (d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		if (s->names % 1000 == 999)
			rc = watch_check(s->watch, e);
		if (rc == 0)
			rc = look_at(s, dir, d,
			    mem_printf("%s/%s", folder, d->d_name), depth, e);
	}
	closedir(dir);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Meets one file, unless it has gone or is no regular file. */
static int meet(struct search *s, const char *path, struct err *e)
{
	int fd = beneath_open_plain(
	    s->root_fd, beneath_part(s->root, path), O_PATH | O_NOFOLLOW);
	char version[FILE_VERSION];
	struct stat st;
	bool found;

	if (fd < 0)
		return 0;
	found = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	close(fd);
	if (!found)
		return 0;
	file_version(&st, version);
	return s->scan->meet(s->scan->arg,
	    &(struct place_file){.address = path,
		.version = version,
		.size = (int64_t)st.st_size,
		.modified_ms = modified_ms(&st),
		.fault = st.st_nlink > 1 ? "it has more than one name (a hard "
					   "link): copy or move it there"
					 : NULL},
	    e);
}

static int meet_all(struct search *s, struct err *e)
{
	const char *after = s->scan->after;
	int rc = 0;

	if (s->count > 1)
		qsort(s->paths, s->count, sizeof(*s->paths), by_name);
	for (size_t i = 0; rc == 0 && i < s->count; i++) {
		if (after != NULL && strcmp(s->paths[i], after) <= 0)
			continue;
		rc = meet(s, s->paths[i], e);
		if (rc == 1 && i + 1 < s->count)
			s->scan->next = mem_strdup(s->paths[i]);
	}
	return rc < 0 ? -1 : 0;
}

int file_scan(
    const struct place_lent *lent, struct place_scan *scan, struct err *e)
{
	struct search s = {.scan = scan,
	    .root = lent->root,
	    .root_fd = open(lent->root, O_PATH | O_DIRECTORY | O_CLOEXEC),
	    .watch = services_watch(lent->services)};
	size_t n = glob_folder(scan->pattern);
	char *folder = mem_strndup(scan->pattern, n > 1 ? n - 1 : n);
	int rc;

	if (s.root_fd < 0)
		rc = err_errno(e, errno, "%s", lent->root);
	else
		rc = enter(&s, folder, 0, e) == 0 ? meet_all(&s, e) : -1;
	/* Another scan that goes on from here meets all of these names again.
	 * */
	if (scan->after == NULL)
		scan->looked += s.names;
	for (size_t i = 0; i < s.count; i++)
		free(s.paths[i]);
	free(s.paths);
	free(folder);
	if (s.root_fd >= 0)
		close(s.root_fd);
	return rc;
}
