/* SPDX-License-Identifier: MIT */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/err.h"
#include "base/json.h"

/*
 * Keys that a JSON object such as output_options may hold. Whoever reads a key
 * declares it, in one list of its own; a list of owners says what an object may
 * hold in all. `reportctl formats --sql` prints the same lists for the check at
 * INSERT.
 */
struct option_rule {
	const char *name; /* NULL ends a list */
	json_type type;   /* JSON_TRUE: a boolean; JSON_REAL: any number */
	/* Strings: "a|b|c", or "~" and a regular expression (POSIX extended) for
	 * the whole of it. Numbers: "1..100". Names of columns, and lists: "1..",
	 * they must not be empty. NULL: any. */
	const char *allowed;
	const char *about;
	/* JSON_OBJECT: its keys. With name "*": any key, all of this shape.
	 * JSON_ARRAY: one entry, named "*", what each element is. */
	const struct option_rule *inside;
};
/* A language as in RFC 5646, as far as readers know it. */
#define OPTION_LANGUAGE "~^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
#define OPTION_END                                \
	{                                         \
		NULL, JSON_NULL, NULL, NULL, NULL \
	}

struct option_owner {
	const char *name; /* of the owner, unique */
	const struct option_rule *rules;
	/* What does not fit together; NULL: each key stands for itself. It may
	 * look at keys of others. */
	int (*check)(const json_t *options, struct err *e);
};

/* "string", "boolean", "integer", "number", "array", "object". */
const char *option_type(const struct option_rule *rule);

/* The rule for a key; NULL: there is none. */
const struct option_rule *option_find(
    const struct option_rule *rules, const char *key);
const struct option_rule *option_find_owned(
    const struct option_owner *const *owners, const char *key);

/*
 * Lists of owners end with NULL. Options may be NULL. Errors begin with
 * "output_options: " and name the key by its path, columns.amount.width.
 *
 * option_check_keys refuses keys that no owner knows and values that a rule
 * forbids, each key by itself; `who` has these options, as in "CSV has no option
 * ...". option_check_values looks at the keys that the owners know, and leaves
 * others alone. option_check_together is what the owners' own checks say.
 */
int option_check_keys(const char *who, const struct option_owner *const *owners,
    const json_t *options, struct err *e);
int option_check_values(const struct option_owner *const *owners,
    const json_t *options, struct err *e);
int option_check_together(const struct option_owner *const *owners,
    const json_t *options, struct err *e);

#endif
