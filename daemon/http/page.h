/* SPDX-License-Identifier: MIT */
#ifndef HTTP_PAGE_H
#define HTTP_PAGE_H

#include <stddef.h>

/* The page: one file with its style and script, and the header fields that let a
 * browser run these two alone. */
struct page {
	char *html;
	size_t length;
	char *fields;
};

struct page *page_open(void);
void page_free(struct page *p); /* accepts NULL */

#endif
