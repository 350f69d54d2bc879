/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_SNOWFLAKE_CONFIG_H
#define SOURCE_SNOWFLAKE_CONFIG_H

#include "source/type.h"

#define KEY(kind, name, ...) KEY_MEMBER_##kind name;

/* The settings of a source of type snowflake. */
struct snowflake_config {
	struct source_config base;
#include "source/snowflake/snowflake.keys"
};

#undef KEY

/* Values of token_type. */
enum snowflake_token { SNOWFLAKE_OAUTH, SNOWFLAKE_PAT };

extern const struct source_type source_type_snowflake;
extern const struct source_driver source_snowflake;

#endif
