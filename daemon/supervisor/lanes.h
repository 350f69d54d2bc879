/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_LANES_H
#define SUPERVISOR_LANES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Which errand is next. A lane is a receiver, known by a number; its errands go one
 * after the other. All times are milliseconds of one clock, which the caller reads.
 */
struct lanes;
struct errand;

/* A lane whose errand takes so long is slow until one of its errands takes less. */
#define LANES_SLOW_MS 1000

struct lane {
	struct lane *next;
	int64_t id;
	struct errand *first; /* that wait, the oldest first */
	struct errand *running;
	bool slow;
	int in_vain;      /* in a row */
	int64_t alone_ms; /* it is left alone until then */
	int64_t used_ms;  /* when it was made, or its last errand began */
};

struct lanes {
	struct lane *list;
	int count;
};

void lanes_free(struct lanes *s);
/* NULL: nothing is known of it, and none of its errands is in hand. */
struct lane *lanes_find(const struct lanes *s, int64_t id);
/* Makes it where it is not there. Of lanes without errands in hand 256 are
 * remembered, those that were used last. */
struct lane *lanes_need(struct lanes *s, int64_t id, int64_t now);

void lane_add(struct lane *lane, struct errand *e);
/* As the next one. */
void lane_add_first(struct lane *lane, struct errand *e);
/* NULL: none waits. */
struct errand *lane_take(struct lane *lane);
/* False: it does not wait here. */
bool lane_remove(struct lane *lane, struct errand *e);

/* An errand of the lane took so long. One that was in vain after a second or longer
 * makes the lane be left alone for twice as long, doubling each time in a row, 10
 * minutes at most. */
void lane_learn(struct lane *lane, int64_t took, bool in_vain, int64_t now);

/* Lanes at work; and those of them that are slow. */
int lanes_running(const struct lanes *s);
int lanes_slow(const struct lanes *s);
/* Lanes whose next errand could begin; `slow_too`: slow ones may. */
int lanes_ready(const struct lanes *s, bool slow_too);
/* The one that is next: that of the owner with the fewest errands under way, of
 * several that which was used longest ago. NULL: none is ready. */
struct lane *lanes_next(const struct lanes *s, bool slow_too);

#endif
