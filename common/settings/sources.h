/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_SOURCES_H
#define SETTINGS_SOURCES_H

#include "base/buf.h"
#include "settings/keys.h"

/* The sections [source.NAME], for settings.c alone. */

/* The entry of this name, made when there is none. */
struct source_settings *sources_entry(struct settings *s, const char *name);

/* Sets a key of a source. One of its type's is kept as it is written, as its type
 * may come later; `place` is for the message then. 1: no source has this key. */
int sources_set(struct settings *s, const char *name, const char *key,
    const char *value, const char *place, struct err *e);
/* All is read: finds out the types, reads the values that were kept, fills in the
 * queue's server, and checks. `where` is the file's name for messages. */
int sources_resolve(struct settings *s, const char *where, struct err *e);

/* The name of the longest key that `text` ends in after a `_` and at least one
 * other character; NULL when there is none. */
const char *sources_key_at_end(const char *text);
/* Appends the names of all keys, with commas between them. */
void sources_list_keys(struct buf *b);
/* Frees all entries. */
void sources_free(struct settings *s);
/* Whether a secret stands in this value. */
bool sources_holds_secret(const char *key, const char *value);
/* One line a key, as settings_describe. */
void sources_describe(FILE *out);

#endif
