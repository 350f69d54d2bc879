/* SPDX-License-Identifier: MIT */
#ifndef BASE_SCRATCH_H
#define BASE_SCRATCH_H

#include "base/err.h"

/*
 * A private folder for files that one job needs for a while. It is locked as long as
 * its job lives, so that what a killed process leaves is recognised and removed
 * by the next job.
 */
struct scratch {
	char *path; /* NULL: none */
	int lock;   /* descriptor of the folder */
};

/* Makes a folder below `parent`, after removing abandoned ones of this kind
 * there; `kind` is part of its name. */
int scratch_open(
    struct scratch *s, const char *kind, const char *parent, struct err *e);
/* Removes the folder with all in it. */
void scratch_close(struct scratch *s); /* accepts an empty struct */

#endif
