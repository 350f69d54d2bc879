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
 * An encoder turns rows into the bytes of one output. The order of calls is:
 *
 *	open, then for each section (query result): begin, rows ..., end;
 *	then finish
 *
 * An encoder writes to a sink, which it does not own and never finishes. Its
 * memory does not grow with the number of rows. After an error only free may be
 * called.
 */
struct encoder {
	const struct encoder_type *type;
	/* encoder_begin fills this for the encoder; it is valid until the next
	 * begin. */
	struct layout layout;
	int sections; /* begun so far */
	const json_t *options;
	int expected;   /* sections the output will have; 0: not known */
	json_t *unseen; /* keys of "columns" that no section has had so far */
	char *columns;  /* column names of the last section, for messages */
	bool charted;   /* a section has had the columns of "chart" */
	/* Says why the last section cannot have the chart, while no section has
	 * had all of its columns; NULL: there is nothing to say. */
	char *chart_lacks;
	/* The caller sets this before `end`: a note for the reader of this
	 * section, such as "the first 100 rows; there are more"; NULL: there
	 * is none. Formats that have a place for the note show it below the
	 * table. */
	const char *note;
};

/* The description that an output carries. Strings are never NULL. */
struct report_info {
	const char *title;  /* option "title", or else the report's name */
	const char *author; /* name of the requester; may be empty */
	/* IANA name; timestamptz values come in this zone */
	const char *time_zone;
	/* 0: the output is not of a run, as in `reportctl export` */
	int64_t run_id;
	int64_t time;          /* start of the run, seconds since 1970 UTC */
	const char *time_text; /* `time` in time_zone: 2026-03-01 09:30:00 */
};

struct encoder_options {
	/* output_options, which outlive the encoder; NULL: defaults */
	const json_t *options;
	const struct report_info *info; /* outlives the encoder */
	struct sink *sink;
	/* The number of sections to come; 0: not known. A name in "columns"
	 * that no section has is refused when the last section begins. */
	int expected_sections;
};

/* A section is one query result: a sheet, a part under a heading or a
 * member. */
struct section {
	const char *name;            /* NULL: the section has no name */
	const struct schema *schema; /* valid until encoder_end */
};

struct encoder_type {
	const char *name;      /* the value of output_format */
	const char *alias;     /* another name of the format, or NULL */
	const char *extension; /* file name extension without the dot */
	const char *media_type;
	bool one_section; /* several results make several files */
	bool text;        /* the bytes are text: "compress" applies */
	bool unload;      /* some servers can write it themselves: "unload" */
	/* files may form a tree of folders: "partition_by" applies */
	bool tree;
	/* The owners of the options that the encoder checks; ends with NULL.
	 * The encoder ignores the options of other owners, such as those of the
	 * place. */
	const struct option_owner *options[5];
	struct encoder *(*open)(
	    const struct encoder_options *options, struct err *e);
	int (*begin)(struct encoder *, const struct section *, struct err *);
	int (*rows)(struct encoder *, const struct batch *, struct err *);
	int (*end)(struct encoder *, struct err *);
	int (*finish)(struct encoder *, struct err *);
	void (*free)(struct encoder *);

	/* Optional; called after finish. Returns a sentence about values that
	 * the encoder changed, such as "3 cells were cut at 32,767 characters";
	 * NULL: it changed none. */
	const char *(*remark)(struct encoder *);

	/* Optional. Fills the form of the file, so that a source that can make
	 * exactly the same bytes may be asked for them. The strings of the form
	 * belong to the options. Returns false when no such form describes the
	 * file. */
	bool (*form)(const json_t *options, struct csv_form *form);
};

/* Returns the type with this name or alias, compared without regard to case;
 * NULL for an unknown format. */
const struct encoder_type *encoder_type_named(const char *format);
/* Returns the i-th format; NULL after the last. */
const struct encoder_type *encoder_type_at(int i);

/* Opens an encoder. The options that the type knows are checked first. */
struct encoder *encoder_open(const struct encoder_type *type,
    const struct encoder_options *options, struct err *e);
int encoder_begin(
    struct encoder *enc, const struct section *section, struct err *e);
int encoder_rows(struct encoder *enc, const struct batch *b, struct err *e);
int encoder_end(struct encoder *enc, struct err *e);
int encoder_finish(struct encoder *enc, struct err *e);
/* Sets the error that `option` names a column which no section so far has, and
 * returns -1. */
int encoder_lacks(const struct encoder *enc, const char *option,
    const char *column, struct err *e);
void encoder_free(struct encoder *enc); /* accepts NULL */

#endif
