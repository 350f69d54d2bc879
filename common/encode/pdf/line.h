/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_LINE_H
#define ENCODE_PDF_LINE_H

#include "encode/pdf/face.h"
#include "encode/pdf/flow.h"
#include "encode/pdf/style.h"

/* Breaks a paragraph of plain characters into lines. */

/* A word that is too wide for its line is squeezed to this percentage of its width,
 * but not further. */
#define PDF_SQUEEZE_WORD 60
/* Added to a measured width, so that the text has room in it however widths are
 * rounded. */
#define PDF_ROUNDING 5

/* Makes one line from f->next on; `limit` is in thousandths of the size. */
void pdf_flow_plain_line(
    struct pdf_face *face, struct pdf_flow *f, int limit, int size);

#endif
