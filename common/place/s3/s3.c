/* SPDX-License-Identifier: MIT */
#include "place/s3/s3.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "place/s3/s3_upload.h"
#include "place/s3/scheme.h"

#define FIRST_ROOM ((size_t)64 << 10)

/* Enlarges the buffer by doubling, up to the size of the part. realloc instead
 * of mem_realloc: the buffer grows with the data, so a lack of memory must be
 * an error. */
static int make_room(struct s3_part *p, size_t len, size_t size, struct err *e)
{
	size_t room = p->room ? p->room : FIRST_ROOM;
	char *data;

	if (len <= p->room)
		return 0;
	while (room < len)
		room *= 2;
	/* The parts before were full, so this part will probably be full,
	 * too. */
	room = room > size || p->number > 1 ? size : room;
	data = realloc(p->data, room);
	if (data == NULL)
		return err_set(e, ERR_PERMANENT,
		    "no memory for a part of %zu MiB; raise worker_memory in "
		    "[reportd]",
		    room >> 20);
	p->data = data;
	p->room = room;
	return 0;
}

static size_t size_of_next(const struct s3 *s)
{
	return (size_t)s3_part_size(s->store.part_size, s->count + 1);
}

/* A full part is sent only when more bytes come, so that an object that fits
 * into one part becomes a single PUT. */
static int s3_write(
    struct sink *sink, const void *data, size_t len, struct err *e)
{
	struct s3 *s = (struct s3 *)sink;
	const char *at = data;

	while (len > 0) {
		struct s3_part *p = s->filling;
		size_t size = size_of_next(s), n;

		if (p->len == size) {
			if (s3_upload_part(s, e) != 0)
				return -1;
			continue;
		}
		n = len < size - p->len ? len : size - p->len;
		p->number = s->count + 1;
		if (make_room(p, p->len + n, size, e) != 0)
			return err_wrap(e, "%s", s->place);
		memcpy(p->data + p->len, at, n);
		p->len += n;
		s->bytes += (int64_t)n;
		at += n;
		len -= n;
	}
	return s3_upload_pump(s, e);
}

static void free_parts(struct s3 *s)
{
	for (int i = 0; i < s->part_slots; i++) {
		free(s->parts[i].data);
		s->parts[i].data = NULL;
		s->parts[i].len = s->parts[i].room = 0;
	}
	*s->held -= s->holds;
	s->holds = 0;
}

static int s3_finish(struct sink *sink, struct err *e)
{
	struct s3 *s = (struct s3 *)sink;
	int64_t small = (int64_t)s->filling->len;

	if (s->upload_id == NULL && *s->held + small <= S3_HELD_MAX) {
		s->holds = small;
		*s->held += small;
		return 0;
	}
	if (small > 0 && s3_upload_part(s, e) != 0)
		return -1;
	if (s3_upload_settle(s, e) != 0)
		return -1;
	s->filling = NULL;
	free_parts(s);
	return 0;
}

static int s3_step(struct sink *sink, struct err *e)
{
	return s3_upload_pump((struct s3 *)sink, e);
}

static void s3_abort(struct sink *sink)
{
	s3_upload_abort((struct s3 *)sink);
}

static void s3_free(struct sink *sink)
{
	struct s3 *s = (struct s3 *)sink;

	free_parts(s);
	free(s->parts);
	for (int i = 0; i < s->count; i++)
		free(s->etags[i]);
	free(s->etags);
	s3_pairs_free(&s->headers);
	s3_target_free(&s->target);
	free(s->place);
	free(s->run_id);
	free(s->report_id);
	free(s->request_id);
	free(s->upload_id);
	free(s);
}

static const struct sink_type s3_type = {
    .name = "S3",
    .write = s3_write,
    .finish = s3_finish,
    .step = s3_step,
    .publish = s3_publish,
    .abort = s3_abort,
    .free = s3_free,
};

/* Returns the number of parts in flight: outputs written in parallel share
 * the memory. */
static int most_parts(const struct s3_store *store, int side_by_side)
{
	int n = store->parts_in_flight / side_by_side;

	return n > 1 ? n : 1;
}

static void describe(struct s3 *s, const struct place_output *o)
{
	const json_t *options =
	    json_object_get(o->options, place_scheme_s3.name);

	s3_object_headers(&s->store, s->target.key,
	    &(struct s3_about){.options = options,
		.media_type = o->media_type,
		.run_id = o->run_id,
		.report = o->report,
		.report_id = o->report_id,
		.request_id = o->request_id,
		.scheduled_for = o->scheduled_for},
	    &s->headers);
	s->create_only = json_bool(options, "create_only", false);
	s->run_id = mem_strdup(o->run_id);
	s->report_id = mem_strdup(o->report_id);
	s->request_id = mem_strdup(o->request_id);
}

struct sink *s3_open(const struct place_output *o, struct err *e)
{
	struct s3_store store;
	struct s3 *s;

	if (s3_place_check(o->address, e) != 0 ||
	    s3_store(&store, o->lent->services, e) != 0)
		return NULL;
	s = mem_zalloc(sizeof(*s));
	s->base.type = &s3_type;
	s->store = store;
	s->place = mem_strdup(o->address);
	s3_target(&store, o->address, &s->target);
	describe(s, o);
	s->record = o->record;
	s->held = o->held ? o->held : &s->own_held;
	s->in_flight_max = most_parts(&store, o->side_by_side);
	s->part_slots = s->in_flight_max + 1;
	s->parts = mem_zalloc((size_t)s->part_slots * sizeof(*s->parts));
	s->filling = &s->parts[0];
	return &s->base;
}
