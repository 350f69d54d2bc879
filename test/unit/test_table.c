/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"
#include "place/table/address.h"
#include "place/table/csv.h"
#include "place/table/made.h"
#include "place/table/option.h"
#include "place/table/plan.h"

/* ---- addresses ---- */

static void assert_names(
    const char *address, const char *target, const char *sql)
{
	struct table_address at;
	struct err e = {.text = ""};
	struct buf b;

	assert_int_equal(table_address_read(address, &at, &e), 0);
	assert_string_equal(at.target, target);
	buf_init(&b, 1024);
	table_add_table(&b, &at);
	assert_string_equal(b.data, sql);
	buf_free(&b);
}

TEST(names_are_read_as_sql_reads_them)
{
	assert_names("table:dwh/s.t", "dwh", "\"s\".\"t\"");
	assert_names("table:d_2/S.My$T1", "d_2", "\"s\".\"my$t1\"");
	assert_names("table:d/\"S\".\"a.b\"", "d", "\"S\".\"a.b\"");
	assert_names(
	    "table:d/s.\"q\"\"q/{x}%d\"", "d", "\"s\".\"q\"\"q/{x}%d\"");
	assert_names("table:d/s.\xC3\xA4", "d", "\"s\".\"\xC3\xA4\"");
}

static void assert_no_address(const char *address, const char *said)
{
	struct table_address at;
	struct err e = {.text = ""};

	assert_int_equal(table_address_read(address, &at, &e), -1);
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_non_null(strstr(e.text, said));
}

TEST(what_names_no_table_is_refused)
{
	static const char *const bad[] = {"table:", "table:dwh", "table:dwh/",
	    "table:dwh/t", "table:dwh/s.", "table:dwh/.t", "table:dwh/s.t.u",
	    "table:dwh/s.t ", "table:dwh/s.\"\"", "table:dwh/s.\"t",
	    "table:dwh/s.\"t\"x", "table:Dwh/s.t", "table:/s.t",
	    "table:dwh/1.t", "table:dwh/s.t;drop", "s.t", ""};
	char *long_name = mem_printf("table:dwh/s.\"%064d\"", 0);
	char *longest = mem_printf("table:dwh/s.\"%063d\"", 0);
	struct table_address at;
	struct err e;

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_no_address(bad[i], "names no table of a target");
	assert_no_address("table:dwh/s.\"a\nb\"", "control characters");
	assert_no_address("table:dwh/pg_catalog.pg_class", "the schema pg_cat");
	assert_no_address("table:dwh/\"pg_x\".t", "the schema pg_x");
	assert_no_address("table:dwh/Information_Schema.t", "the schema info");
	assert_no_address("table:dwh/reportd.report_run", "the schema reportd");
	assert_no_address(long_name, "at most 63 bytes");
	assert_int_equal(table_address_read(longest, &at, &e), 0);
	free(long_name);
	free(longest);
}

/* ---- options ---- */

TEST(options_must_fit_together)
{
	static const struct {
		const char *options, *said;
	} all[] = {{"{}", ""}, {"{\"mode\": \"replace\"}", ""},
	    {"{\"mode\": \"upsert\", \"key\": [\"a\"]}", ""},
	    {"{\"create\": true, \"key\": [\"a\"]}", ""},
	    {"{\"mode\": \"upsert\"}", "needs \"key\""},
	    {"{\"key\": [\"a\"]}", "\"key\" is for the mode"},
	    {"{\"order_by\": [\"a\"]}", "\"order_by\" is for the mode"}};

	for (size_t i = 0; i < COUNT(all); i++) {
		struct err e = {.text = ""};
		json_t *o = json_loads(all[i].options, 0, NULL);

		assert_int_equal(
		    table_check_options(o, &e), *all[i].said == '\0' ? 0 : -1);
		assert_non_null(strstr(e.text, all[i].said));
		json_decref(o);
	}
}

/* ---- types ---- */

static void assert_made(struct column c, const char *type)
{
	struct buf b;

	buf_init(&b, 256);
	made_type(&c, &b);
	assert_string_equal(b.data, type);
	buf_free(&b);
}

TEST(a_made_column_holds_each_value_of_its_kind)
{
	struct column lists = {.kind = KIND_ARRAY, .element = KIND_ARRAY};

	assert_made(
	    (struct column){.kind = KIND_INTEGER, .size = 2}, "smallint");
	assert_made(
	    (struct column){.kind = KIND_INTEGER, .size = 4}, "integer");
	assert_made((struct column){.kind = KIND_INTEGER, .size = 8}, "bigint");
	assert_made((struct column){.kind = KIND_FLOAT, .size = 4}, "real");
	assert_made((struct column){.kind = KIND_DECIMAL}, "numeric");
	assert_made(
	    (struct column){.kind = KIND_DECIMAL, .precision = 8, .scale = 2},
	    "numeric(8,2)");
	assert_made((struct column){.kind = KIND_OTHER}, "text");
	assert_made((struct column){.kind = KIND_ARRAY,
			.element = KIND_INTEGER,
			.size = 2,
			.delimiter = ','},
	    "smallint[]");
	assert_made(
	    (struct column){.kind = KIND_ARRAY, .element = KIND_OTHER}, "text");
	lists.of = &lists;
	assert_made(lists, "text");
}

