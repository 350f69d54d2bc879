/* SPDX-License-Identifier: MIT */
#include "place/record.h"

#include <string.h>

#include "base/clock.h"

/* The index of the entry, or the length of the list when there is none. */
static size_t find(const json_t *list, const char *address, const char *id)
{
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *its = json_str(one, "id", NULL);

		if (strcmp(json_str(one, "place", ""), address) == 0 &&
		    (its == NULL) == (id == NULL) &&
		    (id == NULL || strcmp(its, id) == 0))
			break;
	}
	return i;
}

void place_record_add(
    struct place_record *r, const char *name, const char *text)
{
	if (r->list == NULL)
		r->list = json_array();
	json_array_append_new(
	    r->list, json_pack("{ss sI}", name, text, "at",
			 (json_int_t)(clock_wall_us() / 1000000)));
}

void place_record_begins(struct place_record *r, const char *address)
{
	if (r == NULL)
		return;
	place_record_add(r, "place", address);
	r->announce(r->arg);
}

void place_record_made(
    struct place_record *r, const char *address, const char *id)
{
	if (r == NULL)
		return;
	json_object_set_new(
	    json_array_get(r->list, find(r->list, address, NULL)), "id",
	    json_string(id));
	r->announce(r->arg);
}

/* The record is not announced here: the job's result contains the new list. */
void place_record_over(
    struct place_record *r, const char *address, const char *id)
{
	if (r != NULL)
		json_array_remove(r->list, find(r->list, address, id));
}
