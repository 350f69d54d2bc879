/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_HTML_PAGE_H
#define ENCODE_TEXT_HTML_PAGE_H

#include "encode/text/out.h"

/* What is the same on all pages: the <style> element, and what stands for
 * characters that HTML has no place for, or another use. */
extern const char html_style[];
extern const struct escapes html_escapes;

/* U+FFFD */
#define HTML_MARK "\xEF\xBF\xBD"

#endif
