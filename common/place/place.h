/* SPDX-License-Identifier: MIT */
#ifndef PLACE_PLACE_H
#define PLACE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"
#include "place/record.h"
#include "place/scheme.h"
#include "rows/rows.h"
#include "services/services.h"
#include "sink/sink.h"

/*
 * Where outputs go and where they are read back from. An address tells its place
 * by how it begins, see scheme.h.
 *
 * A place is a constant of struct place_scheme, one of struct place_type, and a
 * line in the table of scheme.c and of place.c. Nobody but its own folder calls
 * its functions.
 */

/* What a process lends to its places. It outlives the sinks and readers that are
 * made with it. */
struct place_lent {
	struct services *services; /* with the settings */
	/* The directory that local files do not leave, absolute; NULL: a file
	 * goes wherever its path leads. */
	const char *root;
	mode_t file_mode;
	bool no_sync; /* leave out all fsyncs of files */
};

/* How an output is made. Only `lent`, `held` and `record` are kept. */
struct place_output {
	const struct place_lent *lent;
	const char *address;
	/* The columns of its rows, for a place with needs_schema; else NULL. */
	const struct schema *schema;
	const json_t *options; /* output_options of its format; NULL: none */
	const char *media_type;
	/* What the output says of itself; NULL: nothing. */
	const char *run_id, *report, *report_id, *scheduled_for;
	bool again;       /* an earlier attempt may have left something there */
	int side_by_side; /* outputs that share the memory, 1 or more */
	/* Bytes of whole outputs that wait in memory to be published: one sum
	 * for all outputs of a job. NULL: each has its own. */
	int64_t *held;
	struct place_record *record; /* NULL: nobody keeps one */
};

/* Reads what lies at an address, which does not change meanwhile: see
 * place_read. Made by place_type.read. */
struct place_reader {
	const struct place_type *type;
	int64_t size; /* in bytes */
};

/* Of a listing. What it returns other than 0 ends the list and is returned. */
typedef int place_each(
    void *arg, const char *address, int64_t size, struct err *e);

/* One finding of a probe: `mend` says what to do about it; NULL: nothing need be
 * done, or the text says it. */
enum place_finding { PLACE_OK, PLACE_WARN, PLACE_FAILED };
typedef void place_say(void *arg, enum place_finding finding, const char *what,
    const char *mend, const char *text);

struct place_type {
	const struct place_scheme *scheme;
	bool needs_schema; /* open is called when the first row's columns are
	                      known, not before */
	/* Whether the settings allow a report to write it with these options,
	 * and a notice to read it. */
	int (*allow)(const struct place_lent *lent, const char *address,
	    const json_t *options, struct err *e);

	/* ---- at work; each may be NULL: the place cannot ---- */

	/* Whole or not at all: see sink.h. NULL on error. */
	struct sink *(*open)(const struct place_output *output, struct err *e);
	/* NULL on error; ERR_TRANSIENT when it is not there. */
	struct place_reader *(*read)(
	    const struct place_lent *lent, const char *address, struct err *e);
	/* len bytes from offset `from` on. 1: there are fewer, as it was
	 * changed meanwhile. */
	int (*read_at)(struct place_reader *reader, int64_t from, char *to,
	    size_t len, struct err *e);
	void (*read_end)(struct place_reader *reader);
	/* Calls for all that lies below the prefix, in the order of their
	 * names. */
	int (*list)(const struct place_lent *lent, const char *prefix,
	    place_each *each, void *arg, struct err *e);
	/* Removes all that lies below the prefix, whatever the watch says;
	 * nothing lasts beyond the deadline (boot clock, ms). */
	int (*remove)(const struct place_lent *lent, const char *prefix,
	    int64_t deadline_ms, struct err *e);
	/* A URL that anybody may GET, and when it ends (seconds since 1970);
	 * *url stays NULL where people need none. *url is the caller's to free.
	 * -1 when nothing lies there. */
	int (*link)(const struct place_lent *lent, const char *address,
	    int64_t seconds, char **url, int64_t *ends, struct err *e);
	/* Ends what a killed process has left, going by one entry of its
	 * record. Anything younger than stale_ms that may still be at work is
	 * left alone: 1. */
	int (*sweep)(const struct place_lent *lent, const json_t *entry,
	    int64_t stale_ms, struct err *e);
	/* Tries whatever the settings name, for `reportctl doctor`. */
	void (*probe)(const struct place_lent *lent, place_say *say, void *arg);
};

/* The place that an address belongs to; never NULL. */
const struct place_type *place_of(const char *address);
/* The i-th place, NULL after the last. */
const struct place_type *place_at(int i);
/* What the members of place_type say, for any address. The options are all of
 * output_options. */
int place_allow(const struct place_lent *lent, const char *address,
    const json_t *options, struct err *e);
struct sink *place_open(const struct place_output *output, struct err *e);
struct place_reader *place_read(
    const struct place_lent *lent, const char *address, struct err *e);
int place_read_at(struct place_reader *reader, int64_t from, char *to,
    size_t len, struct err *e);
void place_read_end(struct place_reader *reader); /* accepts NULL */
int place_list(const struct place_lent *lent, const char *prefix,
    place_each *each, void *arg, struct err *e);
int place_remove(const struct place_lent *lent, const char *prefix,
    int64_t deadline_ms, struct err *e);
int place_link(const struct place_lent *lent, const char *address,
    int64_t seconds, char **url, int64_t *ends, struct err *e);

/* All of it, of `most` bytes at most; the caller's to free, a NUL after it. */
char *place_read_all(const struct place_lent *lent, const char *address,
    size_t most, size_t *len, struct err *e);

/* Takes those entries out of the list that nothing is left of. -1: something
 * could not be ended, and why. See record.h. */
int place_sweep(const struct place_lent *lent, json_t *list, int64_t stale_ms,
    struct err *e);

#endif
