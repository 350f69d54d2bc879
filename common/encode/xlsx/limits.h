/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_XLSX_LIMITS_H
#define ENCODE_XLSX_LIMITS_H

#include <stdint.h>

/* The limits at which the next sheet begins: Excel's limits, or lower ones in
 * tests. */
struct xlsx_limits {
	uint32_t rows;  /* rows of a sheet, including header and totals */
	uint64_t bytes; /* bytes of a sheet's XML */
};

#endif
