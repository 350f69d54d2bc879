/* SPDX-License-Identifier: MIT */
#include "worker/stage/manifest.h"

#include <inttypes.h>
#include <string.h>

#include "input/whole.h"

/* The files that are there: {address: bytes}. */
static int meet(void *arg, const char *address, int64_t size, struct err *e)
{
	(void)e;
	json_object_set_new(arg, address, json_integer(size));
	return 0;
}

static int count_rows(const struct place_lent *lent, const struct watch *watch,
    const char *address, int64_t *rows, struct err *e)
{
	struct whole w = {.reader = place_read(lent, address, e),
	    .name = address,
	    .watch = watch,
	    .rows = rows};
	char reason[WHOLE_REASON];
	json_t *spec;
	int rc;

	if (w.reader == NULL)
		return -1;
	w.spec = spec = json_pack("{ss}", "format", "parquet");
	rc = whole_check(&w, reason, e);
	place_read_end(w.reader);
	json_decref(spec);
	if (rc == 1 || (rc == 0 && *rows < 0))
		return err_set(e, w.wrong ? ERR_PERMANENT : ERR_TRANSIENT,
		    "%s: %s", address,
		    rc == 1 ? reason : "its footer tells no rows");
	return rc;
}

static void add_file(
    json_t *entries, const char *address, int64_t size, int64_t rows)
{
	json_array_append_new(entries,
	    json_pack("{ss s{sI sI}}", "url", address, "meta", "content_length",
		(json_int_t)size, "record_count", (json_int_t)rows));
}

static int describe(const struct place_lent *lent, const struct watch *watch,
    const json_t *there, const json_t *files, json_t *manifest, struct err *e)
{
	json_t *entries = json_array(), *file;
	int64_t rows, bytes_all = 0, rows_all = 0;
	size_t i;

	json_object_set_new(manifest, "entries", entries);
	json_array_foreach(files, i, file)
	{
		const char *address = json_string_value(file);
		int64_t size = json_int(there, address, -1);

		if (size < 0)
			return err_set(
			    e, ERR_TRANSIENT, "%s is not there", address);
		if (count_rows(lent, watch, address, &rows, e) != 0)
			return -1;
		add_file(entries, address, size, rows);
		bytes_all += size;
		rows_all += rows;
	}
	json_object_set_new(manifest, "meta",
	    json_pack("{sI sI}", "content_length", (json_int_t)bytes_all,
		"record_count", (json_int_t)rows_all));
	return 0;
}

json_t *manifest_make(const struct place_lent *lent, const struct watch *watch,
    const char *prefix, const json_t *files, struct err *e)
{
	json_t *there = json_object(), *manifest = json_object();
	int rc = place_list(lent, prefix, meet, there, e);

	if (rc == 0 && json_object_size(there) != json_array_size(files))
		rc = err_set(e, ERR_TRANSIENT,
		    "%zu objects lie below %s, and the source tells of %zu",
		    json_object_size(there), prefix, json_array_size(files));
	if (rc == 0)
		rc = describe(lent, watch, there, files, manifest, e);
	json_decref(there);
	if (rc == 0)
		return manifest;
	json_decref(manifest);
	err_wrap(e, "unload");
	return NULL;
}

int64_t manifest_rows(const json_t *manifest)
{
	return json_int(json_object_get(manifest, "meta"), "record_count", 0);
}
