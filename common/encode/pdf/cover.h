/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_COVER_H
#define ENCODE_PDF_COVER_H

#include "base/buf.h"

/* Which writings the installed fonts can show in a PDF: appends the names of
 * those that they cannot, separated by commas, Latin first. Returns how many
 * families of fonts there are. */
int pdf_cover(struct buf *lacking);

#endif
