/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_CHECK_H
#define SETTINGS_CHECK_H

#include "settings/settings.h"

/* Checks that the keys agree with each other, except those of sources, and
 * fills in defaults that depend on the machine or on other keys. */
int settings_check(struct settings *s, struct err *e);

#endif
