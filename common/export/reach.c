/* SPDX-License-Identifier: MIT */
#include "export/reach.h"

#include "base/clock.h"
#include "place/place.h"

/* ms for removing files. */
#define REMOVE_MS 5000

static void *open_file(
    void *arg, const char *address, int64_t *size, struct err *e)
{
	const struct place_lent lent = {.services = arg};
	struct place_reader *reader = place_read(&lent, address, e);

	if (reader != NULL)
		*size = reader->size;
	return reader;
}

static int read_file(
    void *file, int64_t from, char *to, size_t len, struct err *e)
{
	return place_read_at(file, from, to, len, e);
}

static void close_file(void *file)
{
	place_read_end(file);
}

static int remove_files(void *arg, const char *prefix, struct err *e)
{
	const struct place_lent lent = {.services = arg};

	return place_remove(&lent, prefix, clock_boot_ms() + REMOVE_MS, e);
}

struct source_reach reach_of(struct services *services)
{
	static const struct source_files files = {
	    open_file, read_file, close_file, remove_files};
	struct source_reach reach = services_reach(services);

	reach.files = &files;
	return reach;
}
