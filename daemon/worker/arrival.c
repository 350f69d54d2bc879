/* SPDX-License-Identifier: MIT */
#include "worker/arrival.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "place/glob.h"

/* ms: files that arrive together are reported together, but none waits longer
 * for others than SETTLE_MOST_MS. */
#define SETTLE_MS 100
#define SETTLE_MOST_MS 1000

/* Folders to watch at most; the kernel has a limit for each user. Files in others
 * are found by listings. */
#define FOLDERS_MAX 2000

/* ns: the kernel's clock for files goes in steps of up to 10 ms. A folder that
 * has changed this recently may change again without a new time. A time further
 * in the future was set by somebody, or comes from another clock; it does not
 * tell the age. */
#define FRESH_NS INT64_C(50000000)

/* A file is complete when it is closed, or gets its name. */
#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR)

struct folder {
	char *path;
	int watch;
	size_t of; /* index in `paths` */
};

struct arrival {
	int fd;
	const json_t *paths;
	struct folder *folders;
	size_t count;
	bool *changed;
	bool lost;    /* events were lost: everything may have changed */
	size_t deaf;  /* folders that are there and cannot be watched */
	int deaf_why; /* errno */
	bool cut;     /* there are more than FOLDERS_MAX folders */
};

/* ---- watches ---- */

static void watch_folder(struct arrival *a, size_t of, const char *path)
{
	int watch = inotify_add_watch(a->fd, path, EVENTS);

	/* A folder that is missing or may not be read is reported by its
	 * listing. */
	if (watch < 0 && errno != ENOENT && errno != ENOTDIR &&
	    errno != EACCES) {
		a->deaf++;
		a->deaf_why = errno;
	}
	a->folders = mem_realloc(a->folders, a->count + 1, sizeof(*a->folders));
	a->folders[a->count++] =
	    (struct folder){.path = mem_strdup(path), .watch = watch, .of = of};
}

/* DT_UNKNOWN: the file system does not tell. */
static bool is_folder(const struct dirent *entry, const char *path)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Watches the folders in a folder that files of the pattern may lie in. */
static void watch_within(
    struct arrival *a, size_t of, const char *pattern, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir != NULL && !a->cut && (entry = readdir(dir)) != NULL) {
		char *path = mem_printf("%s/%s", folder, entry->d_name);

		if (entry->d_name[0] != '.' && is_folder(entry, path) &&
		    glob_enters(pattern, path)) {
			a->cut = a->count >= FOLDERS_MAX;
			if (!a->cut)
				watch_folder(a, of, path);
		}
		free(path);
	}
	if (dir != NULL)
		closedir(dir);
}

/* Watches a folder, and the folders in it in which files of the pattern may
 * lie. A folder is watched before it is read, so that folders made meanwhile
 * are met. */
static void watch_pattern(struct arrival *a, size_t of, const char *pattern)
{
	size_t n = glob_folder(pattern), next = a->count;
	char *top = mem_strndup(pattern, n > 1 ? n - 1 : n);

	watch_folder(a, of, top);
	for (; !glob_is_flat(pattern) && next < a->count; next++)
		watch_within(a, of, pattern, a->folders[next].path);
	free(top);
}

static void watch_all(struct arrival *a)
{
	const json_t *path;
	size_t i;

	json_array_foreach(a->paths, i, path)
	{
		watch_pattern(a, i, json_string_value(path));
	}
}

/* ---- marks: what changed while nobody watched ---- */

/* Adds a folder to the mark of its path; the order of folders does not matter.
 * Returns false when the folder has changed so recently that its time does not
 * cover later changes. */
