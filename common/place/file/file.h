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
 * finish calls fsync; publish links the file to its name and fsyncs the
 * directory. Where a file system supports no unnamed files, the file is
 * `.NAME.reportd-PID-N` beside the target instead, locked while its writer
 * lives; the next writer with `sweep` in that directory removes stale ones. No
 * output of a report can have such a name, because none begins with a dot.
 */
struct file_options {
	/* The directory that the file must not leave, absolute, made when it is
	 * missing: no symbolic link below it leads out. NULL: the file goes
	 * wherever its path leads, like any file that the user writes. */
	const char *root;
	/* absolute, below root; missing directories are made */
	const char *path;
	mode_t mode;  /* mode of the file; directories get x where it has r */
	bool no_sync; /* leave out all fsyncs */
	bool sweep;   /* first remove stale temporary files */
	/* a file that is there is not replaced: opening fails, and so does
	 * publishing */
	bool create_only;
	/* With create_only: names the output, so that what an earlier attempt
	 * has published is replaced all the same. NULL: nothing is. */
	const char *mark;
};

extern const struct place_type place_file;

/* Opens the file for writing; the caller frees the sink. NULL on error. */
struct sink *file_open(const struct file_options *options, struct err *e);

#endif
