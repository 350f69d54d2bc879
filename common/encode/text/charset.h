/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_CHARSET_H
#define ENCODE_TEXT_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sink/sink.h"

/*
 * Converts UTF-8 to another encoding with iconv(3) on the way to a sink.
 * Encodings have the names that PostgreSQL gives them (LATIN1, WIN1252, ...). A
 * character that the target lacks, or that would convert back to another
 * character, is an error that names it; it is never replaced. Each write must
 * hold whole characters. SQL_ASCII passes bytes unchanged.
 */
struct charset;

/* Return whether a name, compared by PostgreSQL's rules, is that of UTF8 or of
 * SQL_ASCII (raw). */
bool charset_is_utf8(const char *name);
bool charset_is_raw(const char *name);
/* Returns whether PostgreSQL's own conversion makes the same bytes of each
 * character and refuses the same characters. */
bool charset_is_exact(const char *name);

/* Refuses a name of an encoding in which no file can be written. */
int charset_check(const char *name, struct err *e);
/* Returns NULL with *e when this machine cannot convert to the encoding. */
struct charset *charset_open(const char *postgres_name, struct err *e);
int charset_write(struct charset *c, const char *data, size_t len,
    struct sink *to, struct err *e);
void charset_close(struct charset *c); /* accepts NULL */

#endif
