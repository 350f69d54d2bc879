/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_CHECK_H
#define SETTINGS_CHECK_H

#include "settings/settings.h"

/* Whether the keys agree with each other, those of sources apart; fills in the
 * defaults that depend on the machine or on other keys. */
int settings_check(struct settings *s, struct err *e);

#endif
