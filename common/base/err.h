/* SPDX-License-Identifier: MIT */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * An error is a value. A function that can fail takes a `struct err *` as its
 * last parameter, leaves it untouched on success and returns -1 (or NULL) after
 * filling it on failure. Callers wrap it outward until it reads as a sentence:
 * `report 42 "sales": export: connection to server was lost`.
 *
 * Decisions (retry or not) read kind and sqlstate, never the text.
 */
enum err_kind {
	ERR_TRANSIENT, /* may go away: network, disk full, server restart */
	ERR_PERMANENT, /* cannot get better: bad SQL, bad settings */
	ERR_CANCELLED, /* somebody asked for it to stop */
	ERR_TIMEOUT,   /* the job's own time ran out */
	ERR_LOST,      /* the lease is lost: publish nothing, say nothing */
};

struct err {
	enum err_kind kind;
	char sqlstate[6]; /* "" unless a database said so */
	char text[2048];  /* UTF-8 whatever went in; cut at a character */
};

/* Both fill *e and return -1, so that `return err_set(...)` works. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends strerror(errno_value); the kind follows from it (ENOSPC, EIO and
 * the like are transient; EACCES, ENAMETOOLONG and the like permanent). */
int err_errno(struct err *e, int errno_value, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts `prefix: ` in front of what *e says; kind and sqlstate stay. */
int err_wrap(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends `; hint: ` and what to do; kind and sqlstate stay. */
int err_hint(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "transient", "permanent", ...: the words of the worker protocol. */
const char *err_kind_name(enum err_kind kind);
/* The reverse; an unknown word is transient, the cautious reading. */
enum err_kind err_kind_parse(const char *name);

#endif
