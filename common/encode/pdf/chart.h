/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_CHART_H
#define ENCODE_PDF_CHART_H

#include "encode/chart/chart.h"
#include "encode/pdf/page.h"

/* Draws a chart below the content of the page, or on the next page when there
 * is no room. */
int pdf_chart_draw(
    struct pdf_pages *pages, const struct chart_data *chart, struct err *e);

#endif
