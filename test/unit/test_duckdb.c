/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/scratch.h"
#include "source/duckdb/config.h"
#include "source/duckdb/dialect.h"
#include "source/duckdb/fence.h"
#include "source/duckdb/problem.h"
#include "source/instant.h"
#include "source/number.h"

#include "helper.h"

static struct powers *powers;

#define assert_text(call, expected)                   \
	do {                                          \
		char to_[NUMBER_MAX + 1] = {0};       \
		char *to = to_;                       \
		size_t len_ = (call);                 \
		assert_true(len_ <= NUMBER_MAX);      \
		to_[len_] = '\0';                     \
		assert_string_equal(to_, (expected)); \
	} while (0)

TEST(whole_numbers_of_each_size)
{
	assert_text(number_unsigned(0, to), "0");
	assert_text(number_unsigned(UINT64_MAX, to), "18446744073709551615");
	assert_text(number_signed(INT64_MIN, to), "-9223372036854775808");
	assert_text(number_signed(-10, to), "-10");
	assert_text(number_uhuge(~(uhuge)0, to),
	    "340282366920938463463374607431768211455");
	assert_text(
	    number_uhuge((uhuge)UINT64_MAX + 1, to), "18446744073709551616");
	assert_text(number_decimal((huge)((uhuge)1 << 127), 0, to),
	    "-170141183460469231731687303715884105728");
}

TEST(decimals_have_all_digits_of_their_scale)
{
	assert_text(number_decimal(150, 2, to), "1.50");
	assert_text(number_decimal(-5, 2, to), "-0.05");
	assert_text(number_decimal(0, 3, to), "0.000");
	assert_text(number_decimal(-1, 38, to),
	    "-0.00000000000000000000000000000000000001");
	assert_text(number_decimal((huge)10000000000000000000u * 100, 2, to),
	    "10000000000000000000.00");
}

TEST(floats_are_written_as_postgresql_does)
{
	assert_text(number_double(powers, 0.1, to), "0.1");
	assert_text(number_double(powers, -0.0, to), "-0");
	assert_text(number_double(powers, 100, to), "100");
	assert_text(number_double(powers, 0.0001, to), "0.0001");
	assert_text(number_double(powers, 0.00001, to), "1e-05");
	assert_text(number_double(powers, 1e14, to), "100000000000000");
	assert_text(number_double(powers, 1e15, to), "1e+15");
	assert_text(number_double(powers, 123456789012345680, to),
	    "1.2345678901234568e+17");
	assert_text(number_double(powers, 1.0 / 3, to), "0.3333333333333333");
	assert_text(number_double(powers, 5e-324, to), "5e-324");
	assert_text(
	    number_double(powers, DBL_MIN, to), "2.2250738585072014e-308");
	assert_text(
	    number_double(powers, DBL_MAX, to), "1.7976931348623157e+308");
	assert_text(number_double(powers, 9007199254740992, to),
	    "9.007199254740992e+15");
	assert_text(number_double(powers, (double)NAN, to), "NaN");
	assert_text(number_double(powers, (double)-INFINITY, to), "-Infinity");
	assert_text(number_float(0.1f, to), "0.1");
	assert_text(number_float(1234567.0f, to), "1.234567e+06");
	assert_text(number_float(123456.0f, to), "123456");
	assert_text(number_float(1e-45f, to), "1e-45");
	assert_text(number_float(-FLT_MAX, to), "-3.4028235e+38");
	assert_text(number_float(100.0f, to), "100");
	assert_text(number_float(0.5f, to), "0.5");
}

/* Returns the least number of digits that read as v, by trying. */
static int fewest_digits(double v, char to[64])
{
	int n = 1;

	while (snprintf(to, 64, "%.*e", n - 1, v) > 0 && strtod(to, NULL) != v)
		n++;
	return n;
}

static int digits_in(const char *text)
{
	int n = 0, zeros = 0;

	for (; *text != '\0' && *text != 'e'; text++) {
		if (*text < '0' || *text > '9' || (n == 0 && *text == '0'))
			continue;
		n++;
		zeros = *text == '0' ? zeros + 1 : 0;
	}
	return n - zeros;
}

