/* SPDX-License-Identifier: MIT */
#include "encode/encoder.h"
#include "source/driver.h"
#include "source/types.h"

#include <string.h>

#include "helper.h"
#include "sql/upgrade.h"

#define TYPE(name)                                          \
	extern const struct source_type source_type_##name; \
	extern const struct source_driver source_##name;
SOURCE_TYPES(TYPE)

static const struct {
	const struct source_type *type;
	const struct source_driver *driver;
} all[] = {
#define BOTH(name) {&source_type_##name, &source_##name},
    SOURCE_TYPES(BOTH)};

TEST(each_type_has_the_driver_that_its_abilities_promise)
{
	for (size_t i = 0; i < COUNT(all); i++) {
		const struct source_type *type = all[i].type;
		const struct source_driver *d = all[i].driver;

		assert_ptr_equal(source_type_at(i), type);
		assert_ptr_equal(source_type_named(type->name), type);
		assert_ptr_equal(d->type, type);
		assert_int_equal(
		    (type->abilities & SOURCE_SCRIPT) != 0, d->script != NULL);
		assert_int_equal((type->abilities & SOURCE_UNLOAD) != 0,
		    d->unloading != NULL);
		assert_int_equal((type->abilities & SOURCE_HORIZON) != 0,
		    d->horizon != NULL);
		assert_true(d->passing == NULL || d->describe != NULL);
		assert_true(d->connect && d->close && d->set_watch && d->alive);
		assert_true(d->protection && d->begin && d->end);
		assert_true(d->query && d->next && d->query_end);
		assert_true(d->shape && d->quote);
		assert_true(type->check && type->mend && type->product);
	}
	assert_null(source_type_at(COUNT(all)));
	assert_null(source_type_named("oracle"));
}

static bool in_schema(const char *text)
{
	for (size_t i = 0; i < COUNT(upgrades); i++) {
		if (strstr(upgrades[i].text, text) != NULL)
			return true;
	}
	return false;
}

/* Each ability has words for a source that lacks it. */
TEST(a_missing_ability_is_said_in_a_sentence)
{
	for (size_t i = 0; i < COUNT(all); i++) {
		struct source_config config = {.type = all[i].type,
		    .name = (char[]){"x"},
		    .section = "source"};

		for (unsigned bit = 1; bit <= SOURCE_INBOX; bit *= 2) {
			bool able = (all[i].type->abilities & bit) != 0;
			struct err e = {.text = ""};

			assert_int_equal(
			    source_type_check(&config, bit, &e), able ? 0 : -1);
			assert_true(able || strstr(e.text, "only ") != NULL);
		}
	}
}

/* The schema refuses a report by the abilities of its source's type. */
TEST(the_schema_knows_the_abilities_of_each_type)
{
	static const char *const names[] = {"script", "snapshot", "unload",
	    "horizon", "files", "target", "inbox"};
	for (size_t i = 0; i < COUNT(all); i++) {
		const struct source_type *type = all[i].type;
		struct buf line;

		buf_init(&line, 1024);
		buf_printf(&line, "('%s', '{", type->name);
		for (unsigned bit = 0; bit < COUNT(names); bit++) {
			if ((type->abilities & 1u << bit) != 0)
				buf_printf(&line, "%s%s",
				    line.data[line.len - 1] == '{' ? "" : ",",
				    names[bit]);
		}
		buf_str(&line, "}'");
		assert_int_equal(type->abilities >> COUNT(names), 0);
		assert_true(in_schema(line.data));
		buf_free(&line);
	}
}

/* ... and by what it unloads. */
TEST(the_schema_knows_the_formats_that_each_type_unloads)
{
	struct buf rows;

	buf_init(&rows, 4096);
	for (size_t i = 0; i < COUNT(all); i++) {
		const struct source_type *type = all[i].type;
		const struct source_unloads *u = type->unloads;

		assert_int_equal(
		    (type->abilities & SOURCE_UNLOAD) != 0, u != NULL);
		for (; u != NULL && u->format != NULL; u++) {
			buf_printf(&rows, "%s('%s', '%s', '%s'",
			    rows.len ? "),\n\t\t" : "", type->name, u->format,
			    u->options);
			assert_true(encoder_type_named(u->format)->unload);
		}
	}
	buf_str(&rows, ")\n$$");
	assert_true(in_schema(rows.data));
	buf_free(&rows);
}

/* A format has the option "unload" when a source can write it. */
TEST(a_format_that_may_be_unloaded_has_a_source_that_does)
{
	const struct encoder_type *format;

	for (int n = 0; (format = encoder_type_at(n)) != NULL; n++) {
		bool able = false;

		for (size_t i = 0; i < COUNT(all); i++) {
			const struct source_unloads *u = all[i].type->unloads;

			for (; u != NULL && u->format != NULL; u++)
				able |= strcmp(u->format, format->name) == 0;
		}
		assert_int_equal(format->unload, able);
	}
}

