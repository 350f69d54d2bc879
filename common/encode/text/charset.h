/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_CHARSET_H
#define ENCODE_TEXT_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sink/sink.h"

/*
 * UTF-8 to another encoding on the way to a sink, by iconv(3). Encodings are
 * named as PostgreSQL does (LATIN1, WIN1252, ...). A character that the target
 * lacks, or that would come back as another one, is an error that names it, never
 * a replacement. Each write must hold whole characters. SQL_ASCII passes bytes as
 * they come.
 */
struct charset;

/* By PostgreSQL's rules for names; raw: SQL_ASCII. */
bool charset_is_utf8(const char *name);
bool charset_is_raw(const char *name);
/* Whether PostgreSQL's own conversion makes the same bytes of each character and
 * refuses the same ones. */
bool charset_is_exact(const char *name);

/* Refuses a name that no file can be written in. */
int charset_check(const char *name, struct err *e);
/* NULL with an error when this machine cannot convert to it. */
struct charset *charset_open(const char *postgres_name, struct err *e);
int charset_write(struct charset *c, const char *data, size_t len,
    struct sink *to, struct err *e);
void charset_close(struct charset *c); /* accepts NULL */

#endif
