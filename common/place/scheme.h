/* SPDX-License-Identifier: MIT */
#ifndef PLACE_SCHEME_H
#define PLACE_SCHEME_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/option.h"

/*
 * The forms of a place's addresses: "s3://bucket/key" is an object of S3; an
 * address that begins like no other scheme is the path of a local file. Schemes
 * handle text only: the supervisor, which accesses no place, links the schemes
 * without the places.
 */
struct place_scheme {
	const char *name;   /* name in messages, and key in output_options */
	const char *prefix; /* beginning of its addresses; "": any other */
	/* how a report's address of this place is written, for messages; NULL:
	 * messages that list the places do not mention it */
	const char *form;
	/* put before an address to make a URL; "": nothing */
	const char *url_prefix;
	bool dots;  /* names of files may begin with a dot */
	bool query; /* an address from its ? on is no part of a file's name */
	/* The only format that goes there, and to no other place; NULL: all
	 * formats but such ones. */
	const char *format;
	/* A template is an address as it is: nothing in it is filled in. */
	bool literal;

	/* Rules of its options, under the key `name`; NULL: it has none. */
	const struct option_owner *options;

	/* May be NULL. Checks whether a template, such as output_path, may
	 * stand for addresses of this place before {names} and %codes are
	 * filled in. */
	int (*check_template)(const char *text, struct err *e);
	/* Makes the address from a template that was filled in; the caller
	 * frees it, NULL on error. resolve NULL: no report may go to this
	 * place. */
	char *(*resolve)(const char *root, const char *text, struct err *e);
	/* Says whether the address lies below a prefix that was granted; both
	 * belong to this place. NULL: its addresses are not granted by
	 * prefixes. */
	bool (*within)(
	    const char *root, const char *address, const char *prefix);

	/* Returns the name of the target that an address lies in, which the
	 * caller frees; NULL when the address is none of this place. The
	 * function is NULL where outputs lie in no target. */
	char *(*target)(const char *address);

	/* Checks whether the address is valid and its options (those under
	 * `name`; may be NULL) are sound, without access to the place. */
	int (*check)(const char *address, const json_t *options, struct err *e);
};

/* The scheme that an address, a template or a prefix belongs to; never NULL. */
const struct place_scheme *place_scheme_of(const char *address);
/* Returns the i-th scheme, from 0; NULL after the last. */
const struct place_scheme *place_scheme_at(int i);
/* Returns the forms of all places but `but` (may be NULL), such as "file:///path
 * or s3://bucket/key"; the caller frees the text. */
char *place_forms(const struct place_scheme *but);
/* Says whether the address is the path of a local file. */
bool place_is_file(const char *address);
/* Says whether the address belongs to the place of this name, such as "s3". */
bool place_is(const char *address, const char *name);
/* Returns the name of the target that the address lies in, by
 * place_scheme.target; NULL: in none. */
char *place_target(const char *address);
/* Says whether the place takes outputs of this format. */
bool place_takes(const struct place_scheme *scheme, const char *format);
/* Refuses an address whose place does not take the format. */
int place_check_format(const char *address, const char *format, struct err *e);

/* Checks the address and all of output_options with place_scheme.check; refuses
 * options of another place. */
int place_check(const char *address, const json_t *options, struct err *e);

/* Convert an address to a URL, and a URL to an address; the caller frees the
 * result. */
char *place_url(const char *address);
char *place_of_url(const char *url);

#endif
