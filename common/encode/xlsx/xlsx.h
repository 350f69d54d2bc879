/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_XLSX_H
#define ENCODE_XLSX_XLSX_H

#include "encode/encoder.h"
#include "encode/xlsx/limits.h"

/*
 * Writes workbooks of Office Open XML (ECMA-376); the format is also called
 * EXCEL. There is a sheet for each section, and further sheets when one is
 * full. Cells have the type of their column; a value that Excel cannot hold is
 * text, see number.h. Strings are shared as long as a table of 1 MiB has room,
 * see text.h. Memory does not grow with the rows.
 */
extern const struct encoder_type encoder_xlsx;

/* As encoder_xlsx opens it, with other limits. */
struct encoder *xlsx_open_limited(const struct encoder_options *options,
    const struct xlsx_limits *limits, struct err *e);

#endif
