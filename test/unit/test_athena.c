/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "helper.h"
#include "source/athena/execution.h"
#include "source/athena/rows.h"
#include "source/athena/zones.h"

/* ---- batches ---- */

static int room_of(int columns)
{
	struct schema schema = {.count = columns};
	struct rows rows;
	struct err e;
	int room;

	assert_int_equal(rows_open(&rows, &schema, NULL, "UTC", &e), 0);
	room = rows.room;
	rows_close(&rows);
	return room;
}

TEST(a_batch_of_many_columns_has_few_rows)
{
	assert_int_equal(room_of(0), 512);
	assert_int_equal(room_of(10), 512);
	assert_in_range(room_of(1000), 16, 32);
	assert_int_equal(room_of(1 << 20), 1);
}

/* ---- zones ---- */

static void put(const char *folder, const char *name, const char *text)
{
	char *path = mem_printf("%s/%s", folder, name);
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	free(path);
}

static void assert_unknown(struct zones *z, const char *name)
{
	int32_t offset;
	struct err e;

	assert_int_equal(
	    zones_offset(z, name, strlen(name), 0, &offset, &e), -1);
	assert_err_has(&e, "does not know the time zone");
}

TEST(what_is_no_file_of_a_zone_is_no_zone)
{
	char folder[] = "/tmp/reportd-zones-XXXXXX";
	static const char *const names[] = {"leapseconds", "short", "Europe"};
	struct zones *z;
	int32_t offset = 0;
	struct err e;
	char *path;

	z = zones_open("UTC", &e);
	assert_non_null(z);
	assert_non_null(mkdtemp(folder));
	path = mem_printf("%s/Europe", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	put(folder, "leapseconds", "# a text about seconds\n");
	put(folder, "short", "TZ");
	setenv("TZDIR", folder, 1);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_unknown(z, names[i]);
	unsetenv("TZDIR");
	assert_int_equal(
	    zones_offset(z, "Asia/Kolkata", 12, 0, &offset, &e), 0);
	assert_int_equal(offset, 5 * 3600 + 1800);
	rmdir(path);
	free(path);
	for (size_t i = 0; i < 2; i++) {
		path = mem_printf("%s/%s", folder, names[i]);
		unlink(path);
		free(path);
	}
	rmdir(folder);
	zones_close(z);
}

/* ---- the search for a statement ---- */

/* The test plays Athena: a list of pages of one statement each. */
static struct {
	int pages, read;
	double begun; /* of each statement */
} athena;

json_t *__wrap_aws_json_call(struct aws *aws, const struct aws_json_call *call,
    char code[static 64], struct err *e);
json_t *__wrap_aws_json_call(struct aws *aws, const struct aws_json_call *call,
    char code[static 64], struct err *e)
{
	(void)aws, (void)code, (void)e;
	if (strcmp(call->target, "AmazonAthena.BatchGetQueryExecution") == 0)
		return json_pack("{s[{ss ss s{sf}}]}", "QueryExecutions",
		    "QueryExecutionId", "other", "Query", "-- other", "Status",
		    "SubmissionDateTime", athena.begun);
	assert_string_equal(call->target, "AmazonAthena.ListQueryExecutions");
	athena.read++;
	return json_pack("{s[s] ss*}", "QueryExecutionIds", "other",
	    "NextToken", athena.read < athena.pages ? "next" : NULL);
}

/* Begun at 0x60000000. */
#define TOKEN "reportd-60000000aaaaaaaaaaaaaaaaaaaaaaaa"

static int search(const char *token, int pages, double begun, struct err *e)
{
	char workgroup[] = "primary";
	struct athena_config config = {.workgroup = workgroup};

	athena.pages = pages;
	athena.read = 0;
	athena.begun = begun;
	return execution_cancel(NULL, &config, token, e);
}

TEST(a_list_that_ends_holds_no_such_statement)
{
	struct err e;

	assert_int_equal(search(TOKEN, 3, 0x60000000, &e), 1);
	assert_int_equal(athena.read, 3);
}

TEST(what_was_begun_before_ends_the_search)
{
	struct err e;

	assert_int_equal(search(TOKEN, 1 << 20, 0x60000000 - 86400, &e), 1);
	assert_int_equal(athena.read, 1);
}

TEST(a_list_that_goes_on_leaves_it_open)
{
	struct err e;

	assert_int_equal(search(TOKEN, 1 << 20, 0x60000000, &e), -1);
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_err_has(&e, TOKEN " is not among the newest");
}

TEST(what_is_no_handle_stops_nothing)
{
	struct err e;

	assert_int_equal(search("", 3, 0x60000000, &e), -1);
	assert_int_equal(search("reportd-", 3, 0x60000000, &e), -1);
	assert_err_has(&e, "is no handle of a statement");
	assert_int_equal(athena.read, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_batch_of_many_columns_has_few_rows),
	    cmocka_unit_test(what_is_no_file_of_a_zone_is_no_zone),
	    cmocka_unit_test(a_list_that_ends_holds_no_such_statement),
	    cmocka_unit_test(what_was_begun_before_ends_the_search),
	    cmocka_unit_test(a_list_that_goes_on_leaves_it_open),
	    cmocka_unit_test(what_is_no_handle_stops_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