static bool add_to_mark(const char *path, uint64_t *mark)
{
	struct timespec now;
	struct stat st;
	char text[80];
	int64_t sec, ns;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	if (stat(path, &st) != 0)
		st = (struct stat){0};
	n = snprintf(text, sizeof(text), "%ju %jd.%09ld ", (uintmax_t)st.st_ino,
	    (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	*mark +=
	    hash64(hash64(HASH64_BEGIN, text, (size_t)n), path, strlen(path));
	sec = (int64_t)now.tv_sec - st.st_mtim.tv_sec;
	if (sec < -1 || sec > 1)
		return true;
	ns = sec * INT64_C(1000000000) + now.tv_nsec - st.st_mtim.tv_nsec;
	return ns < -FRESH_NS || ns > FRESH_NS;
}

/* Returns {"PATTERN": mark}: a mark differs when files have come to, or gone
 * from, the folders that are watched for the pattern. */
static json_t *marks_of(const struct arrival *a)
{
	size_t n = json_array_size(a->paths);
	uint64_t *marks = mem_zalloc((n + 1) * sizeof(*marks));
	bool *fresh = mem_zalloc((n + 1) * sizeof(*fresh));
	json_t *all = json_object();

	for (size_t i = 0; i < a->count; i++) {
		const struct folder *f = &a->folders[i];

		fresh[f->of] |= !add_to_mark(f->path, &marks[f->of]);
	}
	for (size_t i = 0; i < n; i++) {
		if (!fresh[i])
			json_object_set_new(all,
			    json_string_value(json_array_get(a->paths, i)),
			    json_integer((json_int_t)marks[i]));
	}
	free(marks);
	free(fresh);
	return all;
}

/* Finds what changed since these marks. */
static void compare_marks(struct arrival *a, const json_t *before)
{
	json_t *now = marks_of(a);

	for (size_t i = 0; i < json_array_size(a->paths); i++) {
		const char *path =
		    json_string_value(json_array_get(a->paths, i));
		json_t *mark = json_object_get(now, path);

		a->changed[i] =
		    mark == NULL ||
		    !json_equal(mark, json_object_get(before, path));
	}
	json_decref(now);
}

/* ---- events ---- */

/* Says whether an event may be that of a new file, or of a new folder. */
static bool is_news(const struct inotify_event *event)
{
	if ((event->mask & IN_CREATE) != 0 && (event->mask & IN_ISDIR) == 0)
		return false;
	return event->len == 0 || !glob_is_partial(event->name);
}

static void take(struct arrival *a, const struct inotify_event *event)
{
	a->lost = a->lost || (event->mask & IN_Q_OVERFLOW) != 0;
	for (size_t i = 0; i < a->count && is_news(event); i++) {
		if (a->folders[i].watch == event->wd)
			a->changed[a->folders[i].of] = true;
	}
}

static bool has_news(const struct arrival *a)
{
	bool some = a->lost;

	for (size_t i = 0; i < json_array_size(a->paths); i++)
		some = some || a->changed[i];
	return some;
}

static void read_events(struct arrival *a)
{
	_Alignas(struct inotify_event) char some[16 << 10];
	ssize_t n;

	while ((n = read(a->fd, some, sizeof(some))) > 0) {
		const struct inotify_event *event;

		for (char *at = some; at < some + n;
		     at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)(void *)at;
			take(a, event);
		}
	}
}

/* Waits until there is news, and then a little longer for more. */
static void await(struct arrival *a, const struct watch *watch, int64_t ms)
{
	int64_t until = clock_boot_ms() + ms;
	struct err e;

	while (!has_news(a) && watch_wait(watch, a->fd, POLLIN, until, &e) == 1)
		read_events(a);
	until = clock_boot_ms() + SETTLE_MOST_MS;
	while (has_news(a) && clock_boot_ms() < until &&
	       watch_wait(
		   watch, a->fd, POLLIN, clock_boot_ms() + SETTLE_MS, &e) == 1)
		read_events(a);
}

static json_t *changed_paths(const struct arrival *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(a->paths); i++) {
		if (a->changed[i] || a->lost)
			json_array_append(list, json_array_get(a->paths, i));
	}
	return list;
}

/* Says which folders are not listened to; the caller frees it. NULL: none. */
static char *complaint(const struct arrival *a)
{
	if (a->fd < 0)
		return mem_printf("%s; raise fs.inotify.max_user_instances",
		    strerror(a->deaf_why));
	if (a->deaf > 0)
		return mem_printf("%zu folders: %s; raise "
				  "fs.inotify.max_user_watches",
		    a->deaf, strerror(a->deaf_why));
	return a->cut ? mem_printf("there are more than %d", FOLDERS_MAX)
		      : NULL;
}

static void free_folders(struct arrival *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->folders[i].path);
	free(a->folders);
}

void arrival_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out)
{
	struct arrival a = {.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC),
	    .paths = json_object_get(message, "paths")};
	json_t *marks = NULL;
	char *why;

	(void)stopped;
	a.deaf_why = errno;
	a.changed =
	    mem_zalloc((json_array_size(a.paths) + 1) * sizeof(*a.changed));
	if (a.fd >= 0) {
		watch_all(&a);
		compare_marks(&a, json_object_get(message, "marks"));
		await(
		    &a, services_watch(services), json_int(message, "wait", 0));
		/* The order matters: reading the events may change the marks.
		 * */
		marks = marks_of(&a);
		read_events(&a);
		close(a.fd);
	}
	why = complaint(&a);
	message_errand(out, MSG_ARRIVED, json_int(message, "run_id", 0),
	    json_pack("{sb so so* ss*}", "watched", a.fd >= 0, "paths",
		changed_paths(&a), "marks", marks, "error", why));
	free(why);
	free_folders(&a);
	free(a.changed);
}

void arrival_decline(const json_t *message, struct buf *out)
{
	message_errand(out, MSG_ARRIVED, json_int(message, "run_id", 0),
	    json_pack("{sb s[] sO*}", "watched", true, "paths", "marks",
		json_object_get(message, "marks")));
}
