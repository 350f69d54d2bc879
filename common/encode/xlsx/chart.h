/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_CHART_H
#define ENCODE_XLSX_CHART_H

#include <stdint.h>

#include "base/buf.h"
#include "encode/chart/chart.h"

/* A sheet's chart, which reads the sheet's cells: no data of its own. */

/* xl/drawings/drawingN.xml: where it stands, right of so many columns. */
void xlsx_drawing(struct buf *b, int columns);
/* xl/drawings/_rels/drawingN.xml.rels */
void xlsx_drawing_rels(struct buf *b, int number);
/* xl/charts/chartN.xml: of rows 2 to last of the sheet. */
void xlsx_chart(struct buf *b, const struct chart_option *chart,
    const struct layout *layout, const char *sheet, uint32_t last);

#endif
