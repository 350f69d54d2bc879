/* SPDX-License-Identifier: MIT */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>

#include "base/err.h"

/* Calls write(2) until all bytes are written; an error says "writing NAME". */
int io_write_all(
    int fd, const void *data, size_t len, const char *name, struct err *e);

#endif
