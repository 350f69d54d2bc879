/* SPDX-License-Identifier: MIT */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

/*
 * An error is a value. A function that can fail takes a `struct err *` as its
 * last parameter. On success it leaves the struct untouched; on failure it
 * fills the struct and returns -1 (or NULL). Callers add context in front of
 * the text until it reads as a sentence: `report 42 "sales": export: connection
 * to server was lost`.
 *
 * Decisions, such as whether to retry, depend on kind and sqlstate, never on
 * the text.
 */
enum err_kind {
	ERR_TRANSIENT, /* may pass: network, disk full, server restart */
	ERR_PERMANENT, /* will not pass: bad SQL, bad settings */
	ERR_CANCELLED, /* a user or the daemon asked for a stop */
	ERR_TIMEOUT,   /* the job used up its time */
	/* the lease is lost: nothing may be published or reported */
	ERR_LOST,
};

struct err {
	enum err_kind kind;
	char sqlstate[6]; /* "" unless a database has set it */
	bool of_target;   /* a target has said it, and has given its advice */
	char text[2048];  /* UTF-8 whatever the input; cut between characters */
};

/* Both functions fill *e and return -1, so that `return err_set(...)` works. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Fills *e and appends strerror(errno_value). The kind follows from errno_value
 * (ENOSPC, EIO and the like are transient; EACCES, ENAMETOOLONG and the like
 * permanent). */
int err_errno(struct err *e, int errno_value, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts `prefix: ` in front of the text of *e; keeps kind and sqlstate. */
int err_wrap(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends `; hint: ` and the advice for a mend; keeps kind and sqlstate. */
int err_hint(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Appends `; at ` and the place of the fault, "line 3, column n"; keeps kind and
 * sqlstate. */
int err_place(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
