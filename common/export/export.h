/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include "export/plan.h"
#include "source/source.h"

/*
 * Statements -> encoders -> sinks: what a worker's export stage and `reportctl
 * export` share. The rows of a statement are read once, whatever they become.
 * When the server can make the very bytes of the only output (CSV over COPY)
 * they pass through untouched. The sinks are written, neither finished nor
 * published.
 */
struct export_options {
	struct source *source;    /* between source_begin_job and _end_job */
	struct export_plan *plan; /* whose outputs outputs_open has opened */
	/* Its title is for those without the option "title". */
	const struct report_info *info;
	const struct watch *watch;
	int64_t *rows; /* counted here as they pass, header not included */
	/* Opens the sink of an output that has none so far, for rows of this
	 * schema. `partition` is a part of a path (region=North/day=1) for an
	 * added output, whose place it sets first; NULL: the output's place
	 * waited for the schema. See outputs_open_late. */
	int (*open)(void *arg, struct export_output *output,
	    const char *partition, const struct schema *schema, struct err *e);
	void *arg;
};

int export_run(const struct export_options *options, struct err *e);

#endif
