/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_APART_H
#define SETTINGS_APART_H

#include "settings/settings.h"

/*
 * Whether everything that this process takes keys, passwords and settings from
 * (its home, the files that the environment and the settings name, `file` itself,
 * which may be NULL) lies outside of output_root, where reports write.
 */
int settings_check_apart(
    const struct settings *settings, const char *file, struct err *e);

/* Whether users other than its owner and group cannot read the file, if secrets
 * stand in it. */
int settings_check_private(
    const struct settings *settings, const char *file, struct err *e);

#endif
