/* SPDX-License-Identifier: MIT */
#ifndef PLACE_HTTPS_SCHEME_H
#define PLACE_HTTPS_SCHEME_H

#include "place/scheme.h"

/*
 * "https://host/path?query": a file of a web server, or a JSON answer of its
 * API. Reports read it; no output goes there.
 */
#define HTTPS_SCHEME "https://"
#define HTTPS_URL_MAX ((size_t)8 << 10) /* bytes */

extern const struct place_scheme place_scheme_https;

/* Checks whether the URL has one meaning for all programs: a host in lower case
 * without a user, a path without `.` and `..` segments, escaped or not, and no
 * fragment. A URL that passes lies below a prefix when it begins with it. */
int https_check(const char *url, struct err *e);

#endif
