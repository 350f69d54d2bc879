/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"

static const char *const states[] = {
    "PENDING", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"};

/* Rows: from; columns: to; in the order of states. */
static const char *const table[] = {
    ".x..x", /* PENDING is claimed or cancelled */
    "x.xxx", /* PROCESSING is given back or ends */
    "x....", /* what has ended may run again */
    "x....",
    "x....",
};

TEST(the_table_is_the_life_of_a_report)
{
	for (size_t from = 0; from < COUNT(states); from++) {
		for (size_t to = 0; to < COUNT(states); to++)
			assert_int_equal(
			    status_may_become(states[from], states[to]),
			    table[from][to] == 'x');
	}
}

TEST(unknown_words_lead_nowhere)
{
	assert_false(status_may_become("", ""));
	assert_false(status_may_become("pending", "processing"));
	assert_false(status_may_become("PENDING", "RELEASED"));
	assert_false(status_may_become("NEW", "PENDING"));
}

/* Both sides hold the same pairs: the trigger lists them as ('A', 'B'). */
TEST(the_database_enforces_the_same_table)
{
	const char *srcdir = getenv("srcdir");
	char *path =
	    mem_printf("%s/sql/upgrade/013-checks.sql", srcdir ? srcdir : ".");
	char *sql = file_text(path), *trigger, *end;

	assert_non_null(sql);
	trigger = strstr(sql, "create trigger b_transition");
	assert_non_null(trigger);
	end = strchr(trigger, ';');
	assert_non_null(end);
	*end = '\0';
	for (size_t from = 0; from < COUNT(states); from++) {
		for (size_t to = 0; to < COUNT(states); to++) {
			char *pair = mem_printf(
			    "('%s', '%s')", states[from], states[to]);

			assert_int_equal(strstr(trigger, pair) != NULL,
			    table[from][to] == 'x');
			free(pair);
		}
	}
	free(sql);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_table_is_the_life_of_a_report),
	    cmocka_unit_test(unknown_words_lead_nowhere),
	    cmocka_unit_test(the_database_enforces_the_same_table),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
