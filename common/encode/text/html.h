/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_HTML_H
#define ENCODE_TEXT_HTML_H

#include "encode/encoder.h"

/*
 * One HTML file that needs no other: nothing is fetched, no script is in it,
 * and its Content-Security-Policy says so. Made for a browser, for paper and for
 * mail: what must not be lost where <style> is dropped (alignment, the header's
 * colours) stands on the elements, the rest (sticky header, stripes, dark mode,
 * print) in one short <style>. Rows are written as they come.
 *
 * All text is escaped, whatever its type. Booleans are words; a timestamptz is
 * shown without its offset, as the footer names the zone once.
 */
extern const struct encoder_type encoder_html;

#endif
