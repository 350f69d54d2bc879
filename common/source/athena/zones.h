/* SPDX-License-Identifier: MIT */
#ifndef SOURCE_ATHENA_ZONES_H
#define SOURCE_ATHENA_ZONES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "source/instant.h"

/*
 * Times with the name of a zone, as Athena writes them: 2026-01-02 03:04:05.123
 * Europe/Berlin. Offsets come from this host's zone data.
 */
struct zones;

/* `own` is the zone that times are written in; it becomes the time zone of this
 * process. NULL: the host does not know it. */
struct zones *zones_open(const char *own, struct err *e);
void zones_close(struct zones *z); /* accepts NULL */
struct zone *zones_own(struct zones *z);

/* Finds the seconds east of Greenwich of a zone (UTC, Z, +01:00, Europe/Berlin) at a
 * local time in it, in microseconds since 1970-01-01 00:00:00. -1: the host does not
 * know the zone, or the time is none or two there, because clocks were changed. */
int zones_offset(struct zones *z, const char *name, size_t len,
    int64_t local_us, int32_t *offset, struct err *e);

#endif
