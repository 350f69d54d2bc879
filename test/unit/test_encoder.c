/* SPDX-License-Identifier: MIT */
#include "encode/encoder.h"

#include <string.h>

#include "encode/table/layout.h"
#include "export/option.h"
#include "helper.h"

static const struct option_rule words[] = {
    {"*", JSON_STRING, "one|two", "a word", NULL}, OPTION_END};
static const struct option_rule margins[] = {
    {"top", JSON_REAL, "0..10", "cm", NULL},
    {"left", JSON_REAL, "0..10", "cm", NULL}, OPTION_END};
static const struct option_rule rules[] = {
    {"words", JSON_ARRAY, NULL, "some", words},
    {"margins", JSON_OBJECT, NULL, "of the page", margins},
    OPTION_END,
};

static const struct option_owner own = {"TEST", rules, NULL};

static int does_nothing(struct encoder *enc, struct err *e)
{
	(void)enc;
	(void)e;
	return 0;
}

static int begins(
    struct encoder *enc, const struct section *section, struct err *e)
{
	(void)section;
	return does_nothing(enc, e);
}

static struct encoder one;

static struct encoder *opens(const struct encoder_options *o, struct err *e)
{
	(void)o;
	(void)e;
	one = (struct encoder){0};
	return &one;
}

static void frees(struct encoder *enc)
{
	(void)enc;
}

static const struct encoder_type type = {
    .name = "TEST",
    .options = {&layout_options, &own},
    .open = opens,
    .begin = begins,
    .end = does_nothing,
    .finish = does_nothing,
    .free = frees,
};

static json_t *json(const char *text)
{
	json_t *v = json_loads(text, 0, NULL);

	assert_non_null(v);
	return v;
}

TEST(sound_options_pass)
{
	static const char *const cases[] = {"{}", "{\"max_rows\": 1}",
	    "{\"columns\": {}}", "{\"columns\": {\"any name\": {}}}",
	    "{\"columns\": {\"a\": {\"width\": 10}, \"b\": {\"width\": 1.5}}}",
	    "{\"words\": []}", "{\"words\": [\"one\", \"two\", \"one\"]}",
	    "{\"margins\": {\"top\": 10, \"left\": 0}}"};
	struct err e;

	assert_int_equal(export_check_options(&type, NULL, &e), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *o = json(cases[i]);

		if (export_check_options(&type, o, &e) != 0)
			fail_msg("%s", e.text);
		json_decref(o);
	}
}

