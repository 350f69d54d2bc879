/* SPDX-License-Identifier: MIT */
#include "export/option.h"
#include "export/outputs.h"

#include <string.h>

#include "helper.h"
#include "sink/digest.h"
#include "sql/upgrade.h"

static json_t *json(const char *text)
{
	json_t *v = json_loads(text, 0, NULL);

	assert_non_null(v);
	return v;
}

static void check_output(const struct export_output *o, const char *name,
    const char *extension, int part)
{
	assert_string_equal(o->type->name, name);
	assert_string_equal(o->extension, extension);
	assert_int_equal(o->part, part);
}

TEST(one_format_and_one_statement)
{
	json_t *options = json("{\"delimiter\": \";\"}");
	struct export_plan p;
	struct err e;

	assert_int_equal(
	    export_plan_open(&p, " select 1 ; ", "CSV", options, &e), 0);
	assert_int_equal(p.count, 1);
	assert_int_equal(p.statement_count, 1);
	assert_string_equal(p.statements[0], "select 1");
	check_output(&p.outputs[0], "CSV", "csv", 0);
	assert_int_equal(export_part(&p.outputs[0]), 1);
	assert_true(json_equal(p.outputs[0].options, options));
	assert_int_equal(p.max_rows, 0);
	assert_false(p.skip_if_empty);
	assert_int_equal(export_plan_check_name(&p, "x", &e), 0);
	export_plan_free(&p);
	json_decref(options);
}

TEST(statements_and_formats_multiply)
{
	struct export_plan p;
	struct err e;

	assert_int_equal(
	    export_plan_open(&p, "select 1; select 2", "JSON, csv", NULL, &e),
	    0);
	assert_int_equal(p.count, 3);
	check_output(&p.outputs[0], "JSON", "json", 0);
	check_output(&p.outputs[1], "CSV", "csv", 1);
	check_output(&p.outputs[2], "CSV", "csv", 2);
	assert_int_equal(export_plan_check_name(&p, "{part}.{ext}", &e), 0);
	assert_int_equal(export_plan_check_name(&p, "{part}", &e), -1);
	assert_err_has(&e, "put {ext} into output_path");
	assert_int_equal(export_plan_check_name(&p, "{ext}", &e), -1);
	assert_err(&e, "export_sql has 2 statements and a CSV file holds the "
		       "result of one: put {part} or {section} into "
		       "output_path");
	export_plan_free(&p);
}

/* Opens a plan of two statements and checks its names with this template. */
static int check_named(
    const char *formats, const char *names, const char *template, struct err *e)
{
	json_t *options =
	    json_pack("{so}", "sections", json_loads(names, 0, NULL));
	struct export_plan p;
	int rc;

	assert_int_equal(
	    export_plan_open(&p, "select 1; select 2", formats, options, e), 0);
	rc = export_plan_check_name(&p, template, e);
	if (rc == 0)
		assert_string_equal(export_section(&p, &p.outputs[1]), "b c");
	export_plan_free(&p);
	json_decref(options);
	return rc;
}

TEST(sections_name_files)
{
	struct err e;

	assert_int_equal(
	    check_named("CSV", "[\"a\", \"b c\"]", "{section}.csv", &e), 0);
	assert_int_equal(
	    check_named("CSV", "[\"a\", \"a/b\"]", "{section}.csv", &e), -1);
	assert_err_has(&e, "it has a slash");
	assert_int_equal(
	    check_named("XLSX", "[\"a\", \"b\"]", "{section}.xlsx", &e), -1);
	assert_err_has(&e, "a XLSX file holds the results of all statements");
}

