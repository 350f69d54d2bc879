/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_ERRANDS_LANES_H
#define SUPERVISOR_ERRANDS_LANES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Decides which errand is next. A lane is a receiver, identified by a number;
 * its errands run one after the other. All times are milliseconds of one clock,
 * which the caller reads.
 */
struct lanes;
struct errand;

/* A lane is slow after an errand of this many ms or more, until one of its
 * errands takes less. */
#define LANES_SLOW_MS 1000

struct lane {
	struct lane *next;
	int64_t id;
	struct errand *first; /* errands that wait, the oldest first */
	struct errand *running;
	bool slow;
	int in_vain;      /* errands in vain in a row */
	int64_t alone_ms; /* no errand begins before this time */
	int64_t used_ms;  /* when the lane was made, or its last errand began */
};

struct lanes {
	struct lane *list;
	int count;
};

void lanes_free(struct lanes *s);
/* Returns the lane, or NULL when nothing is known about it and it has no
 * errands. */
struct lane *lanes_find(const struct lanes *s, int64_t id);
/* Returns the lane and makes it if it does not exist. The ERRANDS_LANES lanes used last
 * are remembered while they have no errands. */
struct lane *lanes_need(struct lanes *s, int64_t id, int64_t now);

/* Adds an errand as the last one. */
void lane_add(struct lane *lane, struct errand *e);
/* Adds an errand as the next one. */
void lane_add_first(struct lane *lane, struct errand *e);
/* Takes the next errand; NULL: none waits. */
struct errand *lane_take(struct lane *lane);
/* Removes an errand. Returns false when it does not wait here. */
bool lane_remove(struct lane *lane, struct errand *e);

/* Notes that an errand of the lane took `took` ms. After one in vain that took
 * a second or longer, the lane is left alone for twice that time, doubled for
 * each further one in a row, at most 10 minutes. */
void lane_learn(struct lane *lane, int64_t took, bool in_vain, int64_t now);

/* Return the number of lanes with a running errand, and of those among them
 * that are slow. */
int lanes_running(const struct lanes *s);
int lanes_slow(const struct lanes *s);
/* Returns the number of lanes whose next errand could begin; `slow_too`: slow
 * lanes count as well. */
int lanes_ready(const struct lanes *s, bool slow_too);
/* Returns the lane that is served next: a lane of the owner with the fewest
 * running errands, and among these the lane used longest ago. NULL: none is
 * ready. */
struct lane *lanes_next(const struct lanes *s, bool slow_too);

#endif
