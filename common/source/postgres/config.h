/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_POSTGRES_CONFIG_H
#define SOURCE_POSTGRES_CONFIG_H

#include "source/type.h"

#define KEY(kind, name, ...) KEY_MEMBER_##kind name;

/* The settings of a source of type postgres. */
struct postgres_config {
	struct source_config base;
#include "source/postgres/postgres.keys"
};

/* The settings of a source of type redshift. */
struct redshift_config {
	struct postgres_config postgres;
#include "source/postgres/redshift.keys"
#include "source/postgres/redshift_source.keys"
#include "source/postgres/redshift_target.keys"
};

#undef KEY

extern const struct source_type source_type_postgres, source_type_redshift;
extern const struct source_driver source_postgres, source_redshift;

/* The check of struct source_type, for both types. */
int postgres_check(const struct source_config *config, struct err *e);
bool postgres_holds_secret(const char *key, const char *value);
bool postgres_is_queue(
    const struct source_config *config, const struct source_queue *queue);
const char *postgres_mend(const struct source_config *config);

#endif
