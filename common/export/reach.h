/* SPDX-License-Identifier: MIT */
#ifndef EXPORT_REACH_H
#define EXPORT_REACH_H

#include "services/services.h"
#include "source/source.h"

/* Returns what a source may reach: services, and files in places that its server has
 * written. */
struct source_reach reach_of(struct services *services);

#endif
