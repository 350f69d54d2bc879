/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PDF_CHART_H
#define ENCODE_PDF_CHART_H

#include "encode/chart/chart.h"
#include "encode/pdf/page.h"

/* Draws a chart below what is on the page, or on the next one. */
int pdf_chart_draw(
    struct pdf_pages *pages, const struct chart_data *chart, struct err *e);

#endif
