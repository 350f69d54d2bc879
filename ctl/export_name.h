/* SPDX-License-Identifier: MIT */
#ifndef CTL_EXPORT_NAME_H
#define CTL_EXPORT_NAME_H

#include "base/err.h"
#include "export/export.h"

/* The name that `reportctl export` is given for its output, which is a path or
 * another address. It may hold {ext}, {part}, {section} and
 * {partition}. */

/* Returns the format that the extension of the name stands for; CSV when it has
 * none. NULL: no format has this extension. */
const char *export_name_format(const char *name, struct err *e);
/* Refuses a name whose extension belongs to another format than the outputs have:
 * either the name or the format is a mistake. `formats` is for the message. */
int export_name_check(const char *name, const struct export_plan *plan,
    const char *formats, struct err *e);
/* Replaces {ext}, {part}, {section} and {partition}; the caller frees the
 * result. */
char *export_name_fill(const struct export_plan *plan, const char *name,
    const struct export_output *o, const char *partition);
/* Makes a path absolute and resolves symbolic links; refuses to replace a device.
 * The caller frees the result. */
char *export_name_absolute(const char *path, struct err *e);

#endif
