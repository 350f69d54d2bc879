/* SPDX-License-Identifier: MIT */
#include "export/outputs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "export/export.h"
#include "helper.h"
#include "source/driver.h"

/* ---- a source of two rows ---- */

static int batches;

static int query(
    struct source *s, const char *sql, struct schema *schema, struct err *e)
{
	(void)s;
	(void)sql;
	(void)e;
	schema->columns = mem_zalloc(sizeof(*schema->columns));
	schema->columns[0] = (struct column)COLUMN("n", INTEGER);
	schema->columns[0].name = mem_strdup("n");
	schema->count = 1;
	batches = 1;
	return 0;
}

static int next(struct source *s, struct batch *batch, struct err *e)
{
	static const struct value values[] = {CELL("1"), CELL("2")};

	(void)s;
	(void)e;
	*batch = (struct batch){values, 2};
	return batches-- > 0;
}

static void query_end(struct source *s)
{
	(void)s;
}

static void shape(const struct source *s, const char *sql,
    const struct source_shape *as, struct buf *out)
{
	(void)s;
	(void)as;
	buf_str(out, sql);
}

/* The source could make the whole file itself. */
static bool can_pass(const struct source *s, const struct source_pass *pass)
{
	(void)s;
	(void)pass;
	return true;
}

static const struct source_passing passing = {.can = can_pass};

static const struct source_driver driver = {
    .passing = &passing,
    .query = query,
    .next = next,
    .query_end = query_end,
    .shape = shape,
};

/* ---- the outputs ---- */

struct late {
	struct fake fake;
	char column[8]; /* first column of the schema at open */
};

static int open_late(void *arg, struct export_output *o, const char *partition,
    const struct schema *schema, struct err *e)
{
	struct late *late = arg;

	assert_null(partition);
	snprintf(
	    late->column, sizeof(late->column), "%s", schema->columns[0].name);
	return outputs_chain(o, fake_open(&late->fake), e);
}

/* The output stands for a place that must know the columns: it must get every
 * row, even where the source could make the file itself. */
TEST(an_output_that_waits_for_the_schema_is_opened_with_it)
{
	struct source source = {.driver = &driver};
	struct report_info info = {
	    .title = "t", .author = "", .time_zone = "", .time_text = ""};
	struct export_plan plan;
	struct late late;
	int64_t rows;
	struct err e;

	fake_init(&late.fake);
	assert_int_equal(
	    export_plan_open(&plan, "select 1 as n", "CSV", NULL, &e), 0);
	plan.outputs[0].place = mem_strdup("/one");
	assert_int_equal(export_run(&(struct export_options){.source = &source,
					.plan = &plan,
					.info = &info,
					.watch = &(struct watch){.check = NULL},
					.rows = &rows,
					.open = open_late,
					.arg = &late},
			     &e),
	    0);
	assert_string_equal(late.column, "n");
	assert_string_equal(late.fake.bytes.data, "n\n1\n2\n");
	assert_int_equal(rows, 2);
	assert_int_equal(outputs_finish(&plan, &e), 0);
	assert_int_equal(outputs_bytes(&plan), 6);
	assert_int_equal(outputs_publish(&plan, 0, &e), 0);
	assert_int_equal(late.fake.rows, 2);
	export_plan_free(&plan);
	fake_free(&late.fake);
}

static struct export_plan open_two(struct fake fakes[2])
{
	struct export_plan plan;
	struct err e;

	assert_int_equal(
	    export_plan_open(&plan, "select 1; select 2", "CSV", NULL, &e), 0);
	assert_int_equal(plan.count, 2);
	for (int i = 0; i < 2; i++) {
		fake_init(&fakes[i]);
		plan.outputs[i].place = mem_strdup("/one of two");
		assert_int_equal(
		    outputs_chain(&plan.outputs[i], fake_open(&fakes[i]), &e),
		    0);
	}
	return plan;
}

TEST(a_lease_that_ends_stops_before_the_second_output)
{
	int64_t passed = clock_boot_ms() - 1;
	struct fake fakes[2];
	struct export_plan plan = open_two(fakes);
	struct err e;

	assert_int_equal(outputs_finish(&plan, &e), 0);
	assert_int_equal(outputs_publish(&plan, passed, &e), 1);
	assert_int_equal(fakes[0].published, 1);
	assert_int_equal(fakes[1].published, 0);
	/* publishes the rest */
	assert_int_equal(outputs_publish(&plan, passed, &e), 0);
	assert_int_equal(fakes[0].published, 1);
	assert_int_equal(fakes[1].published, 1);
	export_plan_free(&plan);
	fake_free(&fakes[0]);
	fake_free(&fakes[1]);
}

TEST(an_abort_leaves_what_was_published)
{
	struct fake fakes[2];
	struct export_plan plan = open_two(fakes);
	struct err e;

	fakes[1].fail_publish = true;
	assert_int_equal(outputs_step(&plan, &e), 0);
	assert_int_equal(fakes[0].steps + fakes[1].steps, 2);
	assert_int_equal(outputs_finish(&plan, &e), 0);
	assert_int_equal(outputs_publish(&plan, 0, &e), -1);
	outputs_abort(&plan);
	assert_int_equal(fakes[0].aborted, 0);
	assert_int_equal(fakes[1].aborted, 1);
	export_plan_free(&plan);
	fake_free(&fakes[0]);
	fake_free(&fakes[1]);
}

/* A table of a target comes after files, in the order of its own finish. */
TEST(an_output_that_holds_locks_is_finished_and_published_last)
{
	struct fake fakes[2];
	struct export_plan plan = open_two(fakes);
	struct err e;

	free(plan.outputs[0].place);
	plan.outputs[0].place = mem_strdup("table:dwh/s.t");
	fakes[1].fail_publish = true;
	assert_true(outputs_hold_locks(&plan));
	assert_int_equal(outputs_finish(&plan, &e), 0);
	assert_int_equal(plan.outputs[0].sink->state, SINK_OPEN);
	assert_int_equal(plan.outputs[1].sink->state, SINK_FINISHED);
	assert_int_equal(outputs_finish_locked(&plan, &e), 0);
	assert_int_equal(outputs_publish(&plan, 0, &e), -1);
	assert_int_equal(fakes[0].published, 0);
	export_plan_free(&plan);
	fake_free(&fakes[0]);
	fake_free(&fakes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		an_output_that_waits_for_the_schema_is_opened_with_it),
	    cmocka_unit_test(a_lease_that_ends_stops_before_the_second_output),
	    cmocka_unit_test(an_abort_leaves_what_was_published),
	    cmocka_unit_test(
		an_output_that_holds_locks_is_finished_and_published_last),
	};

	return cmocka_run_group_tests_name("outputs", tests, NULL, NULL);
}
