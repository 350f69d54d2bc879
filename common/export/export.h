/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include "export/plan.h"
#include "source/source.h"

/*
 * Runs statements and writes their results through encoders into sinks; shared
 * by a worker's export stage and `reportctl export`. The rows of a statement
 * are read once, however many outputs they go into. When the server can make
 * exactly the bytes of the only output (CSV with COPY), these pass through
 * unchanged. The sinks are written, but neither finished nor published.
 */
struct export_options {
	struct source *source; /* between source_begin_job and source_end_job */
	struct export_plan *plan; /* outputs_open has opened its outputs */
	/* Its title is used for outputs without the option "title". */
	const struct report_info *info;
	const struct watch *watch;
	/* The caller reads more from the source in the same snapshot: the
	 * transaction stays open. */
	bool goes_on;
	/* rows so far, header not included; updated as they pass */
	int64_t *rows;
	/* Opens the sink of an output that has none yet, for rows of this
	 * schema. `partition` is a part of a path (region=North/day=1): the
	 * output was added for a partition, and the function first sets its
	 * place. NULL: the output has its place, which needed the schema. See
	 * outputs_open_late. */
	int (*open)(void *arg, struct export_output *output,
	    const char *partition, const struct schema *schema, struct err *e);
	void *arg;
};

int export_run(const struct export_options *options, struct err *e);

#endif
