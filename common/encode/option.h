/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_OPTION_H
#define ENCODE_OPTION_H

#include "base/json.h"

/* A key that output_options may hold; reportd.output_format has the same list
 * for the check at INSERT. */
struct encoder_option {
	const char *name;    /* NULL ends a list */
	json_type type;      /* JSON_TRUE for a boolean, JSON_REAL any number */
	const char *allowed; /* of strings: "a|b|c"; NULL: any */
	const char *about;
	/* JSON_OBJECT: its keys. With name "*": any key, all of this shape.
	 * JSON_ARRAY: one entry, named "*", what each element is. */
	const struct encoder_option *inside;
};

#endif
