/* SPDX-License-Identifier: MIT */
#include "http/turns.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct turn *turns_of(struct turns *t, const char *role)
{
	struct turn *one = t->roles;

	while (one != NULL && strcmp(one->role, role) != 0)
		one = one->next;
	if (one != NULL)
		return one;
	one = mem_zalloc(sizeof(*one));
	one->role = mem_strdup(role);
	one->next = t->roles;
	t->roles = one;
	return one;
}

void turns_add(struct turns *t, const struct waiter *w)
{
	struct waiter *own = mem_zalloc(sizeof(*own)), **end = &t->waiters;
	int n = w->st->params;

	*own = *w;
	own->next = NULL;
	own->params = mem_zalloc((size_t)(n + 1) * sizeof(*own->params));
	for (int i = 0; i < n; i++)
		own->params[i] = mem_strdup(w->params[i]);
	while (*end != NULL)
		end = &(*end)->next;
	*end = own;
	t->waiting++;
	own->turn->waiting++;
}

struct waiter *turns_take(struct turns *t, struct waiter **place)
{
	struct waiter *w = *place;

	*place = w->next;
	t->waiting--;
	w->turn->waiting--;
	return w;
}

void turns_free_waiter(struct waiter *w)
{
	for (int i = 0; i < w->st->params; i++)
		free(w->params[i]);
	free(w->params);
	free(w);
}

void turns_free(struct turns *t)
{
	while (t->roles != NULL) {
		struct turn *one = t->roles;

		t->roles = one->next;
		free(one->role);
		free(one);
	}
}

bool turns_may_take(const struct turn *turn, int idle)
{
	return idle > turn->busy;
}

struct waiter **turns_next(struct turns *t, int idle)
{
	struct waiter **next = NULL;

	for (struct waiter **w = &t->waiters; *w != NULL; w = &(*w)->next) {
		bool sooner =
		    next == NULL || (*w)->turn->served < (*next)->turn->served;

		if (sooner && turns_may_take((*w)->turn, idle))
			next = w;
	}
	return next;
}

struct waiter **turns_excess(struct turns *t, const struct turn *turn)
{
	struct waiter **most = NULL;
	int least = turn->waiting + 2;

	for (struct waiter **w = &t->waiters; *w != NULL; w = &(*w)->next) {
		if ((*w)->turn->waiting < least)
			continue;
		most = w;
		least = (*w)->turn->waiting;
	}
	return most;
}
