/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_JSON_ROWS_H
#define ENCODE_TEXT_JSON_ROWS_H

#include "encode/encoder.h"

/*
 * JSON (RFC 8259), one document: an array of rows, or with several sections an
 * object of such arrays by their names. JSONL (jsonlines.org): a row a line.
 * Values are those of json_value.h. A row is
 *
 *	"shape": "objects"  {"id":1,"name":"a"}
 *	"shape": "arrays"   [1,"a"], the columns' names told once: in the first
 *	                    line of JSONL; in JSON the rows are
 *	                    {"columns":["id","name"],"rows":[[1,"a"]]}
 *
 * Two columns of one name make no object; that is refused, not mended: readers
 * keep one of the two, and not all of them the same.
 */
extern const struct encoder_type encoder_json;
extern const struct encoder_type encoder_jsonl;

#endif
