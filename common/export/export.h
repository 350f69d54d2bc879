/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include "encode/encoder.h"
#include "source/source.h"

/*
 * One query -> encoder -> sink: what a worker's export stage and `reportctl
 * export` share. When the server can make the very bytes (CSV over COPY) they
 * pass through untouched; otherwise typed rows go through the encoder. Both
 * give the same output. The sink is written, neither finished nor published.
 */
struct export_options {
	struct source *source; /* between source_begin_job and _end_job */
	const char *sql;
	const struct encoder_type *type;
	const json_t *options; /* output_options, may be NULL */
	struct sink *sink;
	const struct watch *watch;
	int64_t *rows; /* counted here as they pass, header not included */
};

int export_run(const struct export_options *options, struct err *e);

#endif