/* Valgrind gives a long double the bits of a double, and does not know the
 * calls of Landlock. */
static bool under_valgrind(void)
{
	volatile long double one = 1, tiny = LDBL_EPSILON;

	return one + tiny == one;
}

/* Says whether the text lies in the middle between v and a neighbour. */
static bool is_halfway(const char *text, double v)
{
	long double off = fabsl(strtold(text, NULL) - v);

	return off * 2 == nextafter(v, INFINITY) - (long double)v ||
	       off * 2 == (long double)v - nextafter(v, 0);
}

/* As many digits as are needed, and the nearest of such numbers: printf rounds
 * to the nearest one. A power of two has a smaller gap below than above, and
 * then fewer digits than printf's may do. */
static void assert_shortest(double v)
{
	char text[NUMBER_MAX + 1], tried[64];
	int fewest = fewest_digits(v, tried), digits;

	text[number_double(powers, v, text)] = '\0';
	digits = digits_in(text);
	assert_true(strtod(text, NULL) == v);
	if (digits < fewest)
		assert_true(frexp(v, &fewest) == 0.5);
	else if (digits > fewest)
		assert_true(under_valgrind() || is_halfway(tried, v));
	else if (fewest > 1)
		assert_true(strtold(text, NULL) == strtold(tried, NULL));
}

TEST(a_double_is_read_back_from_as_few_digits_as_can_be)
{
	uint64_t bits = 0x9E3779B97F4A7C15;

	for (int i = 0; i < 60000; i++) {
		double v;

		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		memcpy(&v, &bits, sizeof(v));
		if (isfinite(v) && v != 0)
			assert_shortest(fabs(v));
		assert_shortest((double)(bits >> 11) / 4096);
		assert_shortest((double)(bits % 1000000007) * 0.37);
		assert_shortest((double)(bits % 100000) / 100 + 0.01);
	}
	assert_shortest(
	    91676314079695808); /* 9.16763140796958e+16 is halfway */
	for (int e = -1074; e < 1024; e++)
		assert_shortest(ldexp(1, e));
}

TEST(dates_of_all_ages)
{
	assert_text(instant_date(0, to), "1970-01-01");
	assert_text(instant_date(-1, to), "1969-12-31");
	assert_text(instant_date(11016, to), "2000-02-29");
	assert_text(instant_date(-719162, to), "0001-01-01");
	assert_text(instant_date(-719163, to), "0001-12-31 BC");
	assert_text(instant_date(-735160, to), "0044-03-15 BC");
	assert_text(instant_date(2147483646, to), "5881580-07-10");
	assert_text(instant_date(INT32_MAX, to), "infinity");
	assert_text(instant_date(-INT32_MAX, to), "-infinity");
}

TEST(times_show_the_digits_that_count)
{
	assert_text(instant_time(0, to), "00:00:00");
	assert_text(instant_time(INT64_C(86400000000), to), "24:00:00");
	assert_text(instant_time(INT64_C(34200250000), to), "09:30:00.25");
	assert_text(instant_time(1, to), "00:00:00.000001");
	assert_text(instant_timetz(0, 3600, to), "00:00:00+01");
	assert_text(instant_timetz(0, -19800, to), "00:00:00-05:30");
	assert_text(instant_timetz(0, 3208, to), "00:00:00+00:53:28");
	assert_text(instant_timestamp(-1, to), "1969-12-31 23:59:59.999999");
	assert_text(instant_timestamp(INT64_MAX, to), "infinity");
}

TEST(a_zone_changes_its_offset_within_a_day)
{
	const int64_t second = INSTANT_SECOND;
	struct err e;
	struct zone *z = zone_open("Europe/Berlin", &e);

	assert_non_null(z);
	/* 2026-03-29 01:00 UTC */
	for (int i = 0; i < 2; i++) {
		assert_text(instant_timestamptz(z, 1774746000 * second - 1, to),
		    "2026-03-29 01:59:59.999999+01");
		assert_text(instant_timestamptz(z, 1774746000 * second, to),
		    "2026-03-29 03:00:00+02");
		assert_text(
		    instant_timestamptz(z, 0, to), "1970-01-01 01:00:00+01");
	}
	assert_text(instant_timestamptz(z, -(int64_t)2524521600 * second, to),
	    "1890-01-01 00:53:28+00:53:28");
	zone_close(z);
	assert_null(zone_open("Europe/Nowhere", &e));
	assert_err_has(&e, "does not know the time zone Europe/Nowhere");
}

