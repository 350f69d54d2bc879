/* SPDX-License-Identifier: MIT */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/json.h"

/* A key that output_options may hold; reportd.output_format has the same list
 * for the check at INSERT. */
struct encoder_option {
	const char *name; /* NULL ends a list */
	json_type type;   /* JSON_TRUE: a boolean; JSON_REAL: any number */
	/* Of strings: "a|b|c"; of numbers: "1..100" or "1.."; NULL: any. */
	const char *allowed;
	const char *about;
	/* JSON_OBJECT: its keys. With name "*": any key, all of this shape.
	 * JSON_ARRAY: one entry, named "*", what each element is. */
	const struct encoder_option *inside;
};

/* What every format takes, to be spread into its own list; the export sees to
 * it, not the encoder. */
#define COMMON_OPTIONS                                                         \
	{"max_rows", JSON_INTEGER, "1..",                                      \
	    "no more rows of each query than this; the run says that there "   \
	    "were more",                                                       \
	    NULL},                                                             \
	    {"skip_if_empty", JSON_TRUE, NULL,                                 \
		"make no output when there are no rows; default false", NULL}, \
	{                                                                      \
		"s3", JSON_OBJECT, NULL,                                       \
		    "how an object is kept in S3; for an s3:// output_path",   \
		    option_s3                                                  \
	}
extern const struct encoder_option option_s3[];
/* The same for formats that hold several results. */
#define SECTIONS_OPTION                                        \
	{                                                      \
		"sections", JSON_ARRAY, NULL,                  \
		    "a name for the result of each statement", \
		    option_section_names                       \
	}
extern const struct encoder_option option_section_names[];
/* The same for formats whose files make a tree. */
#define PARTITION_OPTION                                                \
	{                                                               \
		"partition_by", JSON_ARRAY, NULL,                       \
		    "columns: a file for each of their values, in a "   \
		    "directory "                                        \
		    "such as region=North; {partition} in output_path", \
		    option_section_names                                \
	}
/* The same for formats that Redshift can write itself. */
#define UNLOAD_OPTION                                                       \
	{                                                                   \
		"unload", JSON_TRUE, NULL,                                  \
		    "let Redshift write the result into S3 itself; the "    \
		    "output is the manifest of its objects; default false", \
		    NULL                                                    \
	}
/* The same for formats of text; file names get .gz or .zst. */
#define COMPRESS_OPTION                                    \
	{                                                  \
		"compress", JSON_STRING, "gzip|zstd",      \
		    "default: not compressed at all", NULL \
	}

#endif
