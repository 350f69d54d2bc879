/* SPDX-License-Identifier: MIT */
#ifndef PLACE_FILE_SCHEME_H
#define PLACE_FILE_SCHEME_H

#include "place/scheme.h"

/* Absolute paths below the root; "file:///path" in a template is one. */
extern const struct place_scheme place_scheme_file;

#endif