TEST(an_error_has_its_sqlstate_and_one_line)
{
	struct err e;

	problem_of_text(
	    "Parser Error: syntax error at or near \"selec\"\n\nLINE "
	    "3: selec 1\n        ^",
	    &e);
	assert_err(&e, "syntax error at or near \"selec\" (line 3)");
	assert_string_equal(e.sqlstate, "42601");
	assert_int_equal(e.kind, ERR_PERMANENT);
	problem_of_text("IO Error: No files found\nthat match", &e);
	assert_err(&e, "No files found that match");
	assert_int_equal(e.kind, ERR_TRANSIENT);
	problem_of_text("something else", &e);
	assert_err(&e, "something else");
	assert_string_equal(e.sqlstate, "XX000");
	assert_int_equal(e.kind, ERR_PERMANENT);
}

TEST(a_lack_of_memory_gives_no_advice_that_a_report_cannot_follow)
{
	struct err e;

	problem_of_text("Out of Memory Error: failed to allocate data of size "
			"16.0 MiB (114.2 MiB/128.0 MiB used)\nDatabase is "
			"launched in in-memory mode\n\nPossible solutions:\n",
	    &e);
	assert_err(&e,
	    "failed to allocate data of size 16.0 MiB (114.2 MiB/128.0 MiB "
	    "used)");
	assert_string_equal(e.sqlstate, "53200");
	assert_int_equal(e.kind, ERR_TRANSIENT);
}

TEST(a_query_is_wrapped_and_an_explain_is_not)
{
	json_t *by = json_pack("[ss]", "a", "b\"c");
	struct buf b;

	buf_init(&b, 4096);
	duckdb_wrap("select 1 -- end", &(struct source_shape){.limit = 5}, &b);
	assert_string_equal(
	    b.data, "select * from (select 1 -- end\n) as first_rows limit 5");
	buf_clear(&b);
	duckdb_wrap("from t", &(struct source_shape){.sort_by = by}, &b);
	assert_string_equal(b.data,
	    "select * from (from t\n) as sorted_rows order by concat(\"a\"), "
	    "concat(\"b\"\"c\")");
	buf_clear(&b);
	duckdb_wrap("/**/ explain select 1",
	    &(struct source_shape){.limit = 5, .sort_by = by}, &b);
	assert_string_equal(b.data, "/**/ explain select 1");
	buf_free(&b);
	json_decref(by);
}

/* ---- settings ---- */

static void assert_setting(const char *key, const char *value, const char *why)
{
	struct source_config *config =
	    source_config_open(&source_type_duckdb, "lake");
	struct err e = {.text = ""};

	assert_int_equal(key_set(source_type_key(&source_type_duckdb, key),
			     config, value, &e),
	    0);
	assert_int_equal(
	    source_type_duckdb.check(config, &e), why != NULL ? -1 : 0);
	if (why != NULL)
		assert_err_has(&e, why);
	source_config_free(config);
}

TEST(folders_are_paths_that_do_not_depend_on_anything)
{
	assert_setting("folders", "/srv/lake , /srv/in", NULL);
	assert_setting(
	    "folders", "lake", "[source.lake] folders: \"lake\" must");
	assert_setting("folders", "/srv/a,../b", "\"../b\" must be a path");
	assert_setting("folders", "/", "\"/\" must be a path");
	assert_setting("folders", "/./", "is not the root");
	assert_setting("folders", "//../", "is not the root");
	assert_setting(
	    "database", "sales.duckdb", "database: \"sales.duckdb\"");
	assert_setting("temp_directory", "tmp", "temp_directory: \"tmp\"");
	assert_setting("library", "libduckdb.so.1", NULL);
	assert_setting(
	    "library", "./libduckdb.so", "library: \"./libduckdb.so\"");
}

