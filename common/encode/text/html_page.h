/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_HTML_PAGE_H
#define ENCODE_TEXT_HTML_PAGE_H

#include "encode/text/out.h"

/* The <style> element, which is the same on all pages. */
extern const char html_style[];

/* Writes text for elements and attributes: characters with a meaning in HTML
 * are escaped, and U+FFFD replaces what is no character. */
void html_text(struct out *o, const char *s, size_t len);

#endif
