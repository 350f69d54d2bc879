/* SPDX-License-Identifier: MIT */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/*
 * Small allocations. They abort the process when memory is out, so callers need
 * no branch for it. Data that grows with its input uses struct buf, which has a
 * hard maximum and returns an error.
 */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_realloc(void *old, size_t count, size_t size);
char *mem_strdup(const char *s); /* NULL gives NULL */
char *mem_strndup(const char *s, size_t n);
/* Overwrites a text that is a secret, and frees it; accepts NULL. */
void mem_wipe(char *text);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
