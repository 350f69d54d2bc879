/* SPDX-License-Identifier: MIT */
#include "encode/parquet/parquet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/parquet/chunk.h"
#include "encode/parquet/page.h"
#include "encode/parquet/thrift.h"
#include "encode/parquet/type.h"
#include "encode/text/json_check.h"

#define GROUP_BYTES ((size_t)16 << 20)
#define GROUP_ROWS ((int64_t)1 << 20)
/* The length of the footer is a signed 32-bit number in some readers. */
#define FOOTER_MAX INT32_MAX
#define GROUPS_IN_MEMORY ((size_t)1 << 20)

static const char magic[] = "PAR1";

struct parquet {
	struct encoder base;
	const json_t *options;
	const struct report_info *info;
	struct sink *sink;
	int count; /* columns */
	struct parquet_type *types;
	struct parquet_chunk **chunks;
	struct parquet_pages pages;
	int64_t place; /* bytes written */
	int64_t rows, group_rows;
	/* RowGroup structs, one after another: they are kept for the footer, in
	 * an unnamed file when there are many. */
	struct buf groups;
	FILE *spilled;
	int64_t spilled_bytes;
	size_t group_count;
	int64_t nulled, halves;
	char remark[100 + JSON_REMARK];
};

static struct encoder *parquet_open(
    const struct encoder_options *o, struct err *e)
{
	struct parquet *p = mem_zalloc(sizeof(*p));

	(void)e;
	p->options = o->options;
	p->info = o->info;
	p->sink = o->sink;
	buf_init(&p->groups, FOOTER_MAX);
	return &p->base;
}

static int put(struct parquet *p, const void *data, size_t len, struct err *e)
{
	p->place += (int64_t)len;
	return sink_write(p->sink, data, len, e);
}

static enum parquet_codec codec_of(const json_t *options)
{
	const char *name = json_str(options, "codec", "zstd");

	return strcmp(name, "snappy") == 0 ? PARQUET_SNAPPY
	       : strcmp(name, "none") == 0 ? PARQUET_UNCOMPRESSED
					   : PARQUET_ZSTD;
}

/* Refuses a name that another column has. Readers find columns by name, and
 * some ignore letter case. */
static int check_name(json_t *seen, const char *name, struct err *e)
{
	char *folded = mem_strdup(name);
	const char *other;
	int rc = 0;

	for (char *s = folded; *s != '\0'; s++)
		*s = (char)(*s >= 'A' && *s <= 'Z' ? *s | 0x20 : *s);
	other = json_str(seen, folded, NULL);
	if (other != NULL && strcmp(other, name) == 0)
		rc = err_set(e, ERR_PERMANENT,
		    "Parquet: two columns are named \"%s\"; give them names of "
		    "their own with AS in the query",
		    name);
	else if (other != NULL)
		rc = err_set(e, ERR_PERMANENT,
		    "Parquet: readers do not tell columns \"%s\" and \"%s\" "
		    "apart; give one of them another name with AS in the query",
		    other, name);
	json_object_set_new(seen, folded, json_string(name));
	free(folded);
	return rc;
}

static int check_names(const struct layout *layout, struct err *e)
{
	json_t *seen = json_object();
	int rc = layout->count > 0 ? 0
				   : err_set(e, ERR_PERMANENT,
					 "Parquet: the query has no columns");

	for (int i = 0; i < layout->count && rc == 0; i++)
		rc = check_name(seen, layout->columns[i].label, e);
	json_decref(seen);
	return rc;
}

static int parquet_begin(
    struct encoder *enc, const struct section *section, struct err *e)
{
	struct parquet *p = (struct parquet *)enc;
	int count = section->schema->count;

	if (enc->sections > 1)
		return err_set(e, ERR_PERMANENT,
		    "a Parquet file holds the result of one query only");
	if (check_names(&enc->layout, e) != 0)
		return -1;
	p->count = count;
	p->types = mem_zalloc((size_t)count * sizeof(*p->types));
	p->chunks = mem_zalloc((size_t)count * sizeof(struct parquet_chunk *));
	parquet_pages_open(&p->pages, codec_of(p->options), count);
	for (int i = 0; i < count; i++) {
		struct parquet_type *type = &p->types[i];

		type->name = mem_strdup(enc->layout.columns[i].label);
		type->to_null =
		    strcmp(json_str(p->options, "out_of_range", "error"),
			"null") == 0;
		type->nulled = &p->nulled;
		type->halves = &p->halves;
		if (parquet_type_of(
			type, &section->schema->columns[i], p->options, e) != 0)
			return -1;
		p->chunks[i] = parquet_chunk_new(type, &p->pages);
	}
	return put(p, magic, 4, e);
}

