/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_PDF_H
#define ENCODE_PDF_PDF_H

#include "encode/encoder.h"

/*
 * Tables on pages, as ISO 32000-1 has them: text that can be selected and
 * searched, embedded fonts, charts as lines and areas. The widths of columns
 * come from the first rows. The same rows, options, fonts and run make the same
 * bytes.
 */
extern const struct encoder_type encoder_pdf;

#endif
