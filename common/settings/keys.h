/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_KEYS_H
#define SETTINGS_KEYS_H

#include "base/key.h"
#include "settings/settings.h"

/* All keys but those that one type of source alone has (source/type.h). */
extern const struct key keys[];
extern const size_t key_count;
/* Sections that only those who deliver notices are told of; NULL ends them. */
extern const char *const notice_sections[];

#endif