/* Finishes all columns, so that their sizes are known before any byte is
 * written. */
static int finish_chunks(
    struct parquet *p, int64_t *bytes, int64_t *plain, struct err *e)
{
	*bytes = *plain = 0;
	for (int i = 0; i < p->count; i++) {
		int64_t size;

		if (parquet_chunk_finish(p->chunks[i], e) != 0)
			return -1;
		*bytes += parquet_chunk_size(p->chunks[i], &size);
		*plain += size;
	}
	return 0;
}

static int spill(struct parquet *p, struct err *e)
{
	if (p->spilled == NULL)
		p->spilled = tmpfile();
	if (p->spilled == NULL || fwrite(p->groups.data, 1, p->groups.len,
				      p->spilled) != p->groups.len)
		return err_errno(
		    e, errno, "Parquet: a temporary file for the footer");
	p->spilled_bytes += (int64_t)p->groups.len;
	buf_clear(&p->groups);
	return 0;
}

static int write_group(struct parquet *p, struct err *e)
{
	int64_t begin = p->place, bytes, plain;
	struct thrift t;

	if (p->group_rows == 0)
		return 0;
	if (finish_chunks(p, &bytes, &plain, e) != 0)
		return -1;
	thrift_open(&t, &p->groups);
	thrift_list(&t, 1, THRIFT_STRUCT, (size_t)p->count);
	for (int i = 0; i < p->count; i++) {
		int64_t size, ignored;

		size = parquet_chunk_size(p->chunks[i], &ignored);
		if (parquet_chunk_write(
			p->chunks[i], p->sink, p->place, &t, e) != 0)
			return -1;
		p->place += size;
	}
	thrift_i64(&t, 2, plain);
	thrift_i64(&t, 3, p->group_rows);
	thrift_i64(&t, 5, begin);
	thrift_i64(&t, 6, bytes);
	if (p->group_count <= INT16_MAX)
		thrift_i16(&t, 7, (int)p->group_count);
	thrift_end(&t);
	p->group_count++;
	p->rows += p->group_rows;
	p->group_rows = 0;
	return p->groups.len > GROUPS_IN_MEMORY ? spill(p, e) : 0;
}

static int parquet_rows(
    struct encoder *enc, const struct batch *batch, struct err *e)
{
	struct parquet *p = (struct parquet *)enc;

	for (int i = 0; i < p->count; i++) {
		if (parquet_chunk_add(p->chunks[i], batch->values + i, p->count,
			batch->rows, e) != 0)
			return -1;
	}
	p->group_rows += batch->rows;
	if (p->pages.held < GROUP_BYTES && p->group_rows < GROUP_ROWS)
		return 0;
	return write_group(p, e);
}

static int parquet_end(struct encoder *enc, struct err *e)
{
	return write_group((struct parquet *)enc, e);
}

static void add_schema(const struct parquet *p, struct thrift *t)
{
	int elements = 1;

	for (int i = 0; i < p->count; i++)
		elements += parquet_schema_elements(&p->types[i]);
	thrift_list(t, 2, THRIFT_STRUCT, (size_t)elements);
	thrift_item_struct(t);
	thrift_string(t, 4, "schema");
	thrift_i32(t, 5, p->count);
	thrift_end(t);
	for (int i = 0; i < p->count; i++)
		parquet_schema_add(&p->types[i], t);
}

static void add_key(struct thrift *t, const char *key, const char *value)
{
	thrift_item_struct(t);
	thrift_string(t, 1, key);
	thrift_string(t, 2, value);
	thrift_end(t);
}

static void add_info(const struct parquet *p, struct thrift *t)
{
	const struct report_info *info = p->info;
	char run_id[24];

	if (info == NULL)
		return;
	snprintf(run_id, sizeof(run_id), "%" PRId64, info->run_id);
	thrift_list(t, 5, THRIFT_STRUCT, 5);
	add_key(t, "reportd.title", json_str(p->options, "title", info->title));
	add_key(t, "reportd.author", info->author);
	add_key(t, "reportd.time", info->time_text);
	add_key(t, "reportd.time_zone", info->time_zone);
	add_key(t, "reportd.run_id", run_id);
}

static void add_tail(const struct parquet *p, struct thrift *t)
{
	add_info(p, t);
	/* Readers look for "version" here to find out which program wrote the
	 * file. */
	thrift_string(t, 6, "reportd version 1");
	/* The order of each column is TypeDefinedOrder. */
	thrift_list(t, 7, THRIFT_STRUCT, (size_t)p->count);
	for (int i = 0; i < p->count; i++) {
		thrift_item_struct(t);
		thrift_empty(t, 1);
		thrift_end(t);
	}
	thrift_end(t);
}

