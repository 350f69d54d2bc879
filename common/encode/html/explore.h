/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_HTML_EXPLORE_H
#define ENCODE_HTML_EXPLORE_H

#include "encode/text/out.h"
#include "rows/rows.h"

/*
 * The option "interactive": what a page has more than a plain one, so that its
 * readers can sort, filter and search the tables. That is one <style> and one
 * <script> in its head, whose hash is all that the page's policy allows; the
 * script makes the controls itself, so that the page is a plain one wherever it
 * does not run. explore.js says what it reads from the page.
 */

/* Writes the style and the script for the end of <head>. */
void explore_head(struct out *out);
/* Writes the sources of scripts that the policy of the page allows. */
void explore_policy(struct out *out);

/* Returns the attribute of a column's header that tells the script how its
 * values compare; "": as text. */
const char *explore_kind(const struct column *column);

/* Returns whether the cells of the column carry their values for the script,
 * because it cannot compare what they show. */
bool explore_carries(const struct column *column, bool formatted);
/* Writes the attribute with a value, which is not NULL, of such a column. */
void explore_value(
    struct out *out, const struct column *column, const struct value *v);

#endif
