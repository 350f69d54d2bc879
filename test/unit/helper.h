/* SPDX-License-Identifier: MIT */
#ifndef TEST_HELPER_H
#define TEST_HELPER_H

/* cmocka.h needs these four headers before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "rows/rows.h"
#include "sink/sink.h"

#define TEST(name) static void name(void **state __attribute__((unused)))
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Links caller.c into the program; its _fail replaces cmocka's. */
__attribute__((used)) static void (*const at_failure)(
    const char *, int) = _fail;

/* Columns and cells of the result that a scripted source gives. */
#define COLUMN(n, k)                                  \
	{                                             \
		.name = (char *)(n), .kind = KIND_##k \
	}
#define CELL(s)                                            \
	{                                                  \
		.data = (s), .len = (int32_t)sizeof(s) - 1 \
	}
#define NIL                           \
	{                             \
		.data = "", .len = -1 \
	}

/*
 * A sink in memory that fails where the test says. The test owns the struct,
 * which outlives the sink and counts the calls.
 */
struct fake {
	struct buf bytes;
	size_t fail_at; /* a write that passes this many bytes fails */
	bool fail_finish, fail_publish;
	int writes, steps, finished, published, aborted, freed;
	int64_t rows; /* rows in the terms of the publish */
};
#define FAKE_ERROR "the fake sink fails here"

void fake_init(struct fake *f); /* sets no failure */
void fake_free(struct fake *f); /* accepts a struct that has been freed */
struct sink *fake_open(struct fake *f);

/* The error text equals the expected one, or contains it (_has). */
#define assert_err(e, expected) assert_string_equal((e)->text, expected)
#define assert_err_has(e, part) assert_has((e)->text, part, __FILE__, __LINE__)
void assert_has(const char *text, const char *part, const char *file, int line);

/* Makes a new directory and returns its path, which the caller frees.
 * dir_remove removes it with everything in it. */
char *dir_make(void);
void dir_remove(char *dir);
/* Returns the number of names in a directory without `.` and `..`; -1 when the
 * directory does not exist. */
int dir_count(const char *dir);
/* Returns the content of a file, which the caller frees; NULL when there is no
 * such file. */
char *file_text(const char *path);
void file_put(const char *path, const char *text);

/* Returns the number of open descriptors of this process. */
int open_files(void);

/* Removes all variables that settings are read from. */
void environment_clean(void);

#endif
