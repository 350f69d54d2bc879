/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_TEXT_COPY_H
#define ENCODE_TEXT_COPY_H

#include "encode/encoder.h"

/* TABLE: the text format of PostgreSQL's COPY, which a table of a target reads. An
 * amount of money is written as a number, because its text depends on the session
 * that reads it. */
extern const struct encoder_type encoder_table;

#endif
