/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_PARQUET_PARQUET_H
#define ENCODE_PARQUET_PARQUET_H

#include "encode/encoder.h"

/*
 * Writes Apache Parquet (github.com/apache/parquet-format) with version 1
 * pages, which all readers accept. Values are exact: a value that the Parquet
 * type does not have is an error that names it, or NULL by option, never
 * another value.
 *
 *	codec "zstd"|"snappy"|"none"  decimal "38,20"|"text"|"double"
 *	out_of_range "error"|"null"
 *
 * A row group is written when its pages reach 16 MiB or it has 2^20 rows.
 */
extern const struct encoder_type encoder_parquet;

#endif
