/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_URLS_H
#define SETTINGS_URLS_H

#include <stdbool.h>

#include "base/err.h"

/*
 * [inputs] urls: prefixes such as https://api.example.com/v1/, separated by
 * commas, below which reports may read. NULL: none.
 * [inputs] headers: PREFIX=Name: value, separated by commas: headers for URLs
 * below these prefixes. NULL: none.
 */

/* Check a list. The errors repeat no value of a header. */
int urls_check(const char *list, struct err *e);
int urls_check_headers(const char *list, struct err *e);

/* Calls `each` with each prefix of the list. */
void urls_each(
    const char *list, void (*each)(void *arg, const char *prefix), void *arg);
/* Says whether the URL lies below one of the prefixes. */
bool urls_hold(const char *list, const char *url);
/* Calls `add` with each header line for the URL. */
void urls_headers(const char *list, const char *url,
    void (*add)(void *arg, const char *header), void *arg);

#endif
