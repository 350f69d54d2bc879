/* SPDX-License-Identifier: MIT */
#ifndef PLACE_TABLE_PROBE_H
#define PLACE_TABLE_PROBE_H

#include "place/place.h"

/* Tries each target of the settings; see place_type.probe. */
void table_probe(const struct place_lent *lent, place_say *say, void *arg);

#endif
