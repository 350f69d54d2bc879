/* SPDX-License-Identifier: MIT */
#include "export/outputs.h"

#include "base/clock.h"
#include "sink/digest.h"

/* Returns the number of outputs written at the same time. A format with one
 * output for each statement writes only one of them at a time. */
static int side_by_side(const struct export_plan *p)
{
	int n = 0;

	for (int i = 0; i < p->count; i++)
		n += p->outputs[i].part <= 1 && !p->outputs[i].added;
	return n;
}

int outputs_chain(struct export_output *o, struct sink *place, struct err *e)
{
	const struct compression *c = export_compression(o);

	if (place == NULL)
		return -1;
	o->sink = digest_open(place, e);
	o->digest = o->sink;
	if (o->sink != NULL && c != NULL)
		o->sink = c->open(o->sink, e);
	return o->sink ? 0 : -1;
}

static int open_one(struct outputs *all, struct export_output *o,
    const struct schema *schema, struct err *e)
{
	struct place_output with = all->made_with;

	with.address = o->place;
	with.schema = schema;
	with.options = o->options;
	with.media_type = export_media_type(o);
	with.side_by_side = side_by_side(all->plan);
	with.held = &all->held;
	with.remark = &o->remark;
	with.taken = &o->rows;
	return outputs_chain(o, place_open(&with, e), e);
}

int outputs_open(struct outputs *all, struct err *e)
{
	for (int i = 0; i < all->plan->count; i++) {
		struct export_output *o = &all->plan->outputs[i];

		if (o->partition_by == NULL &&
		    !place_of(o->place)->needs_schema &&
		    open_one(all, o, NULL, e) != 0)
			return -1;
	}
	return 0;
}

int outputs_open_late(void *arg, struct export_output *o, const char *partition,
    const struct schema *schema, struct err *e)
{
	struct outputs *all = arg;

	if (partition != NULL && all->locate(all->arg, o, partition, e) != 0)
		return -1;
	return open_one(all, o, schema, e);
}

int outputs_begin_file(
    struct export_output *o, const struct schema *columns, struct err *e)
{
	return place_begin_file(o->place, o->sink, columns, e);
}

int outputs_end_file(struct export_output *o, struct err *e)
{
	return place_end_file(o->place, o->sink, e);
}

struct source *outputs_staged(const struct export_plan *p, struct err *e)
{
	const struct export_output *o = export_first(p);

	for (int i = 0; i < p->count; i++) {
		if (p->outputs[i].sink != NULL &&
		    place_of(p->outputs[i].place)->staged != NULL) {
			o = &p->outputs[i];
			break;
		}
	}
	return place_staged(o->place, o->sink, e);
}

int64_t outputs_bytes(const struct export_plan *p)
{
	int64_t bytes = 0;

	for (int i = 0; i < p->count; i++) {
		if (p->outputs[i].digest != NULL)
			bytes += (int64_t)digest_bytes(p->outputs[i].digest);
	}
	return bytes;
}

int outputs_step(const struct export_plan *p, struct err *e)
{
	for (int i = 0; i < p->count; i++) {
		if (p->outputs[i].sink != NULL &&
		    sink_step(p->outputs[i].sink, e) != 0)
			return -1;
	}
	return 0;
}

bool outputs_none(const struct export_plan *p, int64_t rows)
{
	return rows == 0 && (p->skip_if_empty || export_first(p) == NULL);
}

static bool holds_locks(const struct export_output *o)
{
	return place_of(o->place)->holds_locks;
}

/* Finishes the outputs that hold locks, or the others. */
static int finish_some(const struct export_plan *p, bool locks, struct err *e)
{
	for (int i = 0; i < p->count; i++) {
		struct sink *s = p->outputs[i].sink;

		if (s != NULL && s->state == SINK_OPEN &&
		    holds_locks(&p->outputs[i]) == locks &&
		    sink_finish(s, e) != 0)
			return -1;
	}
	return 0;
}

int outputs_finish(const struct export_plan *p, struct err *e)
{
	return finish_some(p, false, e);
}

int outputs_finish_locked(const struct export_plan *p, struct err *e)
{
	return finish_some(p, true, e);
}

static int publish(const struct export_plan *p, const struct export_output *o,
    int64_t until_ms, struct err *e)
{
	return sink_publish(o->sink,
	    &(struct sink_terms){.rows = o->rows,
		.sha256 = digest_sha256(o->digest),
		.result = p->result,
		.until_ms = until_ms},
	    e);
}

bool outputs_hold_locks(const struct export_plan *p)
{
	for (int i = 0; i < p->count; i++) {
		if (p->outputs[i].sink != NULL && holds_locks(&p->outputs[i]))
			return true;
	}
	return false;
}

/* Publishes the outputs that hold locks, or the others. */
static int publish_some(const struct export_plan *p, bool locks, bool *first,
    int64_t until_ms, struct err *e)
{
	for (int i = 0; i < p->count; i++) {
		const struct export_output *o = &p->outputs[i];

		if (o->sink == NULL || o->sink->state == SINK_PUBLISHED ||
		    holds_locks(o) != locks)
			continue;
		if (!*first && until_ms != 0 && clock_boot_ms() >= until_ms)
			return 1;
		*first = false;
		if (publish(p, o, until_ms, e) != 0)
			return -1;
	}
	return 0;
}

int outputs_publish(
    const struct export_plan *p, int64_t until_ms, struct err *e)
{
	bool first = true;
	int rc = publish_some(p, false, &first, until_ms, e);

	return rc != 0 ? rc : publish_some(p, true, &first, until_ms, e);
}

void outputs_abort(const struct export_plan *p)
{
	for (int i = 0; i < p->count; i++)
		sink_abort(p->outputs[i].sink);
}

json_t *outputs_describe(const struct export_output *o, json_t *about)
{
	json_t *own = json_pack("{sI sI ss ss*}", "rows", (json_int_t)o->rows,
	    "bytes", (json_int_t)digest_bytes(o->digest), "sha256",
	    digest_sha256(o->digest), "remark", o->remark);

	json_object_update(about, own);
	json_decref(own);
	return about;
}
