/* SPDX-License-Identifier: MIT */
#ifndef INPUT_SPLIT_H
#define INPUT_SPLIT_H

#include "base/err.h"
#include "base/json.h"

/*
 * Splits a JSON document that comes in pieces into the elements of one of its
 * arrays and the rest of it. Memory: one element of up to SPLIT_ROW_MAX and a
 * rest of up to SPLIT_REST_MAX bytes, whatever the length of the array.
 */
#define SPLIT_ROW_MAX ((size_t)16 << 20)
#define SPLIT_REST_MAX ((size_t)1 << 20)

struct split;

/* Takes an element, a JSON object without line breaks. */
typedef int split_row(void *arg, const char *text, size_t len, struct err *e);

/* `items` is the JSON pointer (RFC 6901) of the array; "" is the whole
 * document. It leads through objects only. */
struct split *split_open(const char *items, split_row *row, void *arg);
void split_free(struct split *s); /* accepts NULL */
/* Begins with another document. */
void split_reset(struct split *s);

int split_feed(struct split *s, const char *data, size_t len, struct err *e);
/* To be called at the end of the document. Returns it with an empty array in
 * place of the elements; the caller releases it. NULL when it is no JSON, or has
 * no array at the pointer. */
json_t *split_end(struct split *s, struct err *e);

/* Returns what a JSON pointer leads to, through objects only; NULL: nothing. */
const json_t *split_find(const json_t *document, const char *pointer);

#endif
