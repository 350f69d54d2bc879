/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_HTML_PAGE_H
#define ENCODE_TEXT_HTML_PAGE_H

#include "encode/text/out.h"

/* The <style> element, the same on all pages. */
extern const char html_style[];

/* Text as it stands in elements and attributes: what HTML has another use for is
 * escaped, and U+FFFD stands for what is no character. */
void html_text(struct out *o, const char *s, size_t len);

#endif
