/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_CHARSET_H
#define ENCODE_CHARSET_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sink/sink.h"

/*
 * UTF-8 to another encoding on the way to a sink, by iconv(3). Encodings are
 * named as PostgreSQL does (LATIN1, WIN1252, ...). A character that the target
 * lacks is an error that names it, never a replacement. Each write must hold
 * whole characters. SQL_ASCII passes bytes as they come.
 */
struct charset;

struct charset *charset_open(const char *postgres_name, struct err *e);
int charset_write(struct charset *c, const char *data, size_t len,
    struct sink *to, struct err *e);
void charset_close(struct charset *c); /* accepts NULL */

#endif
