/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_CONFIG_H
#define SOURCE_ATHENA_CONFIG_H

#include "source/driver.h"

#define KEY(kind, name, ...) KEY_MEMBER_##kind name;

/* The settings of a source of type athena. */
struct athena_config {
	struct source_config base;
#include "source/athena/athena.keys"
};

#undef KEY

extern const struct source_type source_type_athena;
extern const struct source_driver source_athena;

#endif