static int put_spilled(struct parquet *p, struct err *e)
{
	static const char what[] = "Parquet: the temporary file for the footer";
	char data[64 << 10];
	size_t n;

	if (p->spilled == NULL)
		return 0;
	if (fflush(p->spilled) != 0)
		return err_errno(e, errno, "%s", what);
	rewind(p->spilled);
	while ((n = fread(data, 1, sizeof(data), p->spilled)) > 0) {
		if (put(p, data, n, e) != 0)
			return -1;
	}
	return ferror(p->spilled) ? err_errno(e, errno, "%s", what) : 0;
}

static int put_end(struct parquet *p, uint32_t footer, struct err *e)
{
	char end[8];

	memcpy(end, &footer, 4);
	memcpy(end + 4, magic, 4);
	return put(p, end, sizeof(end), e);
}

static int parquet_finish(struct encoder *enc, struct err *e)
{
	struct parquet *p = (struct parquet *)enc;
	int64_t begin = p->place, size;
	struct buf head, tail;
	struct thrift t;
	int rc = -1;

	buf_init(&head, FOOTER_MAX);
	buf_init(&tail, FOOTER_MAX);
	thrift_open(&t, &head);
	thrift_i32(&t, 1, 1);
	add_schema(p, &t);
	thrift_i64(&t, 3, p->rows);
	thrift_list(&t, 4, THRIFT_STRUCT, p->group_count);
	t.out = &tail;
	buf_add(&tail, p->groups.data, p->groups.len);
	add_tail(p, &t);
	size = (int64_t)head.len + p->spilled_bytes + (int64_t)tail.len;
	if (head.overflow || tail.overflow || p->groups.overflow ||
	    size > FOOTER_MAX)
		err_set(e, ERR_PERMANENT,
		    "Parquet: too many row groups for one file; split the "
		    "report");
	else if (put(p, head.data, head.len, e) == 0 &&
		 put_spilled(p, e) == 0 && put(p, tail.data, tail.len, e) == 0)
		rc = put_end(p, (uint32_t)(p->place - begin), e);
	buf_free(&head);
	buf_free(&tail);
	return rc;
}

static const char *parquet_remark(struct encoder *enc)
{
	struct parquet *p = (struct parquet *)enc;

	char json[JSON_REMARK] = "";

	if (p->nulled == 0)
		return json_remark(p->remark, p->halves);
	json_remark(json, p->halves);
	snprintf(p->remark, sizeof(p->remark),
	    "%" PRId64 " values that Parquet does not have became NULL%s%s",
	    p->nulled, *json ? "; " : "", json);
	return p->remark;
}

static void parquet_free(struct encoder *enc)
{
	struct parquet *p = (struct parquet *)enc;

	for (int i = 0; i < p->count; i++) {
		parquet_chunk_free(p->chunks[i]);
		free(p->types[i].name);
	}
	parquet_pages_close(&p->pages);
	buf_free(&p->groups);
	if (p->spilled != NULL)
		fclose(p->spilled);
	free(p->chunks);
	free(p->types);
	free(p);
}

static const struct option_rule parquet_own[] = {
    {"title", JSON_STRING, NULL,
	"in the file's metadata; default: the report's name", NULL},
    {"codec", JSON_STRING, "zstd|snappy|none",
	"compression of pages; default zstd", NULL},
    {"decimal", JSON_STRING, NULL,
	"what numeric without precision becomes: \"PRECISION,SCALE\", "
	"\"text\" or \"double\"; default 38,20",
	NULL},
    {"out_of_range", JSON_STRING, "error|null",
	"what to do with values that Parquet lacks: infinity in dates and "
	"numeric, NaN in numeric, 24:00:00; default error",
	NULL},
    OPTION_END,
};
static const struct option_owner parquet_options = {
    "PARQUET", parquet_own, parquet_check_decimal};

const struct encoder_type encoder_parquet = {
    .name = "PARQUET",
    .extension = "parquet",
    .media_type = "application/vnd.apache.parquet",
    .one_section = true,
    .unload = true,
    .tree = true,
    .options = {&parquet_options, &layout_label_options},
    .open = parquet_open,
    .begin = parquet_begin,
    .rows = parquet_rows,
    .end = parquet_end,
    .finish = parquet_finish,
    .free = parquet_free,
    .remark = parquet_remark,
};
