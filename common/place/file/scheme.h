/* SPDX-License-Identifier: MIT */
#ifndef PLACE_FILE_SCHEME_H
#define PLACE_FILE_SCHEME_H

#include "place/scheme.h"

/* Local files: absolute paths below the root; a template may write one as
 * "file:///path". */
extern const struct place_scheme place_scheme_file;

#endif
