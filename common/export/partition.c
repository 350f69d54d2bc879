/* SPDX-License-Identifier: MIT */
#include "export/partition.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define KEY_MAX 4096

static const char no_value[] = "__HIVE_DEFAULT_PARTITION__";

static const struct option_rule column_name[] = {
    {"*", JSON_STRING, "1..", "its name", NULL}, OPTION_END};
static const struct option_rule rules[] = {
    {"partition_by", JSON_ARRAY, "1..",
	"columns: a file for each of their values, in a directory such as "
	"region=North; {partition} in output_path",
	column_name},
    OPTION_END};
const struct option_owner partition_options = {"partition", rules, NULL};

static int find_columns(struct partition *p, const json_t *names, struct err *e)
{
	const json_t *name;
	char *known;
	size_t i;

	json_array_foreach(names, i, name)
	{
		int column = schema_find(p->schema, json_string_value(name));

		if (column < 0) {
			known = schema_names(p->schema);
			err_set(e, ERR_PERMANENT,
			    "output_options: \"partition_by[%zu]\": the result "
			    "has no column \"%s\"; its columns: %s",
			    i, json_string_value(name), known);
			free(known);
			return -1;
		}
		if (p->left_out[column])
			return err_set(e, ERR_PERMANENT,
			    "output_options: \"partition_by[%zu]\": column "
			    "\"%s\" comes twice",
			    i, json_string_value(name));
		p->columns[p->count++] = column;
		p->left_out[column] = true;
	}
	return 0;
}

/* Refuses a partition column whose name differs from another column's only in
 * case: programs that read the files add the columns of the directories' names,
 * and many ignore case. */
static int check_names(const struct partition *p, struct err *e)
{
	for (int i = 0; i < p->count; i++) {
		const char *name = p->schema->columns[p->columns[i]].name;

		for (int k = 0; k < p->schema->count; k++) {
			const char *other = p->schema->columns[k].name;

			if (k != p->columns[i] && strcasecmp(name, other) == 0)
				return err_set(e, ERR_PERMANENT,
				    "output_options: \"partition_by[%d]\": "
				    "readers do not tell columns \"%s\" and "
				    "\"%s\" apart; give one of them another "
				    "name with AS in the query",
				    i, name, other);
		}
	}
	return 0;
}

int partition_open(struct partition *p, const json_t *names,
    const struct schema *schema, struct err *e)
{
	size_t count = (size_t)schema->count + 1;

	*p = (struct partition){.schema = schema};
	buf_init(&p->key, KEY_MAX);
	p->columns =
	    mem_zalloc((json_array_size(names) + 1) * sizeof(*p->columns));
	p->left_out = mem_zalloc(count * sizeof(*p->left_out));
	p->rest.columns = mem_zalloc(count * sizeof(*p->rest.columns));
	if (find_columns(p, names, e) != 0)
		return -1;
	for (int i = 0; i < schema->count; i++) {
		if (!p->left_out[i])
			p->rest.columns[p->rest.count++] = schema->columns[i];
	}
	if (p->rest.count == 0)
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"partition_by\" leaves no column for the "
		    "files");
	return check_names(p, e);
}

void partition_close(struct partition *p)
{
	free(p->columns);
	free(p->left_out);
	free(p->rest.columns);
	free(p->values);
	buf_free(&p->key);
	*p = (struct partition){0};
}

int partition_check(
    struct source *s, const char *sql, const json_t *names, struct err *e)
{
	struct schema schema = {0};
	struct partition p;
	int rc;

	if (!source_can_describe(s))
		return 0;
	if (source_describe(s, sql, &schema, e) != 0)
		return -1;
	rc = partition_open(&p, names, &schema, e);
	partition_close(&p);
	schema_free(&schema);
	return rc;
}

/* Appends a name with the escapes that Hive uses for directories
 * (FileUtils.escapePathName). */
static void add_escaped(struct buf *out, const char *s, size_t len)
{
	for (; len > 0; s++, len--) {
		if ((unsigned char)*s < 0x20 || *s == 0x7F ||
		    strchr("\"#%'*/:=?\\{}[]^", *s) != NULL)
			buf_printf(out, "%%%02X", (unsigned char)*s);
		else
			buf_char(out, *s);
	}
}

int partition_key(struct partition *p, const struct value *row, struct buf *out,
    struct err *e)
{
	buf_clear(out);
	for (int i = 0; i < p->count; i++) {
		const char *name = p->schema->columns[p->columns[i]].name;
		const struct value *v = &row[p->columns[i]];

		if (i > 0)
			buf_char(out, '/');
		add_escaped(out, name, strlen(name));
		buf_char(out, '=');
		p->blank |= v->len == 0;
		if (v->len <= 0)
			buf_str(out, no_value);
		else if (v->len == sizeof(no_value) - 1 &&
			 memcmp(v->data, no_value, sizeof(no_value) - 1) == 0)
			return err_set(e, ERR_PERMANENT,
			    "partition_by: column \"%s\" holds the text %s, "
			    "which stands for NULL in the names of "
			    "directories; change it in the query",
			    name, no_value);
		else
			add_escaped(out, v->data, (size_t)v->len);
	}
	return 0;
}

static bool same_key(
    const struct partition *p, const struct value *a, const struct value *b)
{
	for (int i = 0; i < p->count; i++) {
		const struct value *x = &a[p->columns[i]];
		const struct value *y = &b[p->columns[i]];

		if (x->len != y->len ||
		    (x->len > 0 &&
			memcmp(x->data, y->data, (size_t)x->len) != 0))
			return false;
	}
	return true;
}

int partition_run(struct partition *p, const struct batch *batch, int from,
    struct batch *run, struct err *e)
{
	int width = p->schema->count, to = from;
	const struct value *first = batch->values + (size_t)from * width;
	const struct value *row = first;
	struct value *out;

	p->values = mem_realloc(p->values,
	    (size_t)(batch->rows - from) * (size_t)p->rest.count,
	    sizeof(*p->values));
	out = p->values;
	for (; to < batch->rows && same_key(p, first, row); to++) {
		for (int i = 0; i < width; i++, row++) {
			if (!p->left_out[i])
				*out++ = *row;
		}
	}
	*run = (struct batch){p->values, to - from};
	return partition_key(p, first, &p->key, e) == 0 ? to : -1;
}