TEST(an_unload_takes_the_formats_and_options_of_its_type)
{
	static const struct {
		const char *type, *format, *options, *error;
	} cases[] = {
	    {"redshift", "CSV", "{\"unload\": true, \"null\": \"-\"}", NULL},
	    {"redshift", "PARQUET", "{\"s3\": {}}", NULL},
	    {"athena", "PARQUET", "{\"skip_if_empty\": true}", NULL},
	    {"athena", "CSV", "{}",
		"unload: Athena cannot write CSV; it can PARQUET"},
	    {"snowflake", "JSON", "{}",
		"unload: Snowflake cannot write JSON; it can CSV, JSONL and "
		"PARQUET"},
	    {"redshift", "JSONL", "{\"header\": true}",
		"unload: Redshift cannot do \"header\" when it writes JSONL; "
		"it can compress, skip_if_empty, s3"},
	    {"redshift", "JSONL", "{\"skip\": true}",
		"unload: Redshift cannot do \"skip\" when it writes JSONL; "
		"it can compress, skip_if_empty, s3"},
	    {"athena", "PARQUET", "{\"\": true}",
		"unload: Athena cannot do \"\" when it writes PARQUET; "
		"it can skip_if_empty, s3"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *options = json_loads(cases[i].options, 0, NULL);
		struct err e;
		int rc =
		    source_type_check_unload(source_type_named(cases[i].type),
			cases[i].format, options, &e);

		assert_int_equal(rc, cases[i].error ? -1 : 0);
		if (cases[i].error != NULL)
			assert_err(&e, cases[i].error);
		json_decref(options);
	}
}

/* A type of source that can only read, with settings of each kind. */

struct plain_config {
	struct source_config base;
	char *url, *token;
	int64_t wait;
	bool fast;
};

static const struct key plain_keys[] = {
    {"source", "url", T_TEXT, offsetof(struct plain_config, url), "http://x", 0,
	0, NULL, "where it is"},
    {"source", "token", T_SECRET, offsetof(struct plain_config, token), NULL, 0,
	0, NULL, "what it is shown"},
    {"source", "wait", T_TIME, offsetof(struct plain_config, wait), "5s", 0,
	60000, NULL, "how long it is asked"},
    {"source", "fast", T_BOOL, offsetof(struct plain_config, fast), "on", 0, 0,
	NULL, "whether it is in a hurry"},
};

static const struct source_type plain_type = {
    .name = "plain",
    .product = "Plain",
    .size = sizeof(struct plain_config),
    .keys = plain_keys,
    .key_count = COUNT(plain_keys),
};

static int plain_query(
    struct source *s, const char *sql, struct schema *schema, struct err *e)
{
	(void)s;
	schema->columns = calloc(1, sizeof(*schema->columns));
	schema->columns[0].name = strdup("half");
	schema->count = 1;
	return strcmp(sql, "bad") == 0 ? err_set(e, ERR_PERMANENT, "bad SQL")
				       : 0;
}

static const struct source_driver plain_driver = {
    .type = &plain_type,
    .query = plain_query,
};

static struct source_config *plain_open(void)
{
	return source_config_open(&plain_type, "p");
}

TEST(settings_are_packed_by_the_table_alone)
{
	struct source_config *config = plain_open(), *back;
	struct plain_config *p = (struct plain_config *)config;
	json_t *packed = json_object();
	char *text;
	struct err e;

	assert_string_equal(p->url, "http://x");
	assert_int_equal(p->wait, 5000);
	assert_int_equal(
	    key_set(source_type_key(&plain_type, "wait"), p, "2min", &e), -1);
	assert_err(&e,
	    "wait = 2min: must be a time such as 500ms, 30s, 10min, 2h or 7d "
	    "from 0 to 1min");
	source_config_pack(config, packed);
	text = json_dumps(packed, JSON_COMPACT);
	assert_string_equal(
	    text, "{\"url\":\"http://x\",\"wait\":5000,\"fast\":true}");
	json_object_set_new(packed, "token", json_string("t"));
	back = source_config_unpack(&plain_type, "q", packed);
	p = (struct plain_config *)back;
	assert_string_equal(p->token, "t");
	assert_string_equal(back->name, "q");
	assert_true(p->fast);
	source_config_free(back);
	source_config_free(config);
	json_decref(packed);
	free(text);
}

TEST(a_missing_ability_names_those_who_have_it)
{
	struct source_config *config = plain_open();
	struct source s = {&plain_driver, config};
	struct err e;

	assert_int_equal(source_check(&s, 0, &e), 0);
	assert_int_equal(source_check(&s, SOURCE_SCRIPT, &e), -1);
	assert_err(&e,
	    "prep_sql: [source.p] is of type plain; only PostgreSQL or "
	    "Redshift or Snowflake or Athena can show what it leaves to the "
	    "export. "
	    "Leave it out");
	assert_int_equal(
	    source_check(&s, SOURCE_SNAPSHOT | SOURCE_UNLOAD, &e), -1);
	assert_err_has(
	    &e, "several statements: [source.p] is of type plain; only ");
	assert_int_equal(source_check(&s, SOURCE_UNLOAD, &e), -1);
	assert_err(&e, "unload: [source.p] is of type plain; only Redshift or "
		       "Snowflake or "
		       "Athena can unload. "
		       "Leave the option out");
	source_config_free(config);
}

TEST(functions_that_a_driver_leaves_out_have_an_answer)
{
	struct source_config *config = plain_open();
	struct source s = {&plain_driver, config};
	struct schema schema;
	char *why = NULL;
	struct err e;

	assert_int_equal(source_danger(&s, &why, &e), 0);
	assert_null(why);
	source_reset(&s);
	assert_false(source_can_pass(&s, &(struct source_pass){.sql = "x"}));
	assert_null(source_unload_to(&s));
	assert_int_equal(source_raw_text(&s, true, &e), -1);
	assert_err(
	    &e, "[source.p] is of type plain, which gives text in UTF8 only");
	assert_int_equal(source_describe(&s, "x", &schema, &e), -1);
	assert_int_equal(schema.count, 0);
	e.text[0] = '\0';
	source_advise(&s, "x", true, &e);
	assert_err(&e, "");
	source_config_free(config);
}

TEST(a_query_that_fails_leaves_no_schema)
{
	struct source_config *config = plain_open();
	struct source s = {&plain_driver, config};
	struct schema schema;
	struct err e;

	assert_int_equal(source_query(&s, "bad", &schema, &e), -1);
	assert_null(schema.columns);
	assert_int_equal(source_query(&s, "good", &schema, &e), 0);
	assert_int_equal(schema.count, 1);
	schema_free(&schema);
	source_config_free(config);
}

static struct source_moment told;

static int telling_horizon(
    struct source *s, struct source_moment *moment, struct err *e)
{
	(void)s, (void)e;
	*moment = told;
	return 0;
}

TEST(a_horizon_that_the_queue_cannot_record_is_an_error)
{
	static const struct source_driver driver = {
	    .type = &plain_type,
	    .horizon = telling_horizon,
	};
	static const struct source_moment lies[] = {
	    {.known = true, .at_us = INT64_MAX},
	    {.known = true, .at_us = -1},
	    {.now_us = INT64_MIN},
	    {.now_us = 1},
	    {.known = true, .holder = {.pid = INT64_C(1) << 31}},
	    {.known = true, .holder = {.pid = 1, .age_s = -1}},
	};
	struct source_config *config = plain_open();
	struct source s = {&driver, config};
	struct source_horizon horizon;
	struct err e;

	for (size_t i = 0; i < COUNT(lies); i++) {
		told = lies[i];
		assert_int_equal(source_horizon(&s, 1000, &horizon, &e), -1);
		assert_err_has(&e, "[source.p] told a horizon that is no time");
	}
	told = (struct source_moment){
	    .known = true, .at_us = INT64_C(253402300799999999) / 2};
	assert_int_equal(source_horizon(&s, 0, &horizon, &e), 0);
	assert_string_equal(horizon.at, "5984-12-31 11:59:59.999999+00");
	source_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		each_type_has_the_driver_that_its_abilities_promise),
	    cmocka_unit_test(the_schema_knows_the_abilities_of_each_type),
	    cmocka_unit_test(
		the_schema_knows_the_formats_that_each_type_unloads),
	    cmocka_unit_test(
		a_format_that_may_be_unloaded_has_a_source_that_does),
	    cmocka_unit_test(
		an_unload_takes_the_formats_and_options_of_its_type),
	    cmocka_unit_test(a_missing_ability_is_said_in_a_sentence),
	    cmocka_unit_test(settings_are_packed_by_the_table_alone),
	    cmocka_unit_test(a_missing_ability_names_those_who_have_it),
	    cmocka_unit_test(functions_that_a_driver_leaves_out_have_an_answer),
	    cmocka_unit_test(a_query_that_fails_leaves_no_schema),
	    cmocka_unit_test(
		a_horizon_that_the_queue_cannot_record_is_an_error),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
