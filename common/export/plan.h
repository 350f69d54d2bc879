/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_PLAN_H
#define EXPORT_PLAN_H

#include "encode/encoder.h"
#include "sink/compress.h"
#include "sink/sink.h"

/*
 * What one export makes of its statements: each format has one output, or, when
 * it holds one result only, one output a statement.
 */
struct export_output {
	const struct encoder_type *type;
	json_t *options; /* of this format alone */
	int part;        /* n: of the n-th statement; 0: of all */
	/* It is a file for each value of these columns: no sink is opened for
	 * it; export_run adds an output a value. NULL: it is one file. */
	const json_t *partition_by;
	bool added;            /* one of those */
	const char *extension; /* without the dot: xlsx, csv.gz */
	char extension_text[24];

	char *place; /* its address; the caller's to set */
	struct sink *sink;
	const struct sink *digest; /* in sink: bytes and SHA-256 */
	struct report_info info;   /* with a title of its own */

	/* What has come of it, after export_run. */
	int64_t rows;
	char *remark; /* NULL: nothing to say */
};

struct export_plan {
	char **statements;
	int statement_count;
	struct export_output *outputs;
	int count;
	int room;                    /* up to which export_run adds some */
	const json_t *section_names; /* NULL: they have none */
	int64_t max_rows;            /* of each statement; 0: no limit */
	bool skip_if_empty;
	/* After export_run, of the result as such; NULL: nothing to say. */
	char *remark;
};

/*
 * `formats` as output_format has them: CSV,XLSX,PDF. With several, options hold
 * those of one format under its name; what stands beside them is for every
 * format that knows it. Options outlive the plan. All of it is checked.
 */
int export_plan_open(struct export_plan *plan, const char *sql,
    const char *formats, const json_t *options, struct err *e);
/* The same statements with their parameters filled in. */
int export_plan_set_sql(
    struct export_plan *plan, const char *sql, struct err *e);
void export_plan_free(struct export_plan *plan); /* with the sinks */

/* The first output that is a file; NULL when there is none. */
const struct export_output *export_first(const struct export_plan *plan);

/* Adds an output for one value of a partitioned one; NULL when there are too
 * many. */
struct export_output *export_add_partition(struct export_plan *plan,
    const struct export_output *of, int part, struct err *e);

/* For {part} in a name: 1 when there is but one. */
int export_part(const struct export_output *output);

/* Whether a template for names keeps the outputs apart. */
int export_plan_check_name(
    const struct export_plan *plan, const char *template, struct err *e);

/* Of what is in the file: that of the compression, if there is one. */
const char *export_media_type(const struct export_output *output);
/* NULL: it is not compressed. */
const struct compression *export_compression(
    const struct export_output *output);

#endif
