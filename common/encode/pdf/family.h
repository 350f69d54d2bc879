/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_FAMILY_H
#define ENCODE_PDF_FAMILY_H

#include <pango/pangocairo.h>

#include "base/err.h"

/*
 * Sets the family of fonts to the first one of a list with commas that is
 * installed, and to those after it, which serve characters that it lacks. A
 * generic name, such as sans-serif, counts as installed. Returns -1 when none
 * of the families is installed.
 */
int pdf_family_set(PangoContext *context, PangoFontDescription *const *fonts,
    int count, const char *families, struct err *e);

#endif