TEST(options_are_shared_out)
{
	json_t *options =
	    json("{\"max_rows\": 5, \"skip_if_empty\": true, \"compress\": "
		 "\"gzip\", \"columns\": {\"a\": {\"label\": \"A\", "
		 "\"width\": 5}}, \"CSV\": {\"delimiter\": \"|\", "
		 "\"columns\": {\"b\": {\"label\": \"B\"}}}}");
	json_t *csv = json("{\"max_rows\": 5, \"skip_if_empty\": true, "
			   "\"compress\": \"gzip\", \"delimiter\": \"|\", "
			   "\"columns\": {\"a\": {\"label\": \"A\"}, \"b\": "
			   "{\"label\": \"B\"}}}");
	json_t *xlsx = json("{\"max_rows\": 5, \"skip_if_empty\": true, "
			    "\"columns\": {\"a\": {\"label\": \"A\", "
			    "\"width\": 5}}}");
	struct export_plan p;
	struct err e;

	assert_int_equal(
	    export_plan_open(&p, "select 1", "CSV,EXCEL", options, &e), 0);
	check_output(&p.outputs[0], "CSV", "csv.gz", 0);
	check_output(&p.outputs[1], "XLSX", "xlsx", 0);
	assert_true(json_equal(p.outputs[0].options, csv));
	assert_true(json_equal(p.outputs[1].options, xlsx));
	assert_int_equal(p.max_rows, 5);
	assert_true(p.skip_if_empty);
	export_plan_free(&p);
	json_decref(options);
	json_decref(csv);
	json_decref(xlsx);
}

TEST(options_that_need_each_other_are_checked_together)
{
	json_t *options = json("{\"sections\": [\"A\", \"B\"], \"chart\": "
			       "{\"category\": \"k\", \"values\": [\"v\"], "
			       "\"section\": \"B\"}}");
	struct export_plan p;
	struct err e;

	assert_int_equal(export_plan_open(&p, "select 1; select 2",
			     "XLSX,PDF,CSV", options, &e),
	    0);
	export_plan_free(&p);
	json_decref(options);
}

