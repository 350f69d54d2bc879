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
	/* No symbolic link below the root is followed, though it stays there. */
	bool no_links;
	mode_t file_mode;
	bool no_sync; /* leave out all fsyncs of files */
	/* Prefixes that URLs may lie below, also those that a redirect or an
	 * answer leads to; NULL: all that the settings allow. */
	const json_t *readable;
	/* The only target whose tables may be loaded; NULL: none. */
	const struct source_settings *target;
	/* ms that one statement may take there; 0: no limit */
	int64_t target_timeout_ms;
};

/* How an output is written that consists of CSV files as they are. */
struct place_csv {
	char delimiter;
	bool header; /* the first line of each file is left out */
	/* The types of columns: an array of pairs of a column's name and its
	 * type in SQL. A column that is not in it, or NULL, is text. */
	const json_t *types;
};

/* The properties of an output to be opened. After open, only the pointers
 * `lent`, `held`, `record`, `remark` and `taken` are still used. */
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
	/* The number of the request, by which an attempt knows what an earlier
	 * one has published; NULL: the output is of no request. */
	const char *request_id;
	/* The queue, for a place that keeps a ledger and takes the same request
	 * of a queue once; else NULL. */
	const char *queue;
	const char *time_zone; /* IANA name; NULL: UTC */
	/* number of outputs that share the memory, 1 or more */
	int side_by_side;
	/* Bytes of all outputs of a job that wait whole in memory to be
	 * published; the outputs share this sum. NULL: the output counts for
	 * itself. */
	int64_t *held;
	struct place_record *record; /* NULL: no record is kept */
	/* Receives a sentence about the output by the time it is finished, such
	 * as that rows were left out; the caller frees it. NULL: not wanted. */
	char **remark;
	/* The output consists of CSV files, for a place with begin_file; NULL:
	 * it has the form of its format. */
	const struct place_csv *csv;
	/* Receives the number of rows in those files, up to the last that has
	 * ended. NULL: not wanted. */
	int64_t *taken;
	/* Its rows are asked for by place_type.staged before they are
	 * published. */
	bool staged;
};

/* The entry of a ledger about a request whose output was published. */
struct place_landed {
	int64_t rows; /* -1: unknown */
	char *result; /* JSON of result_sql, or NULL; the caller frees it */
	char at[40];  /* when, as text with its offset from UTC */
};

struct source;

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

/* A version of a file that a scan meets. */
struct place_file {
	const char *address;
	const char *version;       /* differs from that of any other content */
	int64_t size, modified_ms; /* ms since 1970, by the place's clock */
	const char *fault;         /* why it cannot be read; NULL: it can */
};

/* The search for the files of a pattern, see glob.h, in the order of their
 * addresses. `meet` returns 1 to end it: `next` then says where another scan
 * goes on. */
struct place_scan {
	const char *pattern;
	const char *after; /* only addresses after this one; NULL: all */
	int64_t most;      /* names to look at; more are an error */
	int (*meet)(void *arg, const struct place_file *file, struct err *e);
	void *arg;

	/* names that were looked at, but for those that the scan before this one
	 * has counted */
	int64_t looked;
	char *next; /* NULL: this was all; the caller frees it */
};

/* A file that is to be moved: `version` of it to the address `to`, or, when
 * another file has that name, to `otherwise`. Nothing is ever overwritten. A
 * repeat after an interruption goes on where that was. */
struct place_move {
	const char *address, *version;
	int64_t size;
	const char *to, *otherwise;
	const char *to_root; /* the folder that holds `to`, for local files */
	/* JSON that is put beside it, as NAME.reason.json; NULL: none */
	const char *reason;

	char *moved_to; /* where it is now; the caller frees it */
};

/* Content that is handed on as it comes, whatever version it is of. A
 * failure that may pass is tried again. */
struct place_stream {
	const char *address;
	int (*begin)(void *arg, struct err *e); /* before each try */
	int (*take)(void *arg, const char *data, size_t len, struct err *e);
	void *arg;
};

