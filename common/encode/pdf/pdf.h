/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_PDF_H
#define ENCODE_PDF_PDF_H

#include "encode/encoder.h"

/*
 * Writes tables on pages of a PDF file (ISO 32000-1): text can be selected and
 * searched, fonts are embedded, charts are lines and areas. The widths of
 * columns come from the first rows. The same rows, options, fonts and run give
 * the same bytes.
 */
extern const struct encoder_type encoder_pdf;

#endif