TEST(a_wrong_option_is_named_by_its_path)
{
	static const struct {
		const char *options, *error;
	} cases[] = {
	    {"{\"colour\": 1}", "TEST has no option \"colour\"; known: title, "
				"columns, words, margins, sections, max_rows, "
				"skip_if_empty, snapshot, s3, file"},
	    {"{\"columns\": {\"amount\": {\"wdith\": 1}}}",
		"\"columns.amount\" has no option \"wdith\"; known: label, "
		"format, width, align, total"},
	    {"{\"columns\": []}", "\"columns\" must be an object"},
	    {"{\"columns\": {\"a\": \"sum\"}}",
		"\"columns.a\" must be an object"},
	    {"{\"columns\": {\"a\": {\"width\": \"12\"}}}",
		"\"columns.a.width\" must be a number"},
	    {"{\"columns\": {\"a\": {\"width\": 300}}}",
		"\"columns.a.width\" must be within 1..255"},
	    {"{\"columns\": {\"a\": {\"total\": \"mean\"}}}",
		"\"columns.a.total\" must be one of sum|avg|count|min|max"},
	    {"{\"max_rows\": 1.5}", "\"max_rows\" must be an integer"},
	    {"{\"max_rows\": 0}",
		"\"max_rows\" must be within 1..1000000000000"},
	    {"{\"skip_if_empty\": \"yes\"}",
		"\"skip_if_empty\" must be a boolean"},
	    {"{\"title\": null}", "\"title\" must be a string"},
	    {"{\"words\": \"one\"}", "\"words\" must be an array"},
	    {"{\"words\": [\"one\", 2]}", "\"words[1]\" must be a string"},
	    {"{\"words\": [\"three\"]}", "\"words[0]\" must be one of one|two"},
	    {"{\"margins\": {\"right\": 1}}",
		"\"margins\" has no option \"right\"; known: top, left"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		static const char head[] = "output_options: ";
		json_t *o = json(cases[i].options);
		struct err e;

		assert_int_equal(export_check_options(&type, o, &e), -1);
		assert_int_equal(e.kind, ERR_PERMANENT);
		assert_err_has(&e, head);
		assert_string_equal(e.text + sizeof(head) - 1, cases[i].error);
		json_decref(o);
	}
}

/* Checks options for a report of two sections with the columns a and b. */
static int run(const char *text, int expected, struct err *e)
{
	static struct column a = COLUMN("a", TEXT), b = COLUMN("b", TEXT);
	static const struct schema schemas[] = {{&a, 1}, {&b, 1}};
	json_t *o = json(text);
	struct encoder *enc = encoder_open(&type,
	    &(struct encoder_options){
		.options = o, .expected_sections = expected},
	    e);
	int rc = 0;

	assert_non_null(enc);
	for (int i = 0; i < 2 && rc == 0; i++) {
		struct section s = {.schema = &schemas[i]};

		rc = encoder_begin(enc, &s, e) != 0 || encoder_end(enc, e) != 0
			 ? -1 - i
			 : 0;
	}
	if (rc == 0 && encoder_finish(enc, e) != 0)
		rc = -3;
	encoder_free(enc);
	json_decref(o);
	return rc;
}

TEST(a_column_that_no_section_has_is_refused)
{
	static const char wrong[] = "{\"columns\": {\"b\": {}, \"c\": {}}}";
	struct err e;

	assert_int_equal(
	    run("{\"columns\": {\"a\": {}, \"b\": {}}}", 0, &e), 0);
	assert_int_equal(
	    run("{\"columns\": {\"a\": {}, \"b\": {}}}", 2, &e), 0);
	assert_int_equal(run(wrong, 0, &e), -3);
	assert_err(&e, "output_options: \"columns.c\": no result has such a "
		       "column; the last one's columns: b");
	assert_int_equal(run(wrong, 2, &e), -2);
}

TEST(every_format_knows_the_common_options)
{
	static const char *const names[] = {
	    "max_rows", "skip_if_empty", "columns", "s3"};
	const struct encoder_type *t;

	for (int i = 0; (t = encoder_type_at(i)) != NULL; i++) {
		struct export_owners owners;

		export_owners_of(t, &owners);
		for (size_t k = 0; k < COUNT(names); k++) {
			bool found =
			    option_find_owned(owners.list, names[k]) != NULL;
			/* A table has columns of its own, and lies in no S3. */
			bool wanted = strcmp(t->name, "TABLE") != 0 || k < 2;

			if (found != wanted)
				fail_msg("%s and %s", t->name, names[k]);
		}
		assert_int_equal(
		    option_find_owned(owners.list, "sections") != NULL,
		    strcmp(t->name, "TABLE") != 0);
	}
}

TEST(an_option_has_one_owner)
{
	const struct encoder_type *t;

	for (int i = 0; (t = encoder_type_at(i)) != NULL; i++) {
		struct export_owners owners;

		export_owners_of(t, &owners);
		for (int k = 0; owners.list[k] != NULL; k++) {
			const struct option_rule *o = owners.list[k]->rules;

			for (; o->name != NULL; o++)
				assert_ptr_equal(
				    option_find_owned(owners.list, o->name), o);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sound_options_pass),
	    cmocka_unit_test(a_wrong_option_is_named_by_its_path),
	    cmocka_unit_test(a_column_that_no_section_has_is_refused),
	    cmocka_unit_test(every_format_knows_the_common_options),
	    cmocka_unit_test(an_option_has_one_owner),
	};

	return cmocka_run_group_tests_name("encoder", tests, NULL, NULL);
}