/* Receives one finding of a probe. `what` names the thing that was tried,
 * `text` says what was found, `mend` says what to do about it; mend NULL:
 * nothing needs to be done, or the text says it. */
enum place_finding { PLACE_OK, PLACE_WARN, PLACE_FAILED };
typedef void place_say(void *arg, enum place_finding finding, const char *what,
    const char *mend, const char *text);

/* The settings that another program needs to write to a place itself; NULL: not needed. */
struct place_access {
	const char *region;
	const char *kms_key; /* to encrypt with */
};

struct place_type {
	const struct place_scheme *scheme;
	bool needs_schema; /* open needs the columns, so it waits for them */
	/* An open output holds locks that others wait for: it is published after
	 * the outputs of other places, and as soon as they are complete. */
	bool holds_locks;
	/* Checks whether the settings allow a report to write to the address
	 * with these options, and a notice to read from it. */
	int (*allow)(const struct place_lent *lent, const char *address,
	    const json_t *options, struct err *e);

	/* Checks whether the settings allow inputs to be read from there; NULL:
	 * they need no leave. */
	int (*allow_read)(
	    const struct place_lent *lent, const char *address, struct err *e);

	/* ---- operations; NULL: the place does not support it ---- */

	/* Opens an output, which appears whole or not at all: see sink.h. NULL
	 * on error. */
	struct sink *(*open)(const struct place_output *output, struct err *e);
	/* Begins one of the files of an output with `csv`: what is written up
	 * to end_file is its content, in UTF-8. `columns` are those of this
	 * file in its order, the same as those of the output. All files are
	 * published together. NULL: the place takes no files as they are. */
	int (*begin_file)(
	    struct sink *sink, const struct schema *columns, struct err *e);
	int (*end_file)(struct sink *sink, struct err *e);
	/* All has been written: returns a source in whose session the rows of
	 * the output are the relation reportd_stage, for an output with `staged`.
	 * Its queries only read. It belongs to the sink, and source_query_end
	 * comes before finish. NULL on error. The function is NULL where no rows
	 * can be read before they are published. */
	struct source *(*staged)(struct sink *sink, struct err *e);
	/* Asks the ledger whether the request was published there, before
	 * anything runs. Returns 1 with *found filled in, 0, or -1. */
	int (*landed)(const struct place_output *output,
	    struct place_landed *found, struct err *e);
	/* Opens an address for reading. NULL on error, which is ERR_TRANSIENT
	 * when nothing lies there. */
	struct place_reader *(*read)(
	    const struct place_lent *lent, const char *address, struct err *e);
	/* Reads len bytes, starting at offset `from`. 1: there are fewer,
	 * because the content was changed meanwhile. */
	int (*read_at)(struct place_reader *reader, int64_t from, char *to,
	    size_t len, struct err *e);
	void (*read_end)(struct place_reader *reader);
	/* Opens one version of a file, as `scan` tells versions apart; its
	 * readers notice when it is replaced. 1: that version is not there any
	 * more, and *e says so. */
	int (*pin)(const struct place_lent *lent, const char *address,
	    const char *version, struct place_reader **reader, struct err *e);
	/* Says whether all that was read was of that version: 1: it was not.
	 * NULL: each read has checked that. */
	int (*pinned)(struct place_reader *reader, struct err *e);
	/* Hands the content at an address to stream->take, in pieces. */
	int (*stream)(const struct place_lent *lent,
	    struct place_stream *stream, struct err *e);
	/* Calls `each` for every entry below the prefix, in the order of their
	 * names. */
	int (*list)(const struct place_lent *lent, const char *prefix,
	    place_each *each, void *arg, struct err *e);
	/* Calls back for each file that the pattern fits, except those whose names
	 * say that they are hidden or still being written. */
	int (*scan)(const struct place_lent *lent, struct place_scan *scan,
	    struct err *e);
	/* Moves a file within this place. 1: that version is not there any
	 * more, and *e says so. */
	int (*move)(const struct place_lent *lent, struct place_move *move,
	    struct err *e);
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
	 * the entry is young and its process may still be at work; it will be
	 * old enough in *wait_ms milliseconds. */
	int (*sweep)(const struct place_lent *lent, const json_t *entry,
	    int64_t *wait_ms, struct err *e);
	/* Tells what a server must know that writes below the address. -1: the
	 * settings are not enough for this process to see what it writes. */
	int (*access)(const struct place_lent *lent, const char *address,
	    struct place_access *access, struct err *e);
	/* Reads a message that tells of new files, and appends their addresses.
	 * They only tell what to list: one may be wrong, and a file may have
	 * two. Returns NULL, or what is wrong with a message that is none. */
	const char *(*heard)(const char *body, size_t len, json_t *addresses);
	/* Tries whatever the settings name, for `reportctl doctor`. */
	void (*probe)(const struct place_lent *lent, place_say *say, void *arg);
};

