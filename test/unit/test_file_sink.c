/* SPDX-License-Identifier: MIT */
#include "place/file/file.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "helper.h"

/*
 * The sink's system calls, replaced by ld's --wrap. The test records them,
 * makes one of them fail, and hides features that some file systems lack.
 */
static struct {
	int calls, fail_call, fail_with; /* the n-th call fails; 0: none */
	bool no_unnamed;                 /* O_TMPFILE fails */
	mode_t made_with;                /* mode of the last new file */
	size_t write_max;                /* most bytes per write; 0: no limit */
	/* after a named temporary file appeared */
	void (*after_create)(void);
	struct buf trace; /* names that were synced and linked */
} sys;

static bool fails(void)
{
	if (++sys.calls != sys.fail_call)
		return false;
	errno = sys.fail_with;
	return true;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode)
{
	return fails() ? -1 : __real_open(path, flags, mode);
}

int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode)
{
	void (*hook)(void) = sys.after_create;
	int fd;

	if (sys.no_unnamed && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE)
		sys.made_with = mode;
	fd = fails() ? -1 : __real_openat(dir, path, flags, mode);
	if (fd >= 0 && hook != NULL && (flags & O_CREAT) != 0) {
		sys.after_create = NULL;
		hook();
	}
	return fd;
}

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __wrap_access(const char *path, int mode)
{
	return fails() ? -1 : __real_access(path, mode);
}

int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode)
{
	return fails() ? -1 : __real_fchmod(fd, mode);
}

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	if (fails())
		return -1;
	if (sys.write_max != 0 && len > sys.write_max)
		len = sys.write_max;
	return __real_write(fd, data, len);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	char self[64], path[4096];
	ssize_t n;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	n = readlink(self, path, sizeof(path) - 1);
	path[n] = '\0';
	/* An unnamed file has no meaningful path. */
	buf_printf(&sys.trace, "fsync %s\n",
	    strstr(path, " (deleted)") ? "file" : strrchr(path, '/') + 1);
	return fails() ? -1 : __real_fsync(fd);
}

int __real_linkat(int, const char *, int, const char *, int);
int __wrap_linkat(
    int from_dir, const char *from, int dir, const char *to, int flags);
int __wrap_linkat(
    int from_dir, const char *from, int dir, const char *to, int flags)
{
	buf_printf(&sys.trace, "link\n");
	return fails() ? -1 : __real_linkat(from_dir, from, dir, to, flags);
}

int __real_renameat(int, const char *, int, const char *);
int __wrap_renameat(int from_dir, const char *from, int dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int dir, const char *to)
{
	buf_printf(&sys.trace, "rename\n");
	return fails() ? -1 : __real_renameat(from_dir, from, dir, to);
}

int __real_mkdirat(int at, const char *path, mode_t mode);
int __wrap_mkdirat(int at, const char *path, mode_t mode);
int __wrap_mkdirat(int at, const char *path, mode_t mode)
{
	int rc = fails() ? -1 : __real_mkdirat(at, path, mode);

	if (rc == 0)
		buf_printf(&sys.trace, "mkdir %s\n", path);
	return rc;
}

/* Each test has its own directory and must leave no descriptor open. */
static char *dir;
static int files_before;

static int setup(void **state)
{
	(void)state;
	sys.calls = sys.fail_call = 0;
	sys.no_unnamed = false;
	sys.write_max = 0;
	sys.after_create = NULL;
	buf_init(&sys.trace, 1 << 20);
	buf_str(&sys.trace, "");
	dir = dir_make();
	files_before = open_files();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_free(&sys.trace);
	dir_remove(dir);
	return open_files() == files_before ? 0 : -1;
}