/* ---- statements ---- */

static void assert_statement(const struct table_plan *p,
    void (*make)(const struct table_plan *, struct buf *), const char *sql)
{
	struct buf b;

	buf_init(&b, 4096);
	make(p, &b);
	assert_string_equal(b.data, sql);
	buf_free(&b);
}

TEST(statements_quote_every_name_and_update_what_is_no_key)
{
	struct table_field fields[] = {{.name = (char[]){"\"id\""},
					   .type = (char[]){"integer"},
					   .key = true},
	    {.name = (char[]){"\"a \"\"b\""}, .type = (char[]){"text"}},
	    {.name = (char[]){"\"m\""},
		.type = (char[]){"numeric"},
		.cast = (char[]){"money"}},
	    {.name = (char[]){"\"auto\""},
		.type = (char[]){"bigint"},
		.always = true}};
	struct table_plan p = {.table = "\"s\".\"t\"",
	    .only = true,
	    .choice = {.mode = TABLE_UPSERT},
	    .order = (char[]){", \"at\" desc nulls last"},
	    .fields = fields,
	    .count = 4};

	assert_statement(&p, plan_insert,
	    "insert into \"s\".\"t\" (\"id\", \"a \"\"b\", \"m\", \"auto\") "
	    "overriding system value select distinct on (\"id\") \"id\", "
	    "\"a \"\"b\", cast(\"m\" as money), \"auto\" from "
	    "pg_temp.reportd_stage order by \"id\", \"at\" desc nulls last on "
	    "conflict (\"id\") do update set \"a \"\"b\" = excluded.\"a "
	    "\"\"b\", \"m\" = excluded.\"m\"");
	assert_statement(
	    &p, plan_lock, "lock table only \"s\".\"t\" in row exclusive mode");
	p.choice.mode = TABLE_REPLACE;
	assert_statement(&p, plan_lock,
	    "lock table only \"s\".\"t\" in share row exclusive mode");
	assert_statement(&p, plan_delete, "delete from only \"s\".\"t\"");
	p.only = false;
	assert_statement(&p, plan_lock,
	    "lock table \"s\".\"t\" in share row exclusive mode");
	p.adds = true;
	assert_statement(
	    &p, plan_lock, "lock table \"s\".\"t\" in access exclusive mode");
	p.only = true;
	p.adds = false;
	p.choice.mode = TABLE_APPEND;
	p.order = NULL;
	p.count = 1;
	assert_statement(&p, plan_copy,
	    "copy \"s\".\"t\" (\"id\") from stdin with (format text, encoding "
	    "'UTF8')");
	p.staged = true;
	assert_statement(&p, plan_copy,
	    "copy pg_temp.reportd_stage (\"id\") from stdin with (format text, "
	    "encoding 'UTF8')");
	p.choice.mode = TABLE_UPSERT;
	assert_statement(&p, plan_insert,
	    "insert into \"s\".\"t\" (\"id\") overriding system value select "
	    "\"id\" from pg_temp.reportd_stage order by \"id\" on conflict "
	    "(\"id\") do nothing");
}

/* ---- files ---- */

/* The text arrives in pieces of each size. */
static void assert_rows(
    const char *text, bool header, int64_t rows, int64_t stopper)
{
	size_t len = strlen(text);

	for (size_t n = 1; n <= len; n++) {
		struct table_csv c;
		struct err e;

		table_csv_begin(&c, header);
		for (size_t at = 0; at < len; at += n)
			table_csv_count(
			    &c, text + at, len - at < n ? len - at : n);
		assert_int_equal(table_csv_check(&c, rows, &e), 0);
		assert_int_equal(table_csv_check(&c, rows - 1, &e), -1);
		assert_int_equal(c.stopper, stopper);
		assert_int_equal(
		    strstr(e.text, "\\. alone") != NULL, stopper > 0);
	}
}

TEST(rows_of_a_file_are_counted_as_copy_reads_them)
{
	assert_rows("a,b\n1,2\n", true, 1, 0);
	assert_rows("1,2\r\n3,4\r\n", false, 2, 0);
	assert_rows("\"a\nb\",2\n\"\"\"\n\"\"\",4\n", false, 2, 0);
	assert_rows("a\n\n\n", true, 2, 0);
	assert_rows("a\nx\n\\.\ny\n", true, 3, 3);
	assert_rows("a\r\n\\.\r\n", true, 1, 2);
	assert_rows("a\n\"x\n\\.\n\"\n", true, 1, 0);
	assert_rows("a\n\"\\.\"\n \\.\n\\..\n\\.x\n", true, 4, 0);
	assert_rows("\"a\nb\"\n\\.\n", true, 1, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_read_as_sql_reads_them),
	    cmocka_unit_test(what_names_no_table_is_refused),
	    cmocka_unit_test(options_must_fit_together),
	    cmocka_unit_test(a_made_column_holds_each_value_of_its_kind),
	    cmocka_unit_test(
		statements_quote_every_name_and_update_what_is_no_key),
	    cmocka_unit_test(rows_of_a_file_are_counted_as_copy_reads_them),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
