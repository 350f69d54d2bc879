/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_HTML_PAGE_H
#define ENCODE_HTML_PAGE_H

#include "encode/encoder.h"
#include "encode/text/out.h"

/* Write what precedes the first section, up to the heading, and what follows
 * the last. */
void html_page_begin(struct out *o, const struct report_info *info,
    const char *lang, bool interactive);
void html_page_end(struct out *o, const struct report_info *info);

#endif
