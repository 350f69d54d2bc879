/* SPDX-License-Identifier: MIT */
#include "settings/keys.h"

#define SOURCE_KEY(kind, name, def, min, max, words, about)                 \
	{"source", #name, T_##kind, offsetof(struct source_settings, name), \
	    def, min, max, words, about},
/* With `workers` = 0, settings_read counts the processors. */
const struct key keys[] = {
#define KEY(section, name, kind, member, def, min, max, words, about)       \
	{#section, #name, T_##kind, offsetof(struct settings, member), def, \
	    min, max, words, about},
#include "settings/settings.keys"
#undef KEY
#define KEY SOURCE_KEY
#include "settings/source.keys"
};
const size_t key_count = sizeof(keys) / sizeof(*keys);

const char *const notice_sections[] = {
    "smtp", "sns", "slack", "webhook", "notify", NULL};