/* The place that an address belongs to; never NULL. */
const struct place_type *place_of(const char *address);
/* Returns the i-th place, from 0; NULL after the last. */
const struct place_type *place_at(int i);
/* These functions find the place of an address and call the member of its
 * place_type; the contracts are there. `options` are all of output_options. */
int place_allow(const struct place_lent *lent, const char *address,
    const json_t *options, struct err *e);
int place_allow_read(
    const struct place_lent *lent, const char *address, struct err *e);
struct sink *place_open(const struct place_output *output, struct err *e);
/* `sink` is what place_open has returned, or a filter before it. */
int place_begin_file(const char *address, struct sink *sink,
    const struct schema *columns, struct err *e);
int place_end_file(const char *address, struct sink *sink, struct err *e);
struct source *place_staged(
    const char *address, struct sink *sink, struct err *e);
/* Returns 0 for a place without a ledger, and for an output of no request. */
int place_landed(const struct place_output *output, struct place_landed *found,
    struct err *e);
struct place_reader *place_read(
    const struct place_lent *lent, const char *address, struct err *e);
int place_read_at(struct place_reader *reader, int64_t from, char *to,
    size_t len, struct err *e);
void place_read_end(struct place_reader *reader); /* accepts NULL */
int place_pin(const struct place_lent *lent, const char *address,
    const char *version, struct place_reader **reader, struct err *e);
int place_pinned(struct place_reader *reader, struct err *e);
int place_stream(
    const struct place_lent *lent, struct place_stream *stream, struct err *e);
int place_list(const struct place_lent *lent, const char *prefix,
    place_each *each, void *arg, struct err *e);
int place_scan(
    const struct place_lent *lent, struct place_scan *scan, struct err *e);
int place_move(
    const struct place_lent *lent, struct place_move *move, struct err *e);
int place_remove(const struct place_lent *lent, const char *prefix,
    int64_t deadline_ms, struct err *e);
/* Reads a message that one of the places understands. */
const char *place_heard(const char *body, size_t len, json_t *addresses);
/* Says whether outputs can be read back there. */
bool place_can_read(const char *address);
int place_link(const struct place_lent *lent, const char *address,
    int64_t seconds, char **url, int64_t *ends, struct err *e);
int place_access(const struct place_lent *lent, const char *address,
    struct place_access *access, struct err *e);

/* Reads the whole content, up to `most` bytes, and adds a NUL. The caller frees
 * it; NULL on error. */
char *place_read_all(const struct place_lent *lent, const char *address,
    size_t most, size_t *len, struct err *e);

/* Removes what an entry of a record (record.h) names, by place_type.sweep. 0: nothing
 * of it is left; 1: the entry is too young, and *wait_ms is lowered to the time until it
 * is old enough; 2: it names no place; -1: it could not be dealt with; *e says why. */
int place_sweep(const struct place_lent *lent, const json_t *entry,
    int64_t *wait_ms, struct err *e);

#endif
