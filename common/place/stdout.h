/* SPDX-License-Identifier: MIT */
#ifndef PLACE_STDOUT_H
#define PLACE_STDOUT_H

#include "sink/sink.h"

/* Standard output: a pipe shows bytes as they come, publish adds nothing. */
struct sink *stdout_open(void);

#endif
