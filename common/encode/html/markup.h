/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_HTML_MARKUP_H
#define ENCODE_HTML_MARKUP_H

#include "encode/text/out.h"

/* Writes text for elements and attributes: characters with a meaning in HTML
 * are escaped, and U+FFFD replaces what is no character. */
void html_text(struct out *o, const char *s, size_t len);
/* Writes a text between two pieces of markup. */
void html_element(
    struct out *o, const char *open, const char *content, const char *close);

#endif
