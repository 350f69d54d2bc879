/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TEMPLATE_H
#define PLACE_TEMPLATE_H

#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"

/*
 * Turns a template such as output_path into the address of an output: an
 * absolute path below the root, or an address of another place, see place.h.
 * `{name}` is replaced by a value, `%` and a letter by a part of the scheduled
 * time in the report's time zone, as in strftime(3). A slash in a value becomes
 * an underscore. Control characters, paths that leave the root, and names of
 * files and directories that begin with a dot are refused.
 */
struct template_value {
	const char *name;
	const char *text;
};

struct template_options {
	const char *root; /* absolute; "": none */
	const char *template;
	const struct template_value *values; /* ends with a NULL name */
	const struct tm *time;               /* local time; tm_gmtoff is set */
	/* value of {partition}, slashes kept; NULL: none */
	const char *partition;
};

/* Makes the address, which the caller frees; NULL on error. */
char *template_path(const struct template_options *o, struct err *e);

/*
 * Checks whether an address lies below one of `prefixes`, which were granted to
 * the report's owner: an array of texts such as "finance/" (below root),
 * "/srv/out/finance/" or "s3://bucket/reports/". A prefix matches whole
 * segments of the address. JSON null or NULL: everything is granted.
 */
int template_check_grant(const char *root, const char *address,
    const json_t *prefixes, struct err *e);

/*
 * Checks whether a report without an output_path may be written to `address`,
 * which was made from the template of the settings. `prefixes` are as above;
 * `others` are prefixes that are granted to other owners only. The address may
 * lie below one of `others` only when every address of the template does,
 * whatever values are filled in.
 */
int template_check_default(const char *root, const char *template,
    const char *address, const json_t *prefixes, const json_t *others,
    struct err *e);

/* Checks whether a template for all reports is sound: it may use only built-in
 * names. */
int template_check(const char *template, struct err *e);
/* Checks that a template for all reports that makes paths of local files has a root
 * for them, [reportd] output_root; NULL: none is set. */
int template_check_root(const char *template, const char *root, struct err *e);

#endif
