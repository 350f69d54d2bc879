/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_HTML_MARKUP_H
#define ENCODE_HTML_MARKUP_H

#include "encode/text/out.h"

/* Writes text for elements and attributes: characters with a meaning in HTML
 * are escaped, and U+FFFD replaces what is no character. */
void html_text(struct out *o, const char *s, size_t len);

/* html_text in two steps, for callers that want to know more of the text.
 * html_look returns HTML_SPACES when the text has a byte that is a space, a tab,
 * a line break or another control character, and HTML_JOINTS when it has one
 * after which browsers may break a word; other bits are for html_looked, which
 * writes the text or a part of it. */
#define HTML_SPACES 4u
#define HTML_JOINTS 8u
unsigned html_look(const char *s, size_t len);
void html_looked(struct out *o, const char *s, size_t len, unsigned found);

/* Writes a text between two pieces of markup. */
void html_element(
    struct out *o, const char *open, const char *content, const char *close);

#endif
