/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_EXPORT_PARTS_H
#define EXPORT_EXPORT_PARTS_H

#include "encode/encoder.h"
#include "export/export.h"
#include "export/partition.h"

/*
 * The parts that the two files of an export share: export.c has rows encoded,
 * pass.c passes bytes that the server has made.
 */

/* An export in progress. */
struct run {
	const struct export_options *o;
	struct export_plan *plan;
	struct encoder **encoders; /* one for each output; NULL: not open */
	/* one for each output; only partitioned ones use it */
	struct partition *partitions;
	/* for each output: index of the output that gets the rows; -1: none */
	int *current;
	int index;      /* index of the statement, from 0 */
	int64_t rows;   /* rows of the statement so far */
	struct buf sql; /* the statement's text as it is sent */
	char note[96];  /* the remark that max_rows cut the rows */
};

/* Returns whether output i takes the rows of the statement. */
bool export_takes(const struct run *r, int i);

/* Notes that max_rows cut the rows, and returns the remark. */
const char *export_say_cut(struct run *r);

/* NULL: *e says why */
struct encoder *export_open_encoder(struct run *r, int i, struct err *e);
/* Ends and frees the encoder of output i, keeps its remark; -1: *e says why. */
int export_finish_encoder(struct run *r, int i, struct err *e);

/* pass.c */
/* Lets the server make the bytes of the output, if it can; 1: it cannot. */
int export_try_pass(struct run *r, struct err *e);

#endif
