/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TEMPLATE_H
#define PLACE_TEMPLATE_H

#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"

/*
 * Where an output goes: a template becomes an absolute path below the root, or a
 * place of S3, "s3://bucket/key", whose bucket the template gives as it is.
 * `{name}` is replaced by a value, `%` and a letter by a part of the scheduled
 * time in the report's zone, as strftime(3) does. A slash in a value becomes an
 * underscore; control characters are refused, and so are any way out of root and
 * file and directory names that begin with a dot.
 */
struct destination_value {
	const char *name;
	const char *text;
};

struct destination_options {
	const char *root; /* absolute; "": none */
	const char *template;
	const struct destination_value *values; /* ends with a NULL name */
	const struct tm *time;                  /* local; tm_gmtoff is set */
	const char *partition; /* {partition}, slashes and all; NULL: none */
};

/* The path or place, the caller's to free; NULL on error. */
char *destination_path(const struct destination_options *o, struct err *e);

/*
 * Whether a path or place lies in one of `prefixes`, which were granted to the
 * report's owner: an array of texts such as "finance/" (below root),
 * "/srv/out/finance/" or "s3://bucket/reports/"; they match whole segments of it.
 * JSON null or NULL: everything is granted.
 */
int destination_check_grant(
    const char *root, const char *place, const json_t *prefixes, struct err *e);

/* Whether a template for all reports is sound: built-in names only. */
int destination_check(const char *template, struct err *e);

/* file:// or s3:// URL of a path or place, and back; the caller's to free. */
char *destination_url(const char *path);
char *destination_of_url(const char *url);

#endif
