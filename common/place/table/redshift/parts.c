/* SPDX-License-Identifier: MIT */
#include "place/table/redshift/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "sink/digest.h"
#include "sink/gzip.h"

/* A segment of the prefix by which a sweep tells the objects of loads from all
 * others. */
#define SEGMENT "/reportd-load/"
/* ms for removing what was loaded, and what a dead process has left. */
#define REMOVE_MS 10000
#define SWEEP_MS 60000
#define MANIFEST_MAX ((size_t)16 << 20)

static char *prefix_of(const struct place_output *o, const char *below)
{
	size_t len = strlen(below);

	while (len > 0 && below[len - 1] == '/')
		len--;
	if (o->request_id == NULL)
		return mem_printf("%.*s" SEGMENT "export/%016" PRIx64 "/",
		    (int)len, below, (uint64_t)random_below(INT64_MAX));
	return mem_printf("%.*s" SEGMENT "%s/%s/%s/", (int)len, below, o->queue,
	    o->request_id, o->run_id ? o->run_id : "0");
}

void parts_open(struct parts *p, const struct place_output *o,
    const char *below, int64_t size)
{
	*p = (struct parts){.o = {.lent = o->lent,
				.media_type = "text/csv",
				.side_by_side = o->side_by_side,
				.record = o->record},
	    .record = o->record,
	    .address = mem_strdup(o->address),
	    .prefix = prefix_of(o, below),
	    .size = size};
	buf_init(&p->manifest, MANIFEST_MAX);
	buf_str(&p->manifest, "{\"entries\":[");
}

/* Opens a sink for an object below the prefix. */
static struct sink *open_object(
    struct parts *p, const char *address, struct err *e)
{
	p->o.address = address;
	if (!p->recorded) {
		place_record_begins(p->record, p->address);
		place_record_made(p->record, p->address, p->prefix);
		p->recorded = true;
	}
	return place_open(&p->o, e);
}

static int begin_part(struct parts *p, struct err *e)
{
	struct sink *s;

	free(p->name);
	p->name = mem_printf("%spart-%05d.csv.gz", p->prefix, ++p->count);
	s = open_object(p, p->name, e);
	p->digest = s ? digest_open(s, e) : NULL;
	p->sink = p->digest ? gzip_open(p->digest, e) : NULL;
	return p->sink ? 0 : -1;
}

/* Makes the object of a sink, and frees the sink. */
static int end_object(struct sink *s, struct err *e)
{
	int rc =
	    sink_finish(s, e) == 0 && sink_publish(s, NULL, e) == 0 ? 0 : -1;

	sink_free(s);
	return rc;
}

static void note_part(struct parts *p, int64_t bytes)
{
	json_t *entry = json_pack("{ss sb s{sI}}", "url", p->name, "mandatory",
	    1, "meta", "content_length", (json_int_t)bytes);
	char *text = json_dumps(entry, JSON_COMPACT);

	buf_str(&p->manifest, p->count > 1 ? ",\n" : "\n");
	buf_str(&p->manifest, text);
	free(text);
	json_decref(entry);
}

static int end_part(struct parts *p, struct err *e)
{
	struct sink *s = p->sink;
	int64_t bytes;
	int rc = sink_finish(s, e);

	bytes = (int64_t)digest_bytes(p->digest);
	rc = rc == 0 ? sink_publish(s, NULL, e) : rc;
	sink_free(s);
	p->sink = p->digest = NULL;
	note_part(p, bytes);
	return rc;
}

int parts_write(struct parts *p, const void *data, size_t len, struct err *e)
{
	if (p->sink == NULL && begin_part(p, e) != 0)
		return -1;
	return sink_write(p->sink, data, len, e);
}

int parts_row(struct parts *p, struct err *e)
{
	return p->sink != NULL && (int64_t)digest_bytes(p->digest) >= p->size
		   ? end_part(p, e)
		   : 0;
}

char *parts_manifest(const struct parts *p)
{
	return mem_printf("%smanifest", p->prefix);
}

int parts_end(struct parts *p, struct err *e)
{
	char *name;
	struct sink *s;
	int rc;

	if (p->sink != NULL && end_part(p, e) != 0)
		return -1;
	if (p->count == 0)
		return 0;
	buf_str(&p->manifest, "\n]}\n");
	if (p->manifest.overflow)
		return err_set(e, ERR_PERMANENT,
		    "%d parts are too many for a manifest; raise "
		    "copy_part_size of the target",
		    p->count);
	name = parts_manifest(p);
	s = open_object(p, name, e);
	rc = s == NULL ? -1
		       : sink_write(s, p->manifest.data, p->manifest.len, e);
	if (rc != 0)
		sink_free(s);
	else
		rc = end_object(s, e);
	free(name);
	return rc;
}

void parts_free(struct parts *p)
{
	struct err unused;

	sink_free(p->sink);
	if (p->recorded && place_remove(p->o.lent, p->prefix,
			       clock_boot_ms() + REMOVE_MS, &unused) == 0)
		place_record_over(p->record, p->address, p->prefix);
	free(p->name);
	free(p->address);
	free(p->prefix);
	buf_free(&p->manifest);
	*p = (struct parts){.count = 0};
}

int parts_sweep(
    const struct place_lent *lent, const char *prefix, struct err *e)
{
	/* Nothing else is ever removed, whatever the record says. */
	if (strstr(prefix, SEGMENT) == NULL ||
	    prefix[strlen(prefix) - 1] != '/')
		return 0;
	return place_remove(lent, prefix, clock_boot_ms() + SWEEP_MS, e);
}
