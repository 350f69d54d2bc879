/* SPDX-License-Identifier: MIT */
#ifndef PLACE_STDOUT_H
#define PLACE_STDOUT_H

#include "place/place.h"

/* Standard output: a pipe receives bytes as they are written, and publish does
 * nothing. No report of the queue may go there. */
#define STDOUT_ADDRESS "stdout:"
extern const struct place_scheme place_scheme_stdout;
extern const struct place_type place_stdout;

#endif
