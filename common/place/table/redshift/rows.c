/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "place/table/redshift/csv.h"
#include "place/table/redshift/parts.h"
#include "place/table/redshift/redshift.h"
#include "source/postgres/config.h"
#include "source/postgres/redshift_clause.h"
#include "source/postgres/redshift_load.h"

/* The way of rows into Redshift: parts in S3, from there by COPY. */

#define FLUSH_BYTES ((size_t)64 << 10)
#define SQL_MAX ((size_t)1 << 20)

struct table_rows {
	struct redshift_csv csv;
	struct parts parts;
	const char *region; /* of the bucket; NULL: that of Redshift */
};

static const struct redshift_config *config_of(const struct table_link *l)
{
	return (const struct redshift_config *)l->target->config;
}

int redshift_rows_open(struct table_link *l, const struct table_plan *p,
    const struct place_output *o, struct table_rows **rows, struct err *e)
{
	const struct redshift_config *config = config_of(l);
	struct place_access access;
	struct table_rows *r;

	(void)p;
	if (place_access(o->lent, config->copy_from, &access, e) != 0)
		return -1;
	r = *rows = mem_zalloc(sizeof(*r));
	redshift_csv_open(&r->csv, o->schema);
	parts_open(&r->parts, o, config->copy_from, config->copy_part_size);
	r->region = access.region;
	return 0;
}

void redshift_rows_free(struct table_rows *r)
{
	if (r == NULL)
		return;
	redshift_csv_free(&r->csv);
	parts_free(&r->parts);
	free(r);
}

static int flush(struct table_rows *r, struct err *e)
{
	int rc = r->csv.out.len == 0 ? 0
				     : parts_write(&r->parts, r->csv.out.data,
					   r->csv.out.len, e);

	buf_clear(&r->csv.out);
	return rc == 0 ? parts_row(&r->parts, e) : -1;
}

int redshift_rows_write(struct table_link *l, struct table_rows *r,
    const void *data, size_t len, struct err *e)
{
	const char *at = data;
	int64_t rows, n;

	(void)l;
	while (len > 0) {
		rows = r->csv.rows;
		n = redshift_csv_take(&r->csv, at, len, e);
		if (n < 0)
			return -1;
		at += n;
		len -= (size_t)n;
		if (r->csv.rows > rows && r->csv.out.len >= FLUSH_BYTES &&
		    flush(r, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- COPY ---- */

static int make_copy(struct table_link *l, const struct table_rows *r,
    struct buf *sql, struct err *e)
{
	char *manifest = parts_manifest(&r->parts);
	int rc;

	buf_str(sql, "copy " REDSHIFT_STAGE);
	rc = redshift_add_literal(l->pg, sql, "from", manifest, e);
	free(manifest);
	if (rc != 0 ||
	    redshift_add_role(l->pg, sql, config_of(l)->copy_role, e) != 0)
		return -1;
	if (redshift_add_literal(l->pg, sql, "region", r->region, e) != 0)
		return -1;
	buf_str(sql, " manifest format as csv gzip");
	if (redshift_add_literal(l->pg, sql, "null as", r->csv.null, e) != 0)
		return -1;
	/* Numbers are rounded to the digits of their column, as an INSERT does,
	 * and not cut. */
	buf_str(sql, " dateformat 'YYYY-MM-DD' timeformat 'auto' roundec"
		     " compupdate off statupdate off");
	return 0;
}

static const char *or_none(const char *text)
{
	return text ? text : "";
}

/* Says which row COPY has refused, or what else it may lack. */
static int explain(struct table_link *l, struct err *e)
{
	if (!redshift_load_refused(l->pg, e) &&
	    strcmp(e->sqlstate, "XX000") == 0)
		err_hint(e,
		    "Redshift reads %s with the role %s; attach it to Redshift "
		    "and allow it s3:GetObject, s3:GetBucketLocation and "
		    "of that bucket s3:ListBucket",
		    config_of(l)->copy_from, config_of(l)->copy_role);
	return -1;
}

static int count(struct table_link *l, int64_t *arrived, struct err *e)
{
	struct pg_rows *rows =
	    link_ask(l, "select pg_last_copy_count()", NULL, e);

	if (rows == NULL)
		return -1;
	if (pg_rows_count(rows) > 0)
		str_to_i64(or_none(pg_rows_get(rows, 0, 0)), arrived);
	pg_rows_free(rows);
	return 0;
}

static int copy(struct table_link *l, const struct table_rows *r,
    int64_t *arrived, struct err *e)
{
	struct buf sql;
	int rc;

	buf_init(&sql, SQL_MAX);
	rc = make_copy(l, r, &sql, e);
	if (rc == 0 && pg_exec(l->pg, sql.data, e) != 0)
		rc = explain(l, e);
	buf_free(&sql);
	*arrived = -1;
	if (rc != 0 || count(l, arrived, e) != 0)
		return -1;
	if (*arrived == r->csv.rows)
		return 0;
	return err_set(e, ERR_TRANSIENT,
	    "COPY of Redshift took %" PRId64 " rows of the %" PRId64
	    " that lie in %s: somebody else has changed them",
	    *arrived, r->csv.rows, r->parts.prefix);
}

int redshift_rows_end(
    struct table_link *l, struct table_rows *r, int64_t *arrived, struct err *e)
{
	*arrived = 0;
	if (flush(r, e) != 0 || parts_end(&r->parts, e) != 0)
		return -1;
	return r->parts.count == 0 ? 0 : copy(l, r, arrived, e);
}

/* ---- doctor ---- */

/* Loads one row into a temporary table. */
int redshift_probe(
    struct table_link *l, const struct place_output *o, struct err *e)
{
	char name[] = "a";
	struct column column = {.name = name, .kind = KIND_INTEGER, .size = 4};
	const struct schema schema = {&column, 1};
	struct place_output with = *o;
	struct table_rows *rows = NULL;
	int64_t arrived;
	int rc;

	with.schema = &schema;
	with.side_by_side = 1;
	rc = pg_exec(
	    l->pg, "create temporary table " REDSHIFT_STAGE " (a integer)", e);
	if (rc == 0)
		rc = redshift_rows_open(l, NULL, &with, &rows, e);
	if (rc == 0)
		rc = redshift_rows_write(l, rows, "1\n", 2, e);
	if (rc == 0)
		rc = redshift_rows_end(l, rows, &arrived, e);
	redshift_rows_free(rows);
	return rc;
}
