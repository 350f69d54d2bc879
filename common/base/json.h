/* SPDX-License-Identifier: MIT */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Return a member of a JSON object, or the default when it is absent or null.
 * Strings belong to the object. */
const char *json_str(const json_t *object, const char *key, const char *def);
int64_t json_int(const json_t *object, const char *key, int64_t def);
bool json_bool(const json_t *object, const char *key, bool def);

/* Says whether a JSON array of texts holds this one; NULL holds none. */
bool json_has_text(const json_t *texts, const char *text);

/* Returns the index of the first object of an array that has a text as this member,
 * or the length of the array when none has; NULL has none. */
size_t json_index_of(const json_t *array, const char *key);

/* Parses len bytes as a JSON object; NULL with *e filled when they are not one.
 * The caller owns the reference. */
json_t *json_parse_object(const char *text, size_t len, struct err *e);

#endif
