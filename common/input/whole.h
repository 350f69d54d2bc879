/* SPDX-License-Identifier: MIT */
#ifndef INPUT_WHOLE_H
#define INPUT_WHOLE_H

#include "base/json.h"
#include "place/place.h"

/*
 * Checks whether a file is whole, by what its format and its name promise:
 * Parquet has its mark at both ends and a footer whose row groups lie inside of
 * the file; gzip (a name that ends in .gz) can be read to its end, and its check
 * sum is right; the last line of CSV ends, and its header has the columns that
 * `spec` names; the last line of JSONL is a value. Files of other formats pass.
 *
 * Memory: a few hundred kB, and a Parquet footer of up to WHOLE_FOOTER_MAX.
 */
#define WHOLE_FOOTER_MAX ((int64_t)16 << 20)

/* Longest reason, NUL included. */
#define WHOLE_REASON 512

struct whole {
	struct place_reader *reader;
	const char *name;   /* of the file */
	const json_t *spec; /* of the input, as in report_config.inputs */
	const struct watch *watch;
	/* Bytes that a line of CSV may have, 64 KiB or more: the file is read to
	 * its end. 0: any number */
	int64_t line_most;
	int64_t *rows; /* gets the rows of a Parquet file; NULL: not wanted */
	/* Receives the names of the columns of CSV; NULL: not wanted. A header
	 * from which no names can be taken makes the file not whole then. */
	json_t *names;
	/* Set by whole_check beside 1: the file is complete as far as can be
	 * seen, and nothing that is added would make it one that is taken: its
	 * header is not the one that was asked for, a line or the footer is too
	 * long. */
	bool wrong;
};

/* Returns 0 when the file is whole; 1 with the reason, valid UTF-8, when it is not;
 * -1 when it cannot be read. */
int whole_check(
    struct whole *w, char reason[static WHOLE_REASON], struct err *e);

/* Says whether the content of a file of this name is unpacked. */
bool input_is_gzip(const char *name);
/* Bytes of an address without a URL's query, which is no part of the name. */
size_t input_name_length(const char *address);

/* Gets a piece of the content; -1 ends the reading. */
typedef int input_take(void *arg, const void *data, size_t len, struct err *e);
/* Reads the content of a file from its beginning to its end, unpacked where the
 * name says so. 1: it is damaged, or was changed meanwhile; -1 with *e. */
int input_read(
    const struct whole *w, input_take *take, void *arg, struct err *e);

#endif
