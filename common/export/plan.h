/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_PLAN_H
#define EXPORT_PLAN_H

#include "encode/encoder.h"
#include "sink/compress.h"
#include "sink/sink.h"

/*
 * The outputs that one export makes of its statements. A format that holds
 * several results has one output; a format that holds one result has an output
 * for each statement.
 */
struct export_output {
	const struct encoder_type *type;
	json_t *options; /* those of this format */
	int part;        /* n: result of the n-th statement; 0: of all */
	/* The output consists of a file for each value of these columns: it
	 * gets no sink, and export_run adds an output for each value. NULL: it
	 * is one file. */
	const json_t *partition_by;
	bool added;            /* added by export_run for a value */
	const char *extension; /* without the dot: xlsx, csv.gz */
	char extension_text[24];

	char *place; /* its address; the caller sets it, the plan frees it */
	struct sink *sink;
	const struct sink *digest; /* part of sink; knows bytes and SHA-256 */
	struct report_info info;   /* with this output's title */

	/* Results, valid after export_run. */
	int64_t rows;
	char *remark; /* NULL: none */
};

struct export_plan {
	char **statements;
	int statement_count;
	struct export_output *outputs;
	int count;
	int room; /* length of outputs: room for added ones */
	const json_t *section_names; /* NULL: the sections have no names */
	int64_t max_rows;            /* limit for each statement; 0: none */
	bool skip_if_empty;
	/* JSON for the ledger of a place that has one, given to publish; the plan
	 * frees it. NULL: none. */
	char *result;
	/* Remark on the whole result, after export_run; NULL: none. */
	char *remark;
};

/*
 * `formats` is a list such as CSV,XLSX,PDF, as in output_format. With several
 * formats, options may hold the options of one format under its name; the other
 * keys are for every format that knows them. The options must outlive the plan.
 * Everything is checked. sql NULL: the outputs are made of something else than
 * statements.
 */
int export_plan_open(struct export_plan *plan, const char *sql,
    const char *formats, const json_t *options, struct err *e);
/* Replaces the statements by the same ones with their parameters filled in. */
int export_plan_set_sql(
    struct export_plan *plan, const char *sql, struct err *e);
void export_plan_free(struct export_plan *plan); /* frees the sinks, too */

/* The first output that has a sink; NULL when there is none. */
const struct export_output *export_first(const struct export_plan *plan);

/* Adds an output for one value of the partitioned output `of`; NULL with *e
 * when there are too many. */
struct export_output *export_add_partition(struct export_plan *plan,
    const struct export_output *of, int part, struct err *e);

/* Returns the address that the options of an output give it beside outputs
 * of other formats; NULL: it has the one that all have. */
const char *export_own_address(
    const struct export_plan *plan, const struct export_output *output);

/* Returns the value of {part} in a name: 1 when the output holds all
 * results. */
int export_part(const struct export_output *output);

/* Returns the value of {section} in a name; NULL: the output holds several
 * results, or they have no names. */
const char *export_section(
    const struct export_plan *plan, const struct export_output *output);

/* Checks whether a template for names gives each output a name of its own. */
int export_plan_check_name(
    const struct export_plan *plan, const char *template, struct err *e);

/* Returns the media type of the file's bytes: that of the compression, if
 * there is one. */
const char *export_media_type(const struct export_output *output);
/* Returns the compression of the output; NULL: none. */
const struct compression *export_compression(
    const struct export_output *output);

#endif
