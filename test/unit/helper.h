/* SPDX-License-Identifier: MIT */
#ifndef TEST_HELPER_H
#define TEST_HELPER_H

/* cmocka.h wants these four before it. */
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

/* Brings caller.c into the program, which takes the place of cmocka's function. */
__attribute__((used)) static void (*const at_failure)(
    const char *, int) = _fail;

/* Columns and cells of a scripted result. */
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
 * A sink in memory that fails where it is told to. The test owns the struct,
 * which outlives the sink and counts what happened to it.
 */
struct fake {
	struct buf bytes;
	size_t fail_at; /* a write that passes this many bytes fails */
	bool fail_finish, fail_publish;
	int writes, steps, finished, published, aborted, freed;
	int64_t rows; /* of the terms it was published with */
};
#define FAKE_ERROR "the fake sink fails here"

void fake_init(struct fake *f); /* never fails */
void fake_free(struct fake *f); /* accepts one that was freed before */
struct sink *fake_open(struct fake *f);

/* The error says exactly this, or holds it. */
#define assert_err(e, expected) assert_string_equal((e)->text, expected)
#define assert_err_has(e, part) assert_has((e)->text, part, __FILE__, __LINE__)
void assert_has(const char *text, const char *part, const char *file, int line);

/* A new directory; test_dir_remove removes it with all that is in it. The
 * result is the caller's to free. */
char *dir_make(void);
void dir_remove(char *dir);
/* How many names are in it, `.` and `..` not counted; -1 when it is not there. */
int dir_count(const char *dir);
/* The whole of a file, the caller's to free; NULL when there is none. */
char *file_text(const char *path);
void file_put(const char *path, const char *text);

/* Open descriptors of this process. */
int open_files(void);

/* Forgets every variable that settings are taken from. */
void environment_clean(void);

#endif