static char *in_dir(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static struct sink *open_mode(const char *name, mode_t mode, struct err *e)
{
	char *path = in_dir(name);
	struct sink *s =
	    file_open(&(struct file_options){.path = path, .mode = mode}, e);

	free(path);
	return s;
}

static struct sink *open_sink(const char *name)
{
	struct err e = {.text = ""};
	struct sink *s = open_mode(name, 0640, &e);

	assert_err(&e, "");
	assert_non_null(s);
	return s;
}

static void sweep(void)
{
	struct err e;
	char *path = in_dir("sweeper.csv");

	sink_free(file_open(
	    &(struct file_options){.path = path, .mode = 0600, .sweep = true},
	    &e));
	free(path);
}

static void assert_content(const char *name, const char *expected)
{
	char *path = in_dir(name), *got = file_text(path);

	if (expected == NULL) {
		assert_null(got);
	} else {
		assert_non_null(got);
		assert_string_equal(got, expected);
	}
	free(got);
	free(path);
}

static void put(const char *name, const char *text)
{
	char *path = in_dir(name);

	file_put(path, text);
	free(path);
}

/* Runs a sink from open to publish; returns 0, or -1 with *e filled. */
static int write_whole(const char *name, const char *text, struct err *e)
{
	struct sink *s = open_mode(name, 0640, e);
	int rc = -1;

	if (s != NULL && sink_write(s, text, strlen(text), e) == 0 &&
	    sink_finish(s, e) == 0)
		rc = sink_publish(s, NULL, e);
	sink_free(s);
	return rc;
}

/* Each test runs twice: the file has no name while it is written, or it has
 * one. */
TEST(a_new_file_appears_with_publish)
{
	struct err e;

	for (int named = 0; named < 2; named++) {
		const char *name = named ? "b.csv" : "a.csv";
		struct sink *s;

		sys.no_unnamed = named;
		s = open_sink(name);
		assert_int_equal(sink_write(s, "id\n", 3, &e), 0);
		assert_int_equal(sink_write(s, "1\n", 2, &e), 0);
		assert_content(name, NULL);
		assert_int_equal(sink_finish(s, &e), 0);
		assert_content(name, NULL);
		assert_int_equal(sink_publish(s, NULL, &e), 0);
		assert_content(name, "id\n1\n");
		sink_free(s);
		assert_content(name, "id\n1\n");
	}
	assert_int_equal(dir_count(dir), 2);
}

TEST(an_empty_file_is_a_file)
{
	struct err e;

	assert_int_equal(write_whole("a.csv", "", &e), 0);
	assert_content("a.csv", "");
}

TEST(an_old_file_is_replaced_with_publish)
{
	for (int named = 0; named < 2; named++) {
		struct err e;
		struct sink *s;

		sys.no_unnamed = named;
		put("a.csv", "old");
		s = open_sink("a.csv");
		assert_int_equal(sink_write(s, "new", 3, &e), 0);
		assert_int_equal(sink_finish(s, &e), 0);
		assert_content("a.csv", "old");
		assert_int_equal(sink_publish(s, NULL, &e), 0);
		assert_content("a.csv", "new");
		sink_free(s);
		assert_int_equal(dir_count(dir), 1);
	}
}

TEST(abort_and_free_leave_nothing)
{
	for (int way = 0; way < 12; way++) {
		struct err e;
		struct sink *s;

		sys.no_unnamed = way % 2;
		if (way >= 6)
			put("a.csv", "old");
		s = open_sink("a.csv");
		sink_write(s, "new", 3, &e);
		if (way % 6 / 2 == 1)
			sink_finish(s, &e);
		if (way % 6 / 2 == 2)
			sink_abort(s);
		sink_free(s);
		assert_content("a.csv", way >= 6 ? "old" : NULL);
		assert_int_equal(dir_count(dir), way >= 6);
	}
}

TEST(a_link_is_replaced_not_followed)
{
	char *path = in_dir("a.csv");
	struct err e;

	put("elsewhere", "safe");
	assert_return_code(symlink("elsewhere", path), errno);
	assert_int_equal(write_whole("a.csv", "new", &e), 0);
	assert_content("a.csv", "new");
	assert_content("elsewhere", "safe");
	free(path);
}

TEST(missing_directories_are_made)
{
	struct err e;

	assert_int_equal(write_whole("x/y/z/a.csv", "1", &e), 0);
	assert_content("x/y/z/a.csv", "1");
	assert_int_equal(write_whole("x/y/b.csv", "2", &e), 0);
	assert_content("x/y/b.csv", "2");
}

static mode_t mode_of(const char *name)
{
	char *path = in_dir(name);
	struct stat st;

	assert_return_code(stat(path, &st), errno);
	free(path);
	return st.st_mode & 07777;
}

TEST(mode_bits_are_those_of_the_options)
{
	static const struct {
		mode_t file, directory;
	} cases[] = {{0640, 0750}, {0600, 0700}, {0644, 0755}, {0664, 0775},
	    {0400, 0700}};
	mode_t mask = umask(0);

	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		mode_t mode = cases[i / 2].file;
		char name[32], parent[32];
		struct sink *s;
		struct err e;

		snprintf(parent, sizeof(parent), "d%zu", i);
		snprintf(name, sizeof(name), "d%zu/a.csv", i);
		sys.no_unnamed = i % 2;
		s = open_mode(name, mode, &e);
		assert_non_null(s);
		assert_int_equal(mode_of(parent), cases[i / 2].directory);
		/* A process that opens a file before fchmod() keeps it open. */
		assert_int_equal(sys.made_with, 0600);
		umask(077); /* the file's mode does not depend on it */
		assert_int_equal(sink_write(s, "x", 1, &e), 0);
		assert_int_equal(sink_finish(s, &e), 0);
		assert_int_equal(sink_publish(s, NULL, &e), 0);
		sink_free(s);
		assert_int_equal(mode_of(name), mode);
		umask(0);
	}
	umask(mask);
}