TEST(what_makes_no_sense_is_refused)
{
	static const struct {
		const char *sql, *formats, *options, *error;
	} cases[] = {
	    {"-- ;", "CSV", "{}", "the query is empty"},
	    {"select 1", "ODT", "{}", "there is no format \"ODT\"; known "},
	    {"select 1", "", "{}", "there is no format \"\""},
	    {"select 1", "CSV,", "{}", "there is no format \"\""},
	    {"select 1", "CSV,CSV", "{}", "names CSV twice"},
	    {"select 1", "XLSX,CSV,EXCEL", "{}", "names XLSX twice"},
	    {"select 1", "CSV,XLSX", "{\"x\": 1}",
		"none of the formats has an option \"x\""},
	    {"select 1", "CSV,XLSX", "{\"csv\": {}}",
		"none of the formats has an option \"csv\""},
	    {"select 1", "CSV,XLSX", "{\"CSV\": 1}",
		"\"CSV\" must be an object"},
	    {"select 1", "CSV,XLSX", "{\"CSV\": {\"max_rows\": 1}}",
		"\"max_rows\" is for all formats alike; put it beside \"CSV\""},
	    {"select 1", "CSV,XLSX", "{\"XLSX\": {\"delimiter\": \";\"}}",
		"XLSX: output_options: XLSX has no option \"delimiter\""},
	    {"select 1", "CSV,XLSX", "{\"encoding\": \"SQL_ASCII\"}",
		"CSV must be the only format"},
	    {"select 1", "XLSX,PDF",
		"{\"sections\": [\"A\"], \"chart\": {\"category\": \"k\", "
		"\"values\": [\"v\"], \"section\": \"B\"}}",
		"XLSX: output_options: \"chart\" names the section \"B\", "
		"which "
		"is not one of \"sections\": A"},
	    {"select 1", "JSON", "{\"sections\": [\"a\", \"b\"]}",
		"\"sections\" has 2 names for 1 statement"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *options = json(cases[i].options);
		struct export_plan p;
		struct err e;

		assert_int_equal(export_plan_open(&p, cases[i].sql,
				     cases[i].formats, options, &e),
		    -1);
		assert_err_has(&e, cases[i].error);
		export_plan_free(&p);
		json_decref(options);
	}
}

TEST(too_many_files_are_refused)
{
	struct export_plan p;
	struct buf sql;
	struct err e;

	buf_init(&sql, 4096);
	for (int i = 0; i < 101; i++)
		buf_str(&sql, "select 1;");
	assert_int_equal(export_plan_open(&p, sql.data, "CSV", NULL, &e), -1);
	assert_err_has(&e, "that would be 101 outputs, and 100 are allowed");
	export_plan_free(&p);
	assert_int_equal(export_plan_open(&p, sql.data, "JSON", NULL, &e), 0);
	export_plan_free(&p);
	buf_free(&sql);
}

TEST(parameters_must_not_add_statements)
{
	struct export_plan p;
	struct err e;

	assert_int_equal(
	    export_plan_open(&p, "select :'a'", "CSV", NULL, &e), 0);
	assert_int_equal(export_plan_set_sql(&p, "select ';'", &e), 0);
	assert_string_equal(p.statements[0], "select ';'");
	assert_int_equal(export_plan_set_sql(&p, "select 1; drop", &e), -1);
	assert_err_has(&e, "number of statements");
	export_plan_free(&p);
}

TEST(filters_stand_before_the_place)
{
	static const char *const words[] = {"gzip", "zstd"};

	for (size_t i = 0; i < COUNT(words); i++) {
		json_t *options = json_pack("{ss}", "compress", words[i]);
		struct export_plan p;
		struct fake place;
		struct err e;

		fake_init(&place);
		assert_int_equal(
		    export_plan_open(&p, "select 1", "CSV", options, &e), 0);
		assert_int_equal(
		    outputs_chain(&p.outputs[0], fake_open(&place), &e), 0);
		assert_int_equal(sink_write(p.outputs[0].sink, "x", 1, &e), 0);
		assert_int_equal(sink_finish(p.outputs[0].sink, &e), 0);
		assert_int_equal(place.finished, 1);
		assert_true(place.bytes.len > 1);
		assert_int_equal(
		    digest_bytes(p.outputs[0].digest), place.bytes.len);
		export_plan_free(&p);
		assert_int_equal(place.freed, 1);
		fake_free(&place);
		json_decref(options);
	}
}

static bool in_schema(const char *text)
{
	for (size_t i = 0; i < COUNT(upgrades); i++) {
		if (strstr(upgrades[i].text, text) != NULL)
			return true;
	}
	return false;
}

/* Whether an option of one format among several is refused there. */
static bool is_shared(const char *name)
{
	json_t *own = json_pack("{sb}", name, 1);
	struct err e;
	bool refused = export_check_own("CSV", own, &e) != 0;

	json_decref(own);
	return refused;
}

/* Each format has the options that all share. */
TEST(the_schema_knows_the_options_that_formats_share)
{
	const struct encoder_type *type = encoder_type_named("CSV");
	struct export_owners owners;
	struct buf line;

	buf_init(&line, 1024);
	buf_str(&line, "shared text[] := '{");
	export_owners_of(type, &owners);
	for (int i = 0; owners.list[i] != NULL; i++) {
		const struct option_rule *o = owners.list[i]->rules;

		for (; o->name != NULL; o++) {
			if (is_shared(o->name))
				buf_printf(&line, "%s%s",
				    line.data[line.len - 1] == '{' ? "" : ",",
				    o->name);
		}
	}
	buf_str(&line, "}';");
	assert_true(in_schema(line.data));
	buf_free(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_format_and_one_statement),
	    cmocka_unit_test(statements_and_formats_multiply),
	    cmocka_unit_test(sections_name_files),
	    cmocka_unit_test(options_are_shared_out),
	    cmocka_unit_test(options_that_need_each_other_are_checked_together),
	    cmocka_unit_test(what_makes_no_sense_is_refused),
	    cmocka_unit_test(too_many_files_are_refused),
	    cmocka_unit_test(parameters_must_not_add_statements),
	    cmocka_unit_test(filters_stand_before_the_place),
	    cmocka_unit_test(the_schema_knows_the_options_that_formats_share),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
