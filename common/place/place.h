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
 * The places that outputs go to and are read back from. The beginning of an
 * address tells its place, see scheme.h.
 *
 * A place consists of a constant struct place_scheme, a constant struct
 * place_type, and one line each in the tables of scheme.c and place.c. Only the
 * place's own folder calls its functions directly.
 */

/* The things that a process lends to its places. They must outlive the sinks
 * and readers that are made with them. */
struct place_lent {
	struct services *services; /* also hold the settings */
	/* The directory that local files must not leave, absolute; NULL: a file
	 * goes wherever its path leads. */
	const char *root;
	mode_t file_mode;
	bool no_sync; /* leave out all fsyncs of files */
};

/* The properties of an output to be opened. After open, only the pointers
 * `lent`, `held` and `record` are still used. */
struct place_output {
	const struct place_lent *lent;
	const char *address;
	/* The columns of the output's rows, for a place with needs_schema; else
	 * NULL. */
	const struct schema *schema;
	const json_t *options; /* output_options of its format; NULL: none */
	const char *media_type;
	/* Texts about its origin that the output carries; NULL: none. */
	const char *run_id, *report, *report_id, *scheduled_for;
	bool again; /* an earlier attempt may have left something there */
	/* number of outputs that share the memory, 1 or more */
	int side_by_side;
	/* Bytes of all outputs of a job that wait whole in memory to be
	 * published; the outputs share this sum. NULL: the output counts for
	 * itself. */
	int64_t *held;
	struct place_record *record; /* NULL: no record is kept */
};

/* Reads the bytes at an address. place_type.read makes it; place_type.read_at
 * notices when the bytes change meanwhile. */
struct place_reader {
	const struct place_type *type;
	int64_t size; /* of the whole, in bytes */
};

/* Called for each entry of a listing. A result other than 0 ends the listing,
 * which returns it. */
typedef int place_each(
    void *arg, const char *address, int64_t size, struct err *e);

/* Receives one finding of a probe. `what` names the thing that was tried,
 * `text` says what was found, `mend` says what to do about it; mend NULL:
 * nothing needs to be done, or the text says it. */
enum place_finding { PLACE_OK, PLACE_WARN, PLACE_FAILED };
typedef void place_say(void *arg, enum place_finding finding, const char *what,
    const char *mend, const char *text);

struct place_type {
	const struct place_scheme *scheme;
	bool needs_schema; /* open needs the columns, so it waits for them */
	/* Checks whether the settings allow a report to write to the address
	 * with these options, and a notice to read from it. */
	int (*allow)(const struct place_lent *lent, const char *address,
	    const json_t *options, struct err *e);

	/* ---- operations; NULL: the place does not support it ---- */

	/* Opens an output, which appears whole or not at all: see sink.h. NULL
	 * on error. */
	struct sink *(*open)(const struct place_output *output, struct err *e);
	/* Opens an address for reading. NULL on error, which is ERR_TRANSIENT
	 * when nothing lies there. */
	struct place_reader *(*read)(
	    const struct place_lent *lent, const char *address, struct err *e);
	/* Reads len bytes, starting at offset `from`. 1: there are fewer,
	 * because the content was changed meanwhile. */
	int (*read_at)(struct place_reader *reader, int64_t from, char *to,
	    size_t len, struct err *e);
	void (*read_end)(struct place_reader *reader);
	/* Calls `each` for every entry below the prefix, in the order of their
	 * names. */
	int (*list)(const struct place_lent *lent, const char *prefix,
	    place_each *each, void *arg, struct err *e);
	/* Removes every entry below the prefix, even when the watch says stop,
	 * and ends before the deadline (boot clock, ms). */
	int (*remove)(const struct place_lent *lent, const char *prefix,
	    int64_t deadline_ms, struct err *e);
	/* Makes a URL that anybody may GET, and the time when it expires
	 * (*ends, seconds since 1970). The caller frees *url, which stays NULL
	 * where people need no URL. -1 when nothing lies at the address. */
	int (*link)(const struct place_lent *lent, const char *address,
	    int64_t seconds, char **url, int64_t *ends, struct err *e);
	/* Removes what a killed process has left behind, according to one entry
	 * of its record. 0: nothing is left; 1: nothing was removed, because
	 * the entry is younger than stale_ms and its process may still be at
	 * work. */
	int (*sweep)(const struct place_lent *lent, const json_t *entry,
	    int64_t stale_ms, struct err *e);
	/* Tries whatever the settings name, for `reportctl doctor`. */
	void (*probe)(const struct place_lent *lent, place_say *say, void *arg);
};

/* The place that an address belongs to; never NULL. */
const struct place_type *place_of(const char *address);
/* The i-th place, from 0; NULL after the last. */
const struct place_type *place_at(int i);
/* These functions find the place of an address and call the member of its
 * place_type; the contracts are there. `options` are all of output_options. */
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

/* Reads the whole content, up to `most` bytes, and adds a NUL. The caller frees
 * it; NULL on error. */
char *place_read_all(const struct place_lent *lent, const char *address,
    size_t most, size_t *len, struct err *e);

/* Calls place_type.sweep for each entry of a record's list and removes the
 * entries of which nothing is left. -1: an entry could not be dealt with; *e
 * says why. See record.h. */
int place_sweep(const struct place_lent *lent, json_t *list, int64_t stale_ms,
    struct err *e);

#endif
