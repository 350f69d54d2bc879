/* SPDX-License-Identifier: MIT */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/err.h"
#include "base/json.h"

/*
 * Rules for the keys of a JSON object such as output_options. A module that
 * reads a key declares it in its own list; a list of such owners describes the
 * whole object. `reportctl formats --sql` prints the same lists for the check
 * at INSERT.
 */
struct option_rule {
	const char *name; /* NULL ends a list */
	json_type type;   /* JSON_TRUE: a boolean; JSON_REAL: any number */
	/* Allowed values. Strings: "a|b|c", or "~" and a POSIX extended regular
	 * expression that matches the whole string. Numbers: "1..100". Lists
	 * and names of columns: "1..", not empty. NULL: any. */
	const char *allowed;
	const char *about;
	/* For JSON_OBJECT, the rules of its keys; the name "*" stands for any
	 * key. For JSON_ARRAY, one rule named "*" for each element. */
	const struct option_rule *inside;
};
/* A language tag of RFC 5646, in the form that common readers understand. */
#define OPTION_LANGUAGE "~^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
#define OPTION_END                                \
	{                                         \
		NULL, JSON_NULL, NULL, NULL, NULL \
	}

struct option_owner {
	const char *name; /* unique name of the owner */
	const struct option_rule *rules;
	/* Checks that the values fit together; it may look at other owners'
	 * keys. NULL: each key is independent. */
	int (*check)(const json_t *options, struct err *e);
};

/* Returns the name of the rule's type: "string", "boolean", "integer",
 * "number", "array" or "object". */
const char *option_type(const struct option_rule *rule);

/* Returns the rule for a key; NULL: there is none. */
const struct option_rule *option_find(
    const struct option_rule *rules, const char *key);
const struct option_rule *option_find_owned(
    const struct option_owner *const *owners, const char *key);

/*
 * Lists of owners end with NULL. Options may be NULL. Errors begin with
 * "output_options: " and name the key by its path, such as
 * columns.amount.width.
 *
 * option_check_keys refuses keys without an owner and values that a rule
 * forbids; it checks each key by itself. `who` names the holder of the options,
 * as in "CSV has no option ...". option_check_values checks only keys that have
 * an owner. option_check_together runs the owners' own checks.
 */
int option_check_keys(const char *who, const struct option_owner *const *owners,
    const json_t *options, struct err *e);
int option_check_values(const struct option_owner *const *owners,
    const json_t *options, struct err *e);
int option_check_together(const struct option_owner *const *owners,
    const json_t *options, struct err *e);

#endif
