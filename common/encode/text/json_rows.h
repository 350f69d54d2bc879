/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_JSON_ROWS_H
#define ENCODE_TEXT_JSON_ROWS_H

#include "encode/encoder.h"

/*
 * encoder_json writes one JSON document (RFC 8259): an array of rows, or with
 * several sections an object that has such an array under the name of each
 * section. encoder_jsonl (jsonlines.org) writes one row a line. json_value.h
 * says how values are written. The form of a row is
 *
 *	"shape": "objects"  {"id":1,"name":"a"}
 *	"shape": "arrays"   [1,"a"]; the names of the columns come once, in
 *	                    JSONL in the first line; in JSON a section is
 *	                    {"columns":["id","name"],"rows":[[1,"a"]]}
 *
 * Objects with two columns of one name are refused, not mended: readers keep
 * only one of the two, and they differ in which.
 */
extern const struct encoder_type encoder_json;
extern const struct encoder_type encoder_jsonl;

#endif