TEST(bytes_are_on_disk_before_the_name_and_the_name_before_success)
{
	char *expected, *base = strrchr(dir, '/') + 1;
	struct err e;

	assert_int_equal(write_whole("a.csv", "1", &e), 0);
	expected = mem_printf("fsync file\nlink\nfsync %s\n", base);
	assert_string_equal(sys.trace.data, expected);
	free(expected);
	buf_clear(&sys.trace);
	assert_int_equal(write_whole("a.csv", "2", &e), 0);
	expected =
	    mem_printf("fsync file\nlink\nlink\nrename\nfsync %s\n", base);
	assert_string_equal(sys.trace.data, expected);
	free(expected);
}

/* The name of a directory is on disk once its parent is synced. */
TEST(new_directories_are_synced_into_their_parents)
{
	char *expected, *base = strrchr(dir, '/') + 1;
	struct err e;

	assert_int_equal(write_whole("x/y/a.csv", "1", &e), 0);
	expected = mem_printf("mkdir x\nfsync %s\nmkdir y\nfsync x\n"
			      "fsync file\nlink\nfsync y\n",
	    base);
	assert_string_equal(sys.trace.data, expected);
	free(expected);
}

TEST(no_sync_leaves_out_every_fsync)
{
	char *path = in_dir("x/y/a.csv");
	struct sink *s;
	struct err e;

	s = file_open(
	    &(struct file_options){.path = path, .mode = 0640, .no_sync = true},
	    &e);
	assert_non_null(s);
	assert_int_equal(sink_write(s, "x", 1, &e), 0);
	assert_int_equal(sink_finish(s, &e), 0);
	assert_int_equal(sink_publish(s, NULL, &e), 0);
	sink_free(s);
	assert_content("x/y/a.csv", "x");
	assert_null(strstr(sys.trace.data, "fsync"));
	free(path);
}

TEST(short_and_interrupted_writes_go_on)
{
	struct err e;

	sys.write_max = 1;
	assert_int_equal(write_whole("a.csv", "one at a time", &e), 0);
	assert_content("a.csv", "one at a time");
	sys.fail_with = EINTR;
	for (sys.fail_call = 1; sys.fail_call < 10; sys.fail_call++) {
		int fd[2];
		char got[4] = "";

		assert_return_code(pipe(fd), errno);
		sys.calls = 0;
		assert_int_equal(io_write_all(fd[1], "abc", 3, "x", &e), 0);
		assert_int_equal(read(fd[0], got, sizeof(got)), 3);
		assert_string_equal(got, "abc");
		close(fd[0]);
		close(fd[1]);
	}
}

TEST(large_outputs_are_whole)
{
	enum { PIECE = 1 << 20, PIECES = 20 };
	char *piece = mem_zalloc(PIECE + 1), *path = in_dir("a.csv"), *got;
	struct sink *s = open_sink("a.csv");
	struct err e;

	for (int i = 0; i < PIECES; i++) {
		memset(piece, 'a' + i, PIECE);
		assert_int_equal(sink_write(s, piece, PIECE, &e), 0);
	}
	assert_int_equal(sink_finish(s, &e), 0);
	assert_int_equal(sink_publish(s, NULL, &e), 0);
	sink_free(s);
	got = file_text(path);
	assert_int_equal(strlen(got), PIECE * PIECES);
	for (int i = 0; i < PIECES; i++) {
		memset(piece, 'a' + i, PIECE);
		assert_memory_equal(got + (size_t)i * PIECE, piece, PIECE);
	}
	free(got);
	free(path);
	free(piece);
}

