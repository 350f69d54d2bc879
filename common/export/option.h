/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_OPTION_H
#define EXPORT_OPTION_H

#include "base/option.h"
#include "encode/encoder.h"

/*
 * Options of an output: those of its encoder, and those of everybody else who has
 * a hand in it. The one list of all owners is in option.c.
 */
#define EXPORT_OWNERS 16
struct export_owners {
	/* In the order in which they are told; ends with NULL. */
	const struct option_owner *list[EXPORT_OWNERS];
};

/* Whose options an output of this format may have. */
void export_owners_of(
    const struct encoder_type *type, struct export_owners *to);

/* Whether all keys are known and sound, each by itself, so the options may be
 * some of those of an output. NULL options are fine. */
int export_check_keys(
    const struct encoder_type *type, const json_t *options, struct err *e);
/* Refuses in addition what does not fit together. */
int export_check_options(
    const struct encoder_type *type, const json_t *options, struct err *e);

/* What an output of this format knows of the options, nested keys included; the
 * caller's to free. */
json_t *export_known_options(
    const struct encoder_type *type, const json_t *options);

/* -1 when the options of one format among several hold a key that is about the
 * query, not about a format; `name` is that format's. */
int export_check_own(const char *name, const json_t *own, struct err *e);

#endif
