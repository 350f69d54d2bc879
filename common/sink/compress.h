/* SPDX-License-Identifier: MIT */
#ifndef SINK_COMPRESS_H
#define SINK_COMPRESS_H

#include "base/option.h"
#include "sink/sink.h"

/* The ways to compress an output; the option "compress" names one. */
struct compression {
	const char *name;       /* gzip */
	const char *extension;  /* of file names, with its dot: .gz */
	const char *media_type; /* application/gzip */
	/* A filter. Owns next, also when it fails. */
	struct sink *(*open)(struct sink *next, struct err *e);
};

extern const struct option_owner compress_options;

/* What the options ask for; NULL: nothing. */
const struct compression *compression_of(const json_t *options);
/* The one whose extension a file's name ends in, any case; NULL: none. */
const struct compression *compression_of_name(const char *name);

#endif