/* Whichever system call fails, the target has its old or its complete new
 * content, no other file is left, and no descriptor is open (see teardown). */
static void fail_every_call(bool named, const char *old)
{
	for (int n = 1;; n++) {
		char *path = in_dir("sub/a.csv"), *sub = in_dir("sub"), *got;
		struct err e = {.text = ""};
		bool reached;
		int rc;

		if (old != NULL) {
			mkdir(sub, 0700);
			file_put(path, old);
		}
		sys.no_unnamed = named;
		sys.fail_with = ENOSPC;
		sys.calls = 0;
		sys.fail_call = n;
		rc = write_whole("sub/a.csv", "new", &e);
		reached = sys.calls >= n;
		sys.fail_call = 0;
		got = file_text(path);
		if (rc == 0) {
			assert_string_equal(got, "new");
		} else {
			assert_err_has(&e, "No space left on device");
			assert_int_equal(e.kind, ERR_TRANSIENT);
			assert_true(got == NULL || strcmp(got, "new") == 0 ||
				    (old != NULL && strcmp(got, old) == 0));
		}
		assert_in_range(dir_count(sub) + 1, 0, 1 + (got != NULL));
		unlink(path);
		rmdir(sub);
		free(got);
		free(sub);
		free(path);
		if (!reached) {
			assert_in_range(n, 8, 30);
			return;
		}
	}
}

TEST(any_failing_system_call_leaves_all_or_nothing)
{
	for (int named = 0; named < 2; named++) {
		fail_every_call(named, NULL);
		fail_every_call(named, "old");
	}
}

/* A file-size limit has the effect of a full disk: it stops a write in its
 * middle. */
TEST(a_full_disk_is_said_and_leaves_nothing)
{
	struct rlimit limit, small;
	char *big = mem_zalloc(100001);

	memset(big, 'x', 100000);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = limit;
	small.rlim_cur = 65536;
	for (int named = 0; named < 2; named++) {
		struct err e;
		int rc;

		sys.no_unnamed = named;
		setrlimit(RLIMIT_FSIZE, &small);
		rc = write_whole("a.csv", big, &e);
		setrlimit(RLIMIT_FSIZE, &limit);
		assert_int_equal(rc, -1);
		assert_err_has(&e, "writing ");
		assert_err_has(&e, "/a.csv: File too large");
		assert_int_equal(dir_count(dir), 0);
	}
	free(big);
}

/* Root may write anywhere, so the test becomes another user for a moment. */
TEST(a_directory_that_may_not_be_written_is_a_permanent_error)
{
	struct err e;
	int rc;

	assert_return_code(chmod(dir, 0555), errno);
	if (geteuid() == 0)
		assert_return_code(seteuid(65534), errno);
	rc = write_whole("a.csv", "x", &e);
	if (getuid() == 0)
		assert_return_code(seteuid(0), errno);
	chmod(dir, 0700);
	assert_int_equal(rc, -1);
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_err_has(&e, dir);
	assert_err_has(&e, "Permission denied");
	assert_int_equal(dir_count(dir), 0);
}

TEST(a_file_in_place_of_a_directory_is_a_permanent_error)
{
	struct err e;

	put("x", "file");
	assert_int_equal(write_whole("x/a.csv", "1", &e), -1);
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_err_has(&e, "/x: Not a directory");
	assert_int_equal(write_whole("x/y/a.csv", "1", &e), -1);
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_err_has(&e, "Not a directory");
	assert_content("x", "file");
}

TEST(a_directory_in_place_of_the_file_is_a_permanent_error)
{
	char *path = in_dir("a.csv");

	assert_return_code(mkdir(path, 0700), errno);
	for (int named = 0; named < 2; named++) {
		struct err e;

		sys.no_unnamed = named;
		assert_int_equal(write_whole("a.csv", "1", &e), -1);
		assert_int_equal(e.kind, ERR_PERMANENT);
		assert_err_has(&e, "publishing ");
		assert_err_has(&e, "/a.csv: Is a directory");
		assert_int_equal(dir_count(dir), 1);
	}
	free(path);
}

