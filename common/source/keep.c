/* SPDX-License-Identifier: MIT */
#include "source/keep.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Seconds: a connection that is made shortly before its credential expires must
 * still succeed. */
#define EARLY_S 120

struct kept {
	struct kept *next;
	char *key;
	struct credential credential;
};

struct source_keep {
	struct kept *first;
};

void credential_free(struct credential *c)
{
	mem_wipe(c->password);
	free(c->user);
	*c = (struct credential){.user = NULL};
}

struct source_keep *source_keep_open(void)
{
	return mem_zalloc(sizeof(struct source_keep));
}

/* Returns the link to the key's credential, or the link at the end of the
 * list. */
static struct kept **find(struct source_keep *all, const char *key)
{
	struct kept **at = &all->first;

	while (*at != NULL && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	return at;
}

static void remove_at(struct kept **at)
{
	struct kept *one = *at;

	*at = one->next;
	credential_free(&one->credential);
	free(one->key);
	free(one);
}

void source_keep_close(struct source_keep *all)
{
	while (all != NULL && all->first != NULL)
		remove_at(&all->first);
	free(all);
}

const struct credential *source_keep_get(
    struct source_keep *all, const char *key)
{
	const struct kept *one = *find(all, key);

	return one != NULL && time(NULL) + EARLY_S < one->credential.until
		   ? &one->credential
		   : NULL;
}

const struct credential *source_keep_put(
    struct source_keep *all, const char *key, struct credential *c)
{
	struct kept **at = find(all, key), *one;

	if (*at != NULL)
		remove_at(at);
	one = mem_zalloc(sizeof(*one));
	one->key = mem_strdup(key);
	one->credential = *c;
	one->next = all->first;
	all->first = one;
	*c = (struct credential){.user = NULL};
	return &one->credential;
}
