/* SPDX-License-Identifier: MIT */
#include "helper.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

extern char **environ;

struct fake_sink {
	struct sink base;
	struct fake *seen;
};

static struct fake *seen_by(struct sink *s)
{
	return ((struct fake_sink *)s)->seen;
}

static int fake_write(
    struct sink *s, const void *data, size_t len, struct err *e)
{
	struct fake *f = seen_by(s);

	f->writes++;
	if (f->bytes.len + len > f->fail_at)
		return err_set(e, ERR_TRANSIENT, FAKE_ERROR);
	buf_add(&f->bytes, data, len);
	return 0;
}

static int fake_finish(struct sink *s, struct err *e)
{
	struct fake *f = seen_by(s);

	f->finished++;
	return f->fail_finish ? err_set(e, ERR_TRANSIENT, FAKE_ERROR) : 0;
}

static int fake_step(struct sink *s, struct err *e)
{
	(void)e;
	seen_by(s)->steps++;
	return 0;
}

static int fake_publish(
    struct sink *s, const struct sink_terms *terms, struct err *e)
{
	struct fake *f = seen_by(s);

	f->rows = terms->rows;
	f->published++;
	return f->fail_publish ? err_set(e, ERR_TRANSIENT, FAKE_ERROR) : 0;
}

static void fake_abort(struct sink *s)
{
	seen_by(s)->aborted++;
}

static void fake_sink_free(struct sink *s)
{
	seen_by(s)->freed++;
	free(s);
}

static const struct sink_type fake_type = {
    .name = "fake",
    .write = fake_write,
    .finish = fake_finish,
    .step = fake_step,
    .publish = fake_publish,
    .abort = fake_abort,
    .free = fake_sink_free,
};

void fake_init(struct fake *f)
{
	*f = (struct fake){.fail_at = SIZE_MAX};
	buf_init(&f->bytes, 64 << 20);
	buf_str(&f->bytes, "");
}

void fake_free(struct fake *f)
{
	buf_free(&f->bytes);
}

struct sink *fake_open(struct fake *f)
{
	struct fake_sink *s = mem_zalloc(sizeof(*s));

	s->base.type = &fake_type;
	s->seen = f;
	return &s->base;
}

void assert_has(const char *text, const char *part, const char *file, int line)
{
	if (strstr(text, part) != NULL)
		return;
	print_error("\"%s\" does not hold \"%s\"\n", text, part);
	_fail(file, line);
}

char *dir_make(void)
{
	const char *base = getenv("TMPDIR");
	char *dir = mem_printf("%s/reportd-test-XXXXXX", base ? base : "/tmp");

	assert_non_null(mkdtemp(dir));
	return dir;
}

static int remove_one(
    const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void dir_remove(char *dir)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(dir);
}

int dir_count(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	if (d == NULL)
		return -1;
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

char *file_text(const char *path)
{
	FILE *f = fopen(path, "re");
	struct buf b;
	size_t n;

	if (f == NULL)
		return NULL;
	buf_init(&b, 64 << 20);
	do {
		n = fread(buf_reserve(&b, 64 << 10), 1, 64 << 10, f);
		b.len += n;
	} while (n > 0);
	fclose(f);
	buf_str(&b, "");
	return b.data;
}

void file_put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

int open_files(void)
{
	return dir_count("/proc/self/fd") - 1;
}

void environment_clean(void)
{
	char **v = environ;

	while (*v != NULL) {
		char *name = mem_strndup(*v, strcspn(*v, "="));

		if (strncmp(name, "REPORTD_", 8) == 0 ||
		    strcmp(name, "LOG_LEVEL") == 0)
			/* the next variable moves up to the same place */
			unsetenv(name);
		else
			v++;
		free(name);
	}
}
