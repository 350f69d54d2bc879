/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_XLSX_H
#define ENCODE_XLSX_XLSX_H

#include "encode/encoder.h"

/*
 * Workbooks of Office Open XML (ECMA-376), also called EXCEL: a sheet for each
 * section, and more of them where one is full. Cells have the type of their
 * column; what Excel cannot hold is text, see xlsx_number.h. Strings are shared as
 * long as a table of 1 MiB has room, see xlsx_text.h; memory does not grow with
 * the rows.
 */
extern const struct encoder_type encoder_xlsx;

/* Where a sheet ends and the next one begins: Excel's limits, or less in
 * tests. */
struct xlsx_limits {
	uint32_t rows;  /* of a sheet, its header and total row among them */
	uint64_t bytes; /* of a sheet's XML */
};

struct encoder *xlsx_open_limited(const struct encoder_options *options,
    const struct xlsx_limits *limits, struct err *e);

#endif
