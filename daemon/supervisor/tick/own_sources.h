/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_TICK_OWN_SOURCES_H
#define SUPERVISOR_TICK_OWN_SOURCES_H

#include <stdbool.h>

#include "base/buf.h"
#include "settings/settings.h"

/* The names that the settings give a daemon, as arrays of PostgreSQL: its sources, one
 * element a source, and its folders; and its targets. */
struct own_sources {
	struct buf names, types;
	struct buf most;    /* max_running; null: no limit */
	struct buf folders; /* [inputs] folders, each with a slash at its end */
	bool limited;       /* at least one source has a limit */
	struct buf targets, target_types;
};

void own_sources_list(struct own_sources *s, const struct settings *settings);
void own_sources_free(struct own_sources *s);

#endif
