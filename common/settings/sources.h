/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_SOURCES_H
#define SETTINGS_SOURCES_H

#include "base/buf.h"
#include "settings/keys.h"

/* The sections [source.NAME], for settings.c only. */

/* Returns the entry of this name, which is made when it is new. */
struct source_settings *sources_entry(struct settings *s, const char *name);

/* Sets a key of a source. A key that depends on the type is kept as written,
 * because the type may follow later; `place` is for messages about it. Returns
 * 1 when no source has this key. */
int sources_set(struct settings *s, const char *name, const char *key,
    const char *value, const char *place, struct err *e);
/* Completes all sources after the last key: finds out their types, reads the
 * kept values, fills in the queue's server, and checks. `where` is the file's
 * name in messages. */
int sources_resolve(struct settings *s, const char *where, struct err *e);

/* Returns the longest known key that `text` ends with, after a `_` and at least
 * one other character; NULL when there is none. */
const char *sources_key_at_end(const char *text);
/* Appends the names of all keys, separated by commas. */
void sources_list_keys(struct buf *b);
/* Frees all entries. */
void sources_free(struct settings *s);
/* Says whether this value of a key contains a secret. */
bool sources_holds_secret(const char *key, const char *value);
/* Writes one line per key, as settings_describe does. */
void sources_describe(FILE *out);

#endif
