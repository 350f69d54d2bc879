/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_OUTPUTS_H
#define EXPORT_OUTPUTS_H

#include "export/plan.h"
#include "place/place.h"

/*
 * The outputs of an export from open to publish, as a worker's export stage and
 * `reportctl export` make them. Each output's sink is a chain: a filter that
 * compresses, one that counts and digests, the place.
 */
struct outputs {
	struct export_plan *plan;
	/* What each output is made with; address, schema, options, media_type,
	 * side_by_side and held are filled in for each. */
	struct place_output made_with;
	/* Sets output->place. `partition` is a part of a path, such as
	 * region=North/day=1, or NULL. */
	int (*locate)(void *arg, struct export_output *output,
	    const char *partition, struct err *e);
	void *arg;
	int64_t held; /* see place_output */
};

/* Opens all outputs whose place is set, but for those that wait for the schema
 * or are cut by partition_by. */
int outputs_open(struct outputs *all, struct err *e);
/* Opens one while rows come, as export_options.open asks for it: `arg` is the
 * struct outputs. `partition` NULL: it has its place, and waited for the
 * schema. */
int outputs_open_late(void *arg, struct export_output *output,
    const char *partition, const struct schema *schema, struct err *e);

/* Puts the filters that the output's options ask for before the place, which it
 * takes over, and makes them output->sink. place NULL: -1. */
int outputs_chain(
    struct export_output *output, struct sink *place, struct err *e);

/* Bytes of all outputs that their places have taken so far. */
int64_t outputs_bytes(const struct export_plan *plan);
/* Moves transfers that are under way; see sink_step. */
int outputs_step(const struct export_plan *plan, struct err *e);
/* No rows, and so nothing that could be published. */
bool outputs_none(const struct export_plan *plan, int64_t rows);
/* All sinks, one after the other; those of partitions are finished already. */
int outputs_finish(const struct export_plan *plan, struct err *e);

/*
 * Makes them visible one after the other: a process that dies in between leaves
 * some of them, which the next attempt replaces, as their names are the same.
 * until_ms (boot clock; 0: no limit) is looked at before each but the first:
 * 1 when it has passed, and a further call goes on.
 */
int outputs_publish(
    const struct export_plan *plan, int64_t until_ms, struct err *e);
/* Removes all that was not published. */
void outputs_abort(const struct export_plan *plan);

/* rows, bytes, sha256 and remark of one that was finished, after the members of
 * `about`, which it takes over. */
json_t *outputs_describe(const struct export_output *output, json_t *about);

#endif
