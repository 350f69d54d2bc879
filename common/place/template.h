/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TEMPLATE_H
#define PLACE_TEMPLATE_H

#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"

/*
 * A template such as output_path becomes the address of an output: an absolute
 * path below the root, or an address of another place, as place.h has them.
 * `{name}` is replaced by a value, `%` and a letter by a part of the scheduled
 * time in the report's zone, as strftime(3) does. A slash in a value becomes an
 * underscore; control characters are refused, and so are any way out of root and
 * file and directory names that begin with a dot.
 */
struct template_value {
	const char *name;
	const char *text;
};

struct template_options {
	const char *root; /* absolute; "": none */
	const char *template;
	const struct template_value *values; /* ends with a NULL name */
	const struct tm *time;               /* local; tm_gmtoff is set */
	const char *partition; /* {partition}, slashes and all; NULL: none */
};

/* The address, the caller's to free; NULL on error. */
char *template_path(const struct template_options *o, struct err *e);

/*
 * Whether an address lies in one of `prefixes`, which were granted to the
 * report's owner: an array of texts such as "finance/" (below root),
 * "/srv/out/finance/" or "s3://bucket/reports/"; they match whole segments of it.
 * JSON null or NULL: everything is granted.
 */
int template_check_grant(const char *root, const char *address,
    const json_t *prefixes, struct err *e);

/*
 * Whether the address of a report without an output_path, which the template of the
 * settings has made, may be written. `prefixes` are as above; `others` are granted
 * as well, but not to the report's owner: the address may lie in one of these only
 * when the template says so by itself, whatever names it is filled in with.
 */
int template_check_default(const char *root, const char *template,
    const char *address, const json_t *prefixes, const json_t *others,
    struct err *e);

/* Whether a template for all reports is sound: built-in names only. */
int template_check(const char *template, struct err *e);

#endif
