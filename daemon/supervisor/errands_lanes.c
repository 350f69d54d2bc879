/* SPDX-License-Identifier: MIT */
#include "supervisor/errands_lanes.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"
#include "supervisor/errands.h"

/* See lane_learn. */
#define VAIN_MS 1000
#define VAIN_TIMES 2
#define VAIN_DOUBLES 10
#define ALONE_MAX_MS 600000

void lanes_free(struct lanes *s)
{
	struct lane *next;

	for (struct lane *lane = s->list; lane != NULL; lane = next) {
		next = lane->next;
		free(lane);
	}
	*s = (struct lanes){.list = NULL};
}

struct lane *lanes_find(const struct lanes *s, int64_t id)
{
	struct lane *lane = s->list;

	while (lane != NULL && lane->id != id)
		lane = lane->next;
	return lane;
}

static void forget_oldest(struct lanes *s)
{
	struct lane **oldest = NULL, *lane;

	for (struct lane **at = &s->list; *at != NULL; at = &(*at)->next) {
		if ((*at)->first == NULL && (*at)->running == NULL &&
		    (oldest == NULL || (*at)->used_ms < (*oldest)->used_ms))
			oldest = at;
	}
	if (oldest == NULL)
		return;
	lane = *oldest;
	*oldest = lane->next;
	s->count--;
	free(lane);
}

struct lane *lanes_need(struct lanes *s, int64_t id, int64_t now)
{
	struct lane *lane = lanes_find(s, id);

	if (lane != NULL)
		return lane;
	if (s->count >= ERRANDS_LANES)
		forget_oldest(s);
	lane = mem_zalloc(sizeof(*lane));
	lane->id = id;
	lane->used_ms = now;
	lane->next = s->list;
	s->list = lane;
	s->count++;
	return lane;
}

void lane_add(struct lane *lane, struct errand *e)
{
	struct errand **at = &lane->first;

	while (*at != NULL)
		at = &(*at)->next;
	e->next = NULL;
	*at = e;
}

void lane_add_first(struct lane *lane, struct errand *e)
{
	e->next = lane->first;
	lane->first = e;
}

struct errand *lane_take(struct lane *lane)
{
	struct errand *e = lane->first;

	if (e != NULL)
		lane->first = e->next;
	return e;
}

bool lane_remove(struct lane *lane, struct errand *e)
{
	struct errand **at = &lane->first;

	while (*at != NULL && *at != e)
		at = &(*at)->next;
	if (*at == NULL)
		return false;
	*at = e->next;
	return true;
}

void lane_learn(struct lane *lane, int64_t took, bool in_vain, int64_t now)
{
	int64_t wait = took * VAIN_TIMES;

	lane->slow = took >= LANES_SLOW_MS;
	if (!in_vain || took < VAIN_MS) {
		lane->in_vain = 0;
		return;
	}
	wait <<= lane->in_vain < VAIN_DOUBLES ? lane->in_vain : VAIN_DOUBLES;
	lane->in_vain++;
	lane->alone_ms = now + (wait < ALONE_MAX_MS ? wait : ALONE_MAX_MS);
}

int lanes_running(const struct lanes *s)
{
	int n = 0;

	for (const struct lane *lane = s->list; lane; lane = lane->next)
		n += lane->running != NULL;
	return n;
}

int lanes_slow(const struct lanes *s)
{
	int n = 0;

	for (const struct lane *lane = s->list; lane; lane = lane->next)
		n += lane->running != NULL && lane->slow;
	return n;
}

static bool is_ready(const struct lane *lane, bool slow_too)
{
	return lane->first != NULL && lane->running == NULL &&
	       (slow_too || !lane->slow);
}

int lanes_ready(const struct lanes *s, bool slow_too)
{
	int n = 0;

	for (const struct lane *lane = s->list; lane; lane = lane->next)
		n += is_ready(lane, slow_too);
	return n;
}

static int count_of_owner(const struct lanes *s, int64_t owner)
{
	int n = 0;

	for (const struct lane *lane = s->list; lane; lane = lane->next)
		n += lane->running != NULL && lane->running->owner == owner;
	return n;
}

struct lane *lanes_next(const struct lanes *s, bool slow_too)
{
	struct lane *best = NULL;
	int fewest = 0;

	for (struct lane *lane = s->list; lane != NULL; lane = lane->next) {
		int n;

		if (!is_ready(lane, slow_too))
			continue;
		n = count_of_owner(s, lane->first->owner);
		if (best != NULL &&
		    (n > fewest ||
			(n == fewest && lane->used_ms >= best->used_ms)))
			continue;
		best = lane;
		fewest = n;
	}
	return best;
}
