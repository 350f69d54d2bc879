/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_OPTION_H
#define EXPORT_OPTION_H

#include "base/option.h"
#include "encode/encoder.h"

/*
 * The options of an output. Its encoder owns some; places, compression and
 * other modules that affect an output own the others. option.c has the one list
 * of all owners.
 */
#define EXPORT_OWNERS 16
struct export_owners {
	/* ends with NULL; lists of options for people keep this order */
	const struct option_owner *list[EXPORT_OWNERS];
};

/* Finds the owners of the options that an output of this format may have. */
void export_owners_of(
    const struct encoder_type *type, struct export_owners *to);

/* Checks whether each key is known and its value is sound. Rules between keys
 * are not checked, so the options may be only some of an output's. NULL options
 * are valid. */
int export_check_keys(
    const struct encoder_type *type, const json_t *options, struct err *e);
/* Checks the keys, and the rules between them. */
int export_check_options(
    const struct encoder_type *type, const json_t *options, struct err *e);

/* Returns those of the options that an output of this format knows, nested keys
 * included; the caller frees them. */
json_t *export_known_options(
    const struct encoder_type *type, const json_t *options);

/* Checks the options of one format among several, whose name is `name`: -1 when
 * they hold a key that is about the query, which all formats share. */
int export_check_own(const char *name, const json_t *own, struct err *e);

#endif
