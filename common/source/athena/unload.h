/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_UNLOAD_H
#define SOURCE_ATHENA_UNLOAD_H

#include "source/driver.h"

extern const struct source_unloading athena_unloading;

#endif
