/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_KEYS_H
#define SETTINGS_KEYS_H

#include "base/key.h"
#include "settings/settings.h"

/* All keys except those that belong to one type of source (source/type.h). */
extern const struct key keys[];
extern const size_t key_count;
/* Sections that only processes which deliver notices receive; ends with
 * NULL. */
extern const char *const notice_sections[];

#endif
