/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_OUTPUTS_H
#define EXPORT_OUTPUTS_H

#include "export/plan.h"
#include "place/place.h"

/*
 * The outputs of an export from open to publish, for a worker's export stage
 * and `reportctl export`. Each output's sink is a chain: a filter that
 * compresses (if wanted), a filter that counts and digests, the place.
 */
struct outputs {
	struct export_plan *plan;
	/* The properties of every output; address, schema, options, media_type,
	 * side_by_side and held are filled in for each output. */
	struct place_output made_with;
	/* Sets output->place. `partition` is a part of a path, such as
	 * region=North/day=1, or NULL. */
	int (*locate)(void *arg, struct export_output *output,
	    const char *partition, struct err *e);
	void *arg;
	int64_t held; /* bytes; see struct place_output */
};

/* Opens all outputs, except those that wait for the schema and those that
 * partition_by splits. */
int outputs_open(struct outputs *all, struct err *e);
/* Opens an output during the export, as export_options.open describes; `arg` is
 * the struct outputs. `partition` NULL: the output has its place, which needed
 * the schema. */
int outputs_open_late(void *arg, struct export_output *output,
    const char *partition, const struct schema *schema, struct err *e);

/* Begins and ends one of the files that an output consists of; see place_type.
 * Between the two, its content is written to output->sink. */
int outputs_begin_file(
    struct export_output *output, const struct schema *columns, struct err *e);
int outputs_end_file(struct export_output *output, struct err *e);
/* Returns the source of place_type.staged, of the first output whose place
 * has one. */
struct source *outputs_staged(const struct export_plan *plan, struct err *e);

/* Puts the filters that the output's options ask for before `place`, which it
 * takes over, and sets output->sink. -1 on error, also when place is NULL. */
int outputs_chain(
    struct export_output *output, struct sink *place, struct err *e);

/* Bytes that the places have taken so far, for all outputs together. */
int64_t outputs_bytes(const struct export_plan *plan);
/* Moves transfers that are in progress; see sink_step. */
int outputs_step(const struct export_plan *plan, struct err *e);
/* Says whether the export has no rows and publishes nothing for that reason. */
bool outputs_none(const struct export_plan *plan, int64_t rows);
/* Finishes the sinks, one after the other; those of partitions are finished
 * already. An output that holds locks is finished by the second function alone,
 * after everything else that the export does. */
int outputs_finish(const struct export_plan *plan, struct err *e);
int outputs_finish_locked(const struct export_plan *plan, struct err *e);

/*
 * Makes the outputs visible, one after the other, those of places that hold locks
 * last. A process that dies meanwhile
 * leaves some of them; the next attempt replaces these, because their names are
 * the same. until_ms (boot clock; 0: no limit) is checked before each output
 * but the first: 1 when it has passed, and another call goes on with the rest.
 */
int outputs_publish(
    const struct export_plan *plan, int64_t until_ms, struct err *e);
/* Says whether an output holds locks until it is published. */
bool outputs_hold_locks(const struct export_plan *plan);
/* Removes all outputs that were not published. */
void outputs_abort(const struct export_plan *plan);

/* Adds rows, bytes, sha256 and remark of a finished output to the members of
 * `about`, and returns `about`. */
json_t *outputs_describe(const struct export_output *output, json_t *about);

#endif