TEST(nobody_reads_what_others_spill)
{
	struct source_config *config =
	    source_config_open(&source_type_duckdb, "lake");
	struct err e;

	assert_int_equal(
	    key_set(source_type_key(&source_type_duckdb, "folders"), config,
		"/srv/in, /srv/lake", &e),
	    0);
	assert_int_equal(
	    key_set(source_type_key(&source_type_duckdb, "temp_directory"),
		config, "/srv/lakeside", &e),
	    0);
	assert_int_equal(source_type_duckdb.check(config, &e), 0);
	assert_int_equal(
	    key_set(source_type_key(&source_type_duckdb, "temp_directory"),
		config, "/srv//lake/tmp", &e),
	    0);
	assert_int_equal(source_type_duckdb.check(config, &e), -1);
	assert_err_has(&e, "/srv//lake/tmp lies within /srv/lake of its");
	source_config_free(config);
}

TEST(the_folders_of_a_list)
{
	const char *at = " /a b ,, /c/d\t, ";
	char *first = duckdb_next_folder(&at),
	     *second = duckdb_next_folder(&at);

	assert_string_equal(first, "/a b");
	assert_string_equal(second, "/c/d");
	assert_null(duckdb_next_folder(&at));
	at = NULL;
	assert_null(duckdb_next_folder(&at));
	free(first);
	free(second);
}

/* ---- the folder for what spills ---- */

