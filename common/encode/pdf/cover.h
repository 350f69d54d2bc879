/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_COVER_H
#define ENCODE_PDF_COVER_H

#include "base/buf.h"

/* Appends the names of the writing systems that the installed fonts cannot show
 * in a PDF, separated by commas, Latin first. Returns the number of font
 * families. */
int pdf_cover(struct buf *lacking);

#endif
