/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_CSV_H
#define ENCODE_TEXT_CSV_H

#include "encode/encoder.h"

/*
 * Writes CSV, byte for byte as PostgreSQL's COPY ... (FORMAT csv) does
 * (copyto.c, CopyAttributeOutCSV), in the dialect of output_options:
 *
 *	delimiter ","  header true  quote "minimal"|"all"|"nonnumeric"
 *	null ""  line_ending "lf"|"crlf"  bom false  encoding "UTF8"
 *	decimal_comma false  formula_guard false
 *
 * "formula_guard" puts a single quote in front of text that begins with = + -
 * @, a tab or a carriage return (OWASP, "CSV Injection"), in text columns and
 * in the names of columns.
 */
extern const struct encoder_type encoder_csv;

#endif