TEST(a_scratch_folder_is_private_and_leaves_nothing)
{
	char *parent = dir_make(), *file, *link;
	struct scratch s;
	struct stat st;
	struct err e;

	assert_int_equal(scratch_open(&s, "duckdb", parent, &e), 0);
	assert_int_equal(stat(s.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	file = mem_printf("%s/inner", s.path);
	link = mem_printf("%s/inner/parent", s.path);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_int_equal(symlink(parent, link), 0);
	free(link);
	free(file);
	file = mem_printf("%s/kept", parent);
	file_put(file, "x");
	scratch_close(&s);
	assert_int_equal(dir_count(parent), 1);
	free(file);
	dir_remove(parent);
}

TEST(what_a_killed_process_leaves_is_removed_by_the_next)
{
	char *parent = dir_make();
	char *left = mem_printf("%s/reportd-duckdb-abcdef", parent);
	char *file = mem_printf("%s/spill", left);
	struct scratch one, two;
	struct err e;

	assert_int_equal(mkdir(left, 0700), 0);
	file_put(file, "x");
	assert_int_equal(scratch_open(&one, "duckdb", parent, &e), 0);
	assert_int_equal(dir_count(parent), 1);
	/* A scratch folder that is in use stays. */
	assert_int_equal(scratch_open(&two, "duckdb", parent, &e), 0);
	assert_int_equal(dir_count(parent), 2);
	scratch_close(&one);
	scratch_close(&two);
	assert_int_equal(dir_count(parent), 0);
	free(file);
	free(left);
	dir_remove(parent);
}

/* A folder that is made just then is not locked yet, so another job may remove it. */
TEST(jobs_that_begin_at_once_have_a_folder_each)
{
	char *parent = dir_make();
	pid_t jobs[4];

	for (size_t i = 0; i < 4; i++) {
		int failed = 0;

		jobs[i] = fork();
		if (jobs[i] != 0)
			continue;
		for (int n = 0; n < 150; n++) {
			struct scratch s;
			struct err e;

			failed |= scratch_open(&s, "duckdb", parent, &e) != 0;
			scratch_close(&s);
		}
		/* Killed where all is well: valgrind reports no memory that
		 * this copy of the test leaves. */
		if (!failed)
			raise(SIGKILL);
		_exit(failed);
	}
	for (size_t i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(jobs[i], &status, 0), jobs[i]);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	dir_remove(parent);
}

TEST(a_scratch_folder_needs_its_parent)
{
	struct scratch s;
	struct err e;

	assert_int_equal(scratch_open(&s, "duckdb", "/nowhere/at/all", &e), -1);
	assert_err_has(&e, "/nowhere/at/all");
	scratch_close(&s);
}

/* ---- the fence ---- */

/* Closes the fence of duckdb/fence.h around this process, a child. Returns 0 when
 * the process can then read inside and write into the scratch folder, and can do
 * nothing else. */
static int inside_fence(const struct duckdb_config *config, const char *folder,
    const char *outside, const char *scratch)
{
	const struct job_session session = {.time_zone = "UTC"};
	char *inside = mem_printf("%s/file", folder);
	char *made = mem_printf("%s/made", folder);
	char *spill = mem_printf("%s/spill", scratch);
	struct err e;

	if (fence_close(config, &session, scratch, &e) != 0)
		return 1;
	if (access(inside, F_OK) != 0 || open(inside, O_RDONLY) < 0)
		return 2;
	if (open(inside, O_WRONLY) >= 0 || open(inside, O_RDWR) >= 0)
		return 3;
	if (open(made, O_CREAT | O_WRONLY, 0600) >= 0 || mkdir(made, 0700) == 0)
		return 4;
	if (unlink(inside) == 0 || rename(inside, made) == 0)
		return 5;
	if (open(outside, O_RDONLY) >= 0 || open("/etc/passwd", O_RDONLY) >= 0)
		return 6;
	if (open(spill, O_CREAT | O_WRONLY, 0600) < 0 || unlink(spill) != 0)
		return 7;
	if (open("/proc/self/environ", O_RDONLY) >= 0)
		return 8;
	return execl("/bin/true", "true", NULL) == -1 ? 0 : 9;
}

TEST(the_fence_lets_a_process_read_its_folders_and_nothing_else)
{
	char *folder = dir_make(), *other = dir_make(), *scratch = dir_make();
	char *inside = mem_printf("%s/file", folder);
	char *outside = mem_printf("%s/file", other);
	struct source_config *config =
	    source_config_open(&source_type_duckdb, "lake");
	struct err e;
	int status;
	pid_t pid;

	assert_int_equal(fence_is_there(), !under_valgrind());
	file_put(inside, "x");
	file_put(outside, "x");
	assert_int_equal(
	    key_set(source_type_key(&source_type_duckdb, "folders"), config,
		folder, &e),
	    0);
	pid = fork();
	if (pid == 0) {
		status = inside_fence((const struct duckdb_config *)config,
		    folder, outside, scratch);
		/* Killed where all is well: valgrind reports no memory that
		 * this copy of the test leaves. */
		if (status == 0)
			raise(SIGKILL);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL,
	    under_valgrind());
	assert_int_equal(dir_count(folder), 1);
	source_config_free(config);
	free(inside);
	free(outside);
	dir_remove(folder);
	dir_remove(other);
	dir_remove(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole_numbers_of_each_size),
	    cmocka_unit_test(decimals_have_all_digits_of_their_scale),
	    cmocka_unit_test(floats_are_written_as_postgresql_does),
	    cmocka_unit_test(
		a_double_is_read_back_from_as_few_digits_as_can_be),
	    cmocka_unit_test(dates_of_all_ages),
	    cmocka_unit_test(times_show_the_digits_that_count),
	    cmocka_unit_test(a_zone_changes_its_offset_within_a_day),
	    cmocka_unit_test(an_error_has_its_sqlstate_and_one_line),
	    cmocka_unit_test(
		a_lack_of_memory_gives_no_advice_that_a_report_cannot_follow),
	    cmocka_unit_test(
		the_fence_lets_a_process_read_its_folders_and_nothing_else),
	    cmocka_unit_test(a_query_is_wrapped_and_an_explain_is_not),
	    cmocka_unit_test(folders_are_paths_that_do_not_depend_on_anything),
	    cmocka_unit_test(nobody_reads_what_others_spill),
	    cmocka_unit_test(the_folders_of_a_list),
	    cmocka_unit_test(a_scratch_folder_is_private_and_leaves_nothing),
	    cmocka_unit_test(
		what_a_killed_process_leaves_is_removed_by_the_next),
	    cmocka_unit_test(jobs_that_begin_at_once_have_a_folder_each),
	    cmocka_unit_test(a_scratch_folder_needs_its_parent),
	};
	int failed;

	powers = powers_open();
	failed = cmocka_run_group_tests_name("duckdb", tests, NULL, NULL);
	powers_close(powers);
	return failed;
}
