/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_SETTINGS_KEYS_H
#define SETTINGS_SETTINGS_KEYS_H

#include "base/key.h"
#include "settings/settings.h"

/* All keys except those that belong to one type of source (source/type.h). */
extern const struct key keys[];
extern const size_t key_count;
/* Says whether the key stands in the section of a source or a target. */
bool keys_is_of_sources(const struct key *k);
/* Sections that all processes receive; ends with NULL. [queue] goes to none,
 * [server] to the server, and any other to those that deliver notices alone. */
extern const char *const shared_sections[];

#endif
