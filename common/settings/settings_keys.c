/* SPDX-License-Identifier: MIT */
#include "settings/settings_keys.h"

#include <string.h>

#define MEMBER(section, kind, name, def, min, max, words, about)           \
	{section, #name, T_##kind, offsetof(struct source_settings, name), \
	    def, min, max, words, about},
/* With `workers` = 0, settings_read counts the processors. */
const struct key keys[] = {
#define KEY(section, name, kind, member, def, min, max, words, about)       \
	{#section, #name, T_##kind, offsetof(struct settings, member), def, \
	    min, max, words, about},
#include "settings/settings.keys"
#undef KEY
#define KEY(...) MEMBER("source", __VA_ARGS__)
#include "settings/endpoint.keys"
#include "settings/source.keys"
#undef KEY
#define KEY(...) MEMBER("target", __VA_ARGS__)
#include "settings/endpoint.keys"
#include "settings/target.keys"
};
const size_t key_count = sizeof(keys) / sizeof(*keys);

const char *const shared_sections[] = {
    "reportd", "http", "aws", "s3", "inputs", NULL};

bool keys_is_of_sources(const struct key *k)
{
	return strcmp(k->section, "source") == 0 ||
	       strcmp(k->section, "target") == 0;
}
