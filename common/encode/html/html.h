/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_HTML_HTML_H
#define ENCODE_HTML_HTML_H

#include "encode/encoder.h"

/*
 * Writes one HTML file that is complete in itself: it fetches nothing and has
 * no script but that of the option "interactive", see explore.h, and its
 * Content-Security-Policy says so. The file is meant for
 * browsers, for printing and for mail. Properties that must survive mail
 * clients which drop <style> (alignment, the colours of the header) stand on
 * the elements; all others (sticky header, stripes, dark mode, print) stand in
 * one short <style>. Rows are written as they arrive.
 *
 * All text is escaped, whatever its type. Booleans are shown as words. A
 * timestamptz is shown without its offset, as the footer names the time zone
 * once.
 */
extern const struct encoder_type encoder_html;

#endif
