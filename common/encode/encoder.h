/* SPDX-License-Identifier: MIT */
#ifndef ENCODE_ENCODER_H
#define ENCODE_ENCODER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/option.h"
#include "encode/table/layout.h"
#include "rows/form.h"
#include "rows/rows.h"
#include "sink/sink.h"

/*
 * Rows -> bytes. One encoder makes one output:
 *
 *	open, then for each section (query result): begin, rows ..., end;
 *	then finish
 *
 * It writes to the sink, which it does not own and never finishes. Memory does
 * not grow with the rows. After an error only free may follow.
 */
struct encoder {
	const struct encoder_type *type;
	/* Kept by encoder_begin for the encoder, until the next begin. */
	struct layout layout;
	int sections; /* begun so far */
	const json_t *options;
	int expected;   /* sections in all, 0: not known */
	json_t *unseen; /* keys of "columns" that no section had so far */
	char *columns;  /* names of the last section's, for messages */
	bool charted;   /* a section had the columns of "chart" */
	/* Why the last one had not, while none had; NULL: nothing to say. */
	char *chart_lacks;
	/* Set before `end`: what a reader of this section should know, such as
	 * "the first 100 rows; there are more"; NULL: nothing. Formats with a
	 * place for it show it below the table. */
	const char *note;
};

/* What an output says of itself. Strings are never NULL. */
struct report_info {
	const char *title;     /* option "title", or else the report's name */
	const char *author;    /* who asked for it; may be empty */
	const char *time_zone; /* IANA; timestamptz values come in it */
	int64_t run_id;        /* 0: not a run, as of `reportctl export` */
	int64_t time;          /* of the run: seconds since 1970 UTC */
	const char *time_text; /* the same in time_zone: 2026-03-01 09:30:00 */
};

struct encoder_options {
	const json_t *options; /* output_options, outlive it; NULL: defaults */
	const struct report_info *info; /* lives as long as the encoder */
	struct sink *sink;
	/* How many sections there will be; 0: not known. A name in "columns"
	 * that none of them has is refused when the last one begins. */
	int expected_sections;
};

/* One query result: a sheet, a part under a heading, a member. */
struct section {
	const char *name;            /* NULL: it has none of its own */
	const struct schema *schema; /* lives until end */
};

struct encoder_type {
	const char *name;      /* as output_format names it */
	const char *alias;     /* another name of it, or NULL */
	const char *extension; /* of file names, without the dot */
	const char *media_type;
	bool one_section; /* several results make several files */
	bool text;        /* so that "compress" is for it */
	bool tree; /* its files may make a tree: "partition_by" is for it */
	/* Whose options it looks at itself; ends with NULL. Those of others,
	 * such as the place, are none of its business. */
	const struct option_owner *options[5];
	struct encoder *(*open)(
	    const struct encoder_options *options, struct err *e);
	int (*begin)(struct encoder *, const struct section *, struct err *);
	int (*rows)(struct encoder *, const struct batch *, struct err *);
	int (*end)(struct encoder *, struct err *);
	int (*finish)(struct encoder *, struct err *);
	void (*free)(struct encoder *);

	/* Optional: what was changed on the way and should be known, such as
	 * "3 cells were cut at 32,767 characters"; NULL: nothing. After finish. */
	const char *(*remark)(struct encoder *);

	/* Optional: the form of the file, so that a source that makes the very
	 * same bytes may be asked for them. Its strings belong to the options.
	 * False: no such form describes it. */
	bool (*form)(const json_t *options, struct csv_form *form);
};

/* NULL for an unknown format; names and aliases are taken in any case. */
const struct encoder_type *encoder_type_named(const char *format);
/* The i-th format, NULL behind the last. */
const struct encoder_type *encoder_type_at(int i);

/* Checks the options that the encoder knows first. */
struct encoder *encoder_open(const struct encoder_type *type,
    const struct encoder_options *options, struct err *e);
int encoder_begin(
    struct encoder *enc, const struct section *section, struct err *e);
int encoder_rows(struct encoder *enc, const struct batch *b, struct err *e);
int encoder_end(struct encoder *enc, struct err *e);
int encoder_finish(struct encoder *enc, struct err *e);
/* -1 with the error that an option names a column which no section so far has. */
int encoder_lacks(const struct encoder *enc, const char *option,
    const char *column, struct err *e);
void encoder_free(struct encoder *enc); /* accepts NULL */

#endif
