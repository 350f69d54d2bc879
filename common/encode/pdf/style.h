/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_STYLE_H
#define ENCODE_PDF_STYLE_H

#include <stdbool.h>
#include <stdint.h>

enum pdf_weight {
	PDF_PLAIN,
	PDF_BOLD,
};

struct pdf_style {
	enum pdf_weight weight;
	int size;
};

/* A width at which nothing wraps. */
#define PDF_UNLIMITED (INT32_MAX / 1000)

struct pdf_text_options {
	const char *family;   /* in pango's form: "Noto Sans,sans-serif" */
	const char *language; /* guides the choice of fonts: "en", "zh-Hans" */
	bool replace; /* replace characters that no font has by a sign */
};
/* Counts the characters that no font has and that were replaced. */
struct pdf_replaced {
	long count;
	uint32_t first;
};

#endif
