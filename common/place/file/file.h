/* SPDX-License-Identifier: MIT */
#ifndef PLACE_FILE_FILE_H
#define PLACE_FILE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "place/place.h"
#include "sink/sink.h"

/*
 * A local file that appears whole or not at all. Bytes go into an unnamed file
 * in the target's directory (O_TMPFILE), which vanishes with the process;
 * finish is fsync; publish links it in and fsyncs the directory. Where a file
 * system knows no unnamed files a `.NAME.reportd-PID-N` beside the target,
 * locked while its writer lives, takes their place; a stale one is removed by
 * the next writer with `sweep` in that directory. No output of a report has such
 * a name, as none begins with a dot.
 */
struct file_options {
	/* The directory that the file may not leave, absolute, made when it is
	 * missing: no symbolic link below it leads out. NULL: it goes wherever
	 * its path leads, as its writer's own files do. */
	const char *root;
	const char *path; /* absolute, below root; directories are made */
	mode_t mode;      /* of the file; directories get x where r is */
	bool no_sync;     /* leave out all fsyncs */
	bool sweep;       /* look for stale temporary files first */
};

extern const struct place_type place_file;

/* NULL on failure. */
struct sink *file_open(const struct file_options *options, struct err *e);

#endif
