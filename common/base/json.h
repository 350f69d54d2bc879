/* SPDX-License-Identifier: MIT */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Members of a JSON object, read with a default for absent or null ones. The
 * strings belong to the object. */
const char *json_str(const json_t *object, const char *key, const char *def);
int64_t json_int(const json_t *object, const char *key, int64_t def);
bool json_bool(const json_t *object, const char *key, bool def);

/* An object parsed from len bytes; NULL with *e filled when they are no JSON
 * object. The caller owns the reference. */
json_t *json_parse_object(const char *text, size_t len, struct err *e);

#endif