TEST(a_directory_that_is_removed_meanwhile_is_an_error)
{
	struct sink *s = open_sink("x/a.csv");
	char *sub = in_dir("x");
	struct err e;

	assert_int_equal(sink_write(s, "1", 1, &e), 0);
	assert_int_equal(sink_finish(s, &e), 0);
	assert_return_code(rmdir(sub), errno);
	assert_int_equal(sink_publish(s, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_err_has(&e, "x/a.csv: No such file or directory");
	sink_free(s);
	assert_int_equal(dir_count(dir), 0);
	free(sub);
}

TEST(long_names_work_up_to_the_limit)
{
	char name[300];
	struct err e;

	for (int named = 0; named < 2; named++) {
		sys.no_unnamed = named;
		memset(name, 'n', sizeof(name));
		name[255] = '\0';
		assert_int_equal(write_whole(name, "1", &e), 0);
		assert_int_equal(write_whole(name, "2", &e), 0);
		assert_content(name, "2");
		assert_int_equal(dir_count(dir), 1);
		name[255] = 'n';
		name[256] = '\0';
		assert_int_equal(write_whole(name, "1", &e), -1);
		assert_int_equal(e.kind, ERR_PERMANENT);
		assert_err_has(&e, "File name too long");
		assert_int_equal(dir_count(dir), 1);
	}
}

TEST(two_writers_of_one_name_both_succeed)
{
	for (int named = 0; named < 2; named++) {
		struct sink *a, *b;
		struct err e;

		sys.no_unnamed = named;
		a = open_sink("a.csv");
		b = open_sink("a.csv");
		assert_int_equal(sink_write(a, "first", 5, &e), 0);
		assert_int_equal(sink_write(b, "second", 6, &e), 0);
		assert_int_equal(sink_finish(a, &e), 0);
		assert_int_equal(sink_finish(b, &e), 0);
		assert_int_equal(sink_publish(a, NULL, &e), 0);
		assert_content("a.csv", "first");
		assert_int_equal(sink_publish(b, NULL, &e), 0);
		assert_content("a.csv", "second");
		sink_free(a);
		sink_free(b);
		assert_int_equal(dir_count(dir), 1);
	}
}

/* Leaves the file of a writer that is killed while its temporary file has a
 * name. */
static void crash_while_writing(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct err e;
		struct sink *s;

		sys.no_unnamed = true;
		s = open_mode("a.csv", 0640, &e);
		if (s == NULL || sink_write(s, "half", 4, &e) != 0)
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

TEST(a_dead_writers_file_is_swept)
{
	crash_while_writing();
	assert_int_equal(dir_count(dir), 1);
	assert_content("a.csv", NULL);
	sink_free(open_sink("b.csv"));
	assert_int_equal(dir_count(dir), 1);
	sweep();
	assert_int_equal(dir_count(dir), 0);
}

TEST(an_unnamed_file_needs_no_sweeping)
{
	struct sink *s = open_sink("a.csv");

	assert_int_equal(dir_count(dir), 0);
	sink_free(s);
}

TEST(a_living_writers_file_is_not_swept)
{
	struct sink *s;
	struct err e;

	sys.no_unnamed = true;
	s = open_sink("a.csv");
	assert_int_equal(dir_count(dir), 1);
	sweep();
	assert_int_equal(sink_write(s, "1", 1, &e), 0);
	sweep();
	assert_int_equal(sink_finish(s, &e), 0);
	sweep();
	assert_int_equal(sink_publish(s, NULL, &e), 0);
	sweep();
	sink_free(s);
	assert_content("a.csv", "1");
	assert_int_equal(dir_count(dir), 1);
}

/* Between its creation and its lock, a temporary file looks abandoned. */
TEST(a_file_that_is_swept_before_its_lock_is_made_again)
{
	struct err e;

	sys.no_unnamed = true;
	sys.after_create = sweep;
	assert_int_equal(write_whole("a.csv", "1", &e), 0);
	assert_content("a.csv", "1");
	assert_int_equal(dir_count(dir), 1);
}

TEST(only_temporary_files_are_swept)
{
	char *sub = in_dir(".d.reportd-1-0"), *link = in_dir(".l.reportd-1-0");

	put(".hidden", "x");
	put("a.reportd-1-0", "x");
	put(".a.csv.reportd-1-0", "stale");
	assert_return_code(mkdir(sub, 0700), errno);
	assert_return_code(symlink(".hidden", link), errno);
	sweep();
	assert_content(".hidden", "x");
	assert_content("a.reportd-1-0", "x");
	assert_content(".a.csv.reportd-1-0", NULL);
	assert_int_equal(dir_count(sub), 0);
	free(sub);
	free(link);
}

TEST(a_file_that_only_looks_like_a_temporary_one_is_kept)
{
	static const char *const names[] = {".q.reportd-2026.csv",
	    ".reportd-1-2.csv", ".a.reportd--1", ".a.reportd-1-", ".reportd-1",
	    ".a.reportd-1-2-3", ".a.reportd-x-1"};

	for (size_t i = 0; i < COUNT(names); i++)
		put(names[i], "x");
	sweep();
	for (size_t i = 0; i < COUNT(names); i++)
		assert_content(names[i], "x");
}

/* ---- below a root ---- */

/* Writes a file below the directory "root"; returns 0, or -1 with *e filled. */
static int write_below(const char *name, struct err *e)
{
	char *root = in_dir("root"), *path = in_dir(name);
	struct sink *s = file_open(
	    &(struct file_options){.root = root, .path = path, .mode = 0640},
	    e);
	int rc = -1;

	if (s != NULL && sink_write(s, "1", 1, e) == 0 &&
	    sink_finish(s, e) == 0)
		rc = sink_publish(s, NULL, e);
	sink_free(s);
	free(path);
	free(root);
	return rc;
}

static void make_link(const char *target, const char *name)
{
	char *path = in_dir(name);

	assert_return_code(symlink(target, path), errno);
	free(path);
}

static void make_dir(const char *name)
{
	char *path = in_dir(name);

	assert_return_code(mkdir(path, 0700), errno);
	free(path);
}

/* Makes a system call fail with this error, for this process and for good:
 * ENOSYS as in a kernel that lacks it, EPERM as a filter may answer. */
static void forbid(unsigned call, int error)
{
	struct sock_filter code[] = {
	    BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {COUNT(code), code};

	assert_return_code(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), errno);
	assert_return_code(
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), errno);
}

static const struct {
	const char *target, *name;
} links[] = {{"../outside", "root/out"}, {"/etc", "root/absolute"},
    {"..", "root/up"}, {"/proc/self/cwd", "root/magic"}, {"out", "root/twice"},
    {"../root", "root/round"}};

static void make_links_that_lead_out(void)
{
	make_dir("root");
	make_dir("outside");
	for (size_t i = 0; i < COUNT(links); i++)
		make_link(links[i].target, links[i].name);
}

static void links_that_lead_out(void)
{
	for (size_t i = 0; i < 2 * COUNT(links); i++) {
		char *name = mem_printf(
		    "%s/%sa.csv", links[i / 2].name, i % 2 ? "made/" : "");
		struct err e = {.text = ""};

		assert_int_equal(write_below(name, &e), -1);
		assert_int_equal(e.kind, ERR_PERMANENT);
		assert_err_has(&e, "output_root ");
		free(name);
	}
	assert_int_equal(write_below("outside/a.csv", &(struct err){0}), -1);
	assert_int_equal(
	    write_below("root/../outside/a", &(struct err){0}), -1);
	assert_content("outside/a.csv", NULL);
}

TEST(no_link_below_the_root_leads_out_of_it)
{
	struct err e = {.text = ""};

	make_links_that_lead_out();
	links_that_lead_out();
	write_below("root/out/a.csv", &e);
	assert_err_has(&e, "a symbolic link in it leads out of output_root");
}

/* Says whether openat2() works, which refuses a size of 0; neither valgrind nor
 * each container passes it on. */
static bool kernel_has_openat2(void)
{
	syscall(SYS_openat2, AT_FDCWD, ".", NULL, 0);
	return errno == EINVAL;
}

TEST(links_that_stay_below_the_root_are_followed)
{
	struct err e = {.text = ""};

	make_dir("root");
	make_dir("root/a");
	make_link("a", "root/b");
	if (!kernel_has_openat2()) {
		assert_int_equal(write_below("root/b/c/x.csv", &e), -1);
		assert_err_has(&e, "a symbolic link in it");
		return;
	}
	assert_int_equal(write_below("root/b/c/x.csv", &e), 0);
	assert_err(&e, "");
	assert_content("root/a/c/x.csv", "1");
}

TEST(the_root_and_all_below_it_are_made)
{
	struct err e = {.text = ""};

	assert_int_equal(write_below("root/x.csv", &e), 0);
	assert_int_equal(write_below("root//a//b/x.csv", &e), 0);
	assert_err(&e, "");
	assert_content("root/x.csv", "1");
	assert_content("root/a/b/x.csv", "1");
}

/* Runs a part of a test in a process in which a system call fails, and checks
 * that it holds there. */
static void without(unsigned call, int error, void (*test)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		forbid(call, error);
		assert_true(call != SYS_openat2 || !kernel_has_openat2());
		test();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void links_that_stay(void)
{
	struct err e = {.text = ""};

	assert_int_equal(write_below("root/b/c/x.csv", &e), -1);
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_err_has(&e, "a symbolic link in it");
	assert_int_equal(write_below("root/a//c/x.csv", &e), 0);
}

static const int refusals[] = {ENOSYS, EPERM};

TEST(an_old_kernel_follows_no_link_at_all)
{
	make_dir("root");
	make_dir("root/a");
	make_link("a", "root/b");
	for (size_t i = 0; i < COUNT(refusals); i++)
		without(SYS_openat2, refusals[i], links_that_stay);
	assert_content("root/a/c/x.csv", "1");
}

TEST(no_link_leads_out_of_the_root_in_an_old_kernel)
{
	make_links_that_lead_out();
	for (size_t i = 0; i < COUNT(refusals); i++)
		without(SYS_openat2, refusals[i], links_that_lead_out);
	assert_content("outside/a.csv", NULL);
}

/* Swaps a directory and a link in an endless loop. */
static void swap_for_ever(void)
{
	char *a = in_dir("root/d"), *link = in_dir("root/link");

	for (;;)
		syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, link,
		    RENAME_EXCHANGE);
}

static void write_while_links_are_swapped(void)
{
	int whole = 0, refused = 0;
	int64_t until_ms = clock_boot_ms() + 60000;
	pid_t child = fork();

	if (child == 0)
		swap_for_ever();
	for (int i = 0;
	     clock_boot_ms() < until_ms && (whole < 100 || refused < 100);
	     i++) {
		struct err e;

		if (write_below(i % 2 ? "root/d/x/a" : "root/d/a", &e) == 0)
			whole++;
		else
			refused++;
		/* A busy machine may have one processor for both. */
		sched_yield();
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_in_range(whole, 100, INT_MAX);
	assert_in_range(refused, 100, INT_MAX);
}

TEST(a_link_that_is_swapped_in_meanwhile_does_not_lead_out)
{
	char *outside = in_dir("outside");

	make_dir("root");
	make_dir("outside");
	make_dir("root/d");
	make_link("../outside", "root/link");
	write_while_links_are_swapped();
	without(SYS_openat2, ENOSYS, write_while_links_are_swapped);
	assert_int_equal(dir_count(outside), 0);
	free(outside);
}

static struct sink *open_claim(
    const char *name, const char *mark, struct err *e)
{
	char *path = in_dir(name);
	struct sink *s = file_open(
	    &(struct file_options){
		.path = path, .mode = 0640, .create_only = true, .mark = mark},
	    e);

	free(path);
	return s;
}

static int publish_text(struct sink *s, const char *text, struct err *e)
{
	int rc;

	assert_non_null(s);
	assert_int_equal(sink_write(s, text, strlen(text), e), 0);
	assert_int_equal(sink_finish(s, e), 0);
	rc = sink_publish(s, &(struct sink_terms){.rows = 1, .sha256 = ""}, e);
	sink_free(s);
	return rc;
}

static void claim_one_name_twice(void)
{
	struct err e = {.text = ""};
	struct sink *first = open_claim("x.csv", "7 noon", &e);
	struct sink *second = open_claim("x.csv", "8 noon", &e);

	assert_int_equal(publish_text(first, "first", &e), 0);
	assert_int_equal(publish_text(second, "second", &e), -1);
	assert_err_has(&e, "x.csv is there already, and with the option "
			   "\"create_only\" nothing is replaced");
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_content("x.csv", "first");
	assert_null(open_claim("x.csv", "8 noon", &e));
	assert_err_has(&e, "x.csv is there already");
	assert_null(open_claim("x.csv", NULL, &e));
	assert_int_equal(dir_count(dir), 1);
	/* A file that an earlier attempt has published is its own. */
	assert_int_equal(
	    publish_text(open_claim("x.csv", "7 noon", &e), "again", &e), 0);
	assert_content("x.csv", "again");
	assert_int_equal(dir_count(dir), 1);
}

TEST(create_only_replaces_its_own_file_alone)
{
	claim_one_name_twice();
}

/* Neither where a file system has no rename that replaces nothing. */
TEST(create_only_replaces_nothing_where_no_file_is_without_a_name)
{
	static const int errors[] = {EINVAL, ENOSYS, EPERM};

	sys.no_unnamed = true;
	claim_one_name_twice();
	for (size_t i = 0; i < COUNT(errors); i++) {
		char *path = in_dir("x.csv");

		unlink(path);
		free(path);
		without(SYS_renameat2, errors[i], claim_one_name_twice);
	}
	sys.no_unnamed = false;
}

TEST(create_only_does_not_follow_a_link)
{
	struct err e;

	make_link("nowhere", "x.csv");
	assert_null(open_claim("x.csv", "7 noon", &e));
	assert_err_has(&e, "x.csv is there already");
}

#define dir_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    dir_test(a_new_file_appears_with_publish),
	    dir_test(an_empty_file_is_a_file),
	    dir_test(an_old_file_is_replaced_with_publish),
	    dir_test(abort_and_free_leave_nothing),
	    dir_test(a_link_is_replaced_not_followed),
	    dir_test(missing_directories_are_made),
	    dir_test(mode_bits_are_those_of_the_options),
	    dir_test(
		bytes_are_on_disk_before_the_name_and_the_name_before_success),
	    dir_test(new_directories_are_synced_into_their_parents),
	    dir_test(no_sync_leaves_out_every_fsync),
	    dir_test(short_and_interrupted_writes_go_on),
	    dir_test(large_outputs_are_whole),
	    dir_test(any_failing_system_call_leaves_all_or_nothing),
	    dir_test(a_full_disk_is_said_and_leaves_nothing),
	    dir_test(a_directory_that_may_not_be_written_is_a_permanent_error),
	    dir_test(a_file_in_place_of_a_directory_is_a_permanent_error),
	    dir_test(a_directory_in_place_of_the_file_is_a_permanent_error),
	    dir_test(a_directory_that_is_removed_meanwhile_is_an_error),
	    dir_test(long_names_work_up_to_the_limit),
	    dir_test(two_writers_of_one_name_both_succeed),
	    dir_test(create_only_replaces_its_own_file_alone),
	    dir_test(
		create_only_replaces_nothing_where_no_file_is_without_a_name),
	    dir_test(create_only_does_not_follow_a_link),
	    dir_test(a_dead_writers_file_is_swept),
	    dir_test(an_unnamed_file_needs_no_sweeping),
	    dir_test(a_living_writers_file_is_not_swept),
	    dir_test(a_file_that_is_swept_before_its_lock_is_made_again),
	    dir_test(only_temporary_files_are_swept),
	    dir_test(a_file_that_only_looks_like_a_temporary_one_is_kept),
	    dir_test(no_link_below_the_root_leads_out_of_it),
	    dir_test(links_that_stay_below_the_root_are_followed),
	    dir_test(the_root_and_all_below_it_are_made),
	    dir_test(an_old_kernel_follows_no_link_at_all),
	    dir_test(no_link_leads_out_of_the_root_in_an_old_kernel),
	    dir_test(a_link_that_is_swapped_in_meanwhile_does_not_lead_out),
	};

	return cmocka_run_group_tests_name("file sink", tests, NULL, NULL);
}
