/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_SETTINGS_SOURCES_H
#define SETTINGS_SETTINGS_SOURCES_H

#include "base/buf.h"
#include "settings/settings_keys.h"

/* The sections [source.NAME] and [target.NAME], for settings.c only. A section's
 * kind is "source" or "target". */

/* Returns the kind of a section such as source.dwh, and the name after the dot in
 * *name; NULL for any other section. */
const char *sources_kind(const char *section, const char **name);

/* Sets a key of a source or target. A key that depends on the type is kept as
 * written, because the type may follow later. Returns 1 when no type has this
 * key. */
struct sources_key {
	const char *kind, *name, *key, *value;
	const char *place; /* for messages */
};
int sources_set(
    struct settings *s, const struct sources_key *given, struct err *e);
/* Says whether a source has a key of its type, or a type other than the default, so that
 * somebody has described it. To be called before sources_resolve. */
bool sources_is_given(const struct source_settings *source);
/* Completes all of them after the last key: finds out their types, reads the
 * kept values, fills in the queue's server, and checks. `where` is the file's
 * name in messages. */
int sources_resolve(struct settings *s, const char *where, struct err *e);

/* Returns the longest known key that `text` ends with, after a `_` and at least
 * one other character; NULL when there is none. */
const char *sources_key_at_end(const char *kind, const char *text);
/* Appends the names of all keys, separated by commas. */
void sources_list_keys(const char *kind, struct buf *b);
/* Frees all entries. */
void sources_free(struct settings *s);
/* Says whether this value of a key contains a secret. */
bool sources_holds_secret(const char *key, const char *value);
/* Writes one line per key, as settings_describe does. */
void sources_describe(FILE *out);

#endif
