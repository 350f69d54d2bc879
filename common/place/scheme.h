/* SPDX-License-Identifier: MIT */
#ifndef PLACE_SCHEME_H
#define PLACE_SCHEME_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/option.h"

/*
 * How addresses of places are written: "s3://bucket/key" is an object of S3; one
 * that begins like no other scheme is the path of a local file. These are texts
 * only: the supervisor, which reaches no place, has the schemes alone.
 */
struct place_scheme {
	const char *name;       /* in messages, and its key in output_options */
	const char *prefix;     /* of its addresses; "": any other */
	const char *url_prefix; /* before an address in a URL; "": it is one */
	bool dots;              /* a name may begin with a dot */

	/* One key of output_options, `name`; NULL: none. */
	const struct option_owner *options;

	/* Optional: whether a template, such as output_path, may stand for
	 * addresses of this place before {names} and %codes are filled in. */
	int (*check_template)(const char *text, struct err *e);
	/* The address for a template that is filled in; the caller's to free,
	 * NULL on error. resolve NULL: no report may go to the place. */
	char *(*resolve)(const char *root, const char *text, struct err *e);
	/* Whether the address lies below a prefix that was granted; both are of
	 * this place. */
	bool (*within)(
	    const char *root, const char *address, const char *prefix);

	/* Whether the address is one, and its options (those under `name`; may
	 * be NULL) are sound. Asks nobody. */
	int (*check)(const char *address, const json_t *options, struct err *e);
};

/* The scheme that an address, a template or a prefix belongs to; never NULL. */
const struct place_scheme *place_scheme_of(const char *address);
/* The i-th scheme, NULL after the last. */
const struct place_scheme *place_scheme_at(int i);
/* Whether it is the path of a local file. */
bool place_is_file(const char *address);
/* Whether it belongs to the place of this name, such as "s3". */
bool place_is(const char *address, const char *name);

/* As place_scheme.check, with all of output_options: those of another place are
 * refused. */
int place_check(const char *address, const json_t *options, struct err *e);

/* An address as a URL, and back; the caller's to free. */
char *place_url(const char *address);
char *place_of_url(const char *url);

#endif
