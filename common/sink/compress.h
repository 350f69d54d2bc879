/* SPDX-License-Identifier: MIT */
#ifndef SINK_COMPRESS_H
#define SINK_COMPRESS_H

#include "base/option.h"
#include "sink/sink.h"

/* A way to compress an output; the option "compress" names it. */
struct compression {
	const char *name;       /* value of the option: gzip */
	const char *extension;  /* suffix for file names, with its dot: .gz */
	const char *media_type; /* application/gzip */
	/* Opens the filter. The filter owns next, even when opening fails. */
	struct sink *(*open)(struct sink *next, struct err *e);
};

extern const struct option_owner compress_options;

/* Returns the compression that the options ask for; NULL: none. */
const struct compression *compression_of(const json_t *options);
/* Returns the compression whose extension a file's name ends with, in upper or
 * lower case; NULL: none. */
const struct compression *compression_of_name(const char *name);

#endif
