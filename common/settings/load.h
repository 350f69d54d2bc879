/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_LOAD_H
#define SETTINGS_LOAD_H

#include <stdio.h>

#include "settings/settings.h"

/* Reads the settings; with a NULL path, from the environment only. Returns NULL
 * with *e filled on error; the message names file, line and key, and the
 * allowed values. */
struct settings *settings_load(const char *path, struct err *e);
/* Reads the settings from an open file, for tests; `name` is the file's name in
 * messages. */
struct settings *settings_read(FILE *f, const char *name, struct err *e);

#endif
