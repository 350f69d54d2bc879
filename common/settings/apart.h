/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_APART_H
#define SETTINGS_APART_H

#include "settings/settings.h"

/*
 * Checks that everything from which this process takes keys, passwords and
 * settings lies outside of output_root, where reports write: its home, the
 * files that the environment and the settings name, and `file`, the settings
 * file (may be NULL).
 */
int settings_check_apart(
    const struct settings *settings, const char *file, struct err *e);

/* Checks that only the owner and group of the settings file could read it when it was
 * read, if it contains secrets. */
int settings_check_private(
    const struct settings *settings, const char *file, struct err *e);

#endif
