/* SPDX-License-Identifier: MIT */
#include "settings/load.h"
#include "settings/settings_keys.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "helper.h"

static int clean(void **state)
{
	(void)state;
	environment_clean();
	return 0;
}

/* Reads settings from a file r.conf with this text. */
static struct settings *read_text(const char *text, struct err *e)
{
	FILE *f = tmpfile();
	struct settings *s;

	assert_non_null(f);
	fputs(text, f);
	rewind(f);
	s = settings_read(f, "r.conf", e);
	fclose(f);
	return s;
}

#define SECTIONS                                                           \
	"[source.NAME], [target.NAME], [reportd], [queue], [server], "     \
	"[http], [aws], [s3], [inputs], [inbox], [smtp], [sns], [slack], " \
	"[webhook], "                                                      \
	"[notify], [scale]"
#define SOURCE_KEYS                                                            \
	"type, trusted, statement_timeout, max_running, max_age, conninfo, "   \
	"secret_arn, cluster, workgroup, database_user, unload_to, "           \
	"unload_role, library, folders, database, memory_limit, "              \
	"temp_directory, max_temp_directory_size, threads, "                   \
	"account, endpoint, user, private_key_file, private_key_passphrase, "  \
	"token_file, token_type, workload_identity, warehouse, schema, role, " \
	"unload_stage, "                                                       \
	"region, catalog, output_location, kms_key, bucket_owner, "            \
	"remove_results, reuse_results"
#define QUEUE "[queue]\nconninfo = dbname=q\n"

/* Reads the text after a queue section; it must be valid. */
static struct settings *good(const char *text)
{
	char *whole = mem_printf(QUEUE "%s", text);
	struct err e = {.text = ""};
	struct settings *s = read_text(whole, &e);

	free(whole);
	assert_err(&e, "");
	assert_non_null(s);
	return s;
}

/* Checks a key of a source as its worker receives it; NULL: not set. */
static void assert_source(const struct settings *s, const char *name,
    const char *key, const char *expected)
{
	char *packed = settings_pack_source(settings_source(s, name));
	json_t *all = json_loads(packed, 0, NULL);
	const char *value = json_str(all, key, NULL);

	if (expected == NULL)
		assert_null(value);
	else
		assert_string_equal(value, expected);
	json_decref(all);
	free(packed);
}

/* Checks the error for a text after a queue section of two lines. */
static void assert_refused(const char *text, const char *expected)
{
	char *whole = mem_printf(QUEUE "%s", text);
	struct err e = {.text = ""};
	struct settings *s = read_text(whole, &e);

	free(whole);
	assert_null(s);
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_err(&e, expected);
}

/* Checks the error for one variable of the environment. */
static void assert_variable_refused(
    const char *name, const char *value, const char *expected)
{
	setenv(name, value, 1);
	assert_refused("", expected);
	unsetenv(name);
}

TEST(defaults_are_as_documented)
{
	struct settings *s = good("");
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	assert_int_equal(s->workers, cores < 2 ? 2 : cores);
	assert_int_equal(s->adhoc_workers, 0);
	assert_int_equal(s->worker_memory, 1 << 30);
	assert_int_equal(s->poll_interval, 30000);
	assert_int_equal(s->lease, 60000);
	assert_int_equal(s->shutdown_grace, 30000);
	assert_int_equal(s->cancel_grace, 10000);
	assert_int_equal(s->job_timeout, 6 * 3600000);
	assert_int_equal(s->retry_backoff, 10000);
	assert_int_equal(s->retry_backoff_max, 600000);
	assert_int_equal(s->ageing, 600000);
	assert_int_equal(s->misfire_grace, 60000);
	assert_int_equal(s->retention, 90ll * 86400000);
	assert_int_equal(s->log_level, LVL_INFO);
	assert_int_equal(s->log_target, LOG_TARGET_AUTO);
	assert_int_equal(s->log_format, LOG_FORMAT_TEXT);
	assert_null(s->output_root);
	assert_string_equal(s->output,
	    "{report_name}/{report_name}_%Y%m%dT%H%M%S_{request_id}.{ext}");
	assert_int_equal(s->file_mode, 0640);
	assert_true(s->fsync);
	assert_string_equal(s->queue_conninfo, "dbname=q");
	assert_true(s->listen);
	assert_int_equal(s->queue_timeout, 15000);
	assert_int_equal(s->source_count, 1);
	assert_string_equal(s->sources[0].name, "default");
	assert_string_equal(s->sources[0].type, "postgres");
	settings_free(s);
}

TEST(every_key_is_taken)
{
	struct settings *s =
	    good("listen = off\ntimeout = 5s\n"
		 "[reportd]\nworkers = 8\nadhoc_workers = 2\n"
		 "worker_memory = 64MB\npoll_interval = 100ms\nlease = 2min\n"
		 "shutdown_grace = 0\ncancel_grace = 1h\njob_timeout = 1d\n"
		 "retry_backoff = 1s\nretry_backoff_max = 2s\nageing = 3s\n"
		 "misfire_grace = 4s\nretention = 0\nlog_level = Debug\n"
		 "log_target = syslog\nlog_format = json\n"
		 "output_root = /srv/out\noutput = {config_id}.{ext}\n"
		 "file_mode = 0600\nfsync = no\n"
		 "[source.dwh_2]\ntype = redshift\nconninfo = host=r\n"
		 "max_running = 3\nstatement_timeout = 10min\n");
	const struct source_settings *dwh = settings_source(s, "dwh_2");

	assert_int_equal(s->workers, 8);
	assert_int_equal(s->adhoc_workers, 2);
	assert_int_equal(s->worker_memory, 64 << 20);
	assert_int_equal(s->poll_interval, 100);
	assert_int_equal(s->lease, 120000);
	assert_int_equal(s->shutdown_grace, 0);
	assert_int_equal(s->cancel_grace, 3600000);
	assert_int_equal(s->job_timeout, 86400000);
	assert_int_equal(s->retry_backoff, 1000);
	assert_int_equal(s->retry_backoff_max, 2000);
	assert_int_equal(s->ageing, 3000);
	assert_int_equal(s->misfire_grace, 4000);
	assert_int_equal(s->retention, 0);
	assert_int_equal(s->log_level, LVL_DEBUG);
	assert_int_equal(s->log_target, LOG_TARGET_SYSLOG);
	assert_int_equal(s->log_format, LOG_FORMAT_JSON);
	assert_string_equal(s->output_root, "/srv/out");
	assert_string_equal(s->output, "{config_id}.{ext}");
	assert_int_equal(s->file_mode, 0600);
	assert_false(s->fsync);
	assert_false(s->listen);
	assert_int_equal(s->queue_timeout, 5000);
	assert_non_null(dwh);
	assert_string_equal(dwh->type, "redshift");
	assert_source(s, "dwh_2", "conninfo", "host=r");
	assert_int_equal(dwh->max_running, 3);
	assert_int_equal(dwh->statement_timeout, 600000);
	assert_non_null(settings_source(s, "default"));
	assert_null(settings_source(s, "dwh"));
	settings_free(s);
}

/* Tries both ends of each range, and one step outside of them. */
TEST(limits_are_kept_and_named)
{
	static const struct {
		const char *key, *low, *high, *too_low, *too_high, *range;
	} cases[] = {
	    {"workers", "1", "256", "-1", "257",
		"a whole number from 0 to 256"},
	    {"worker_memory", "64MB", "1TB", "67108863", "1025GB",
		"a size such as 64MB or 1GB from 64MB to 1TB"},
	    {"max_output", "0", "1024TB", "-1", "1025TB",
		"a size such as 64MB or 1GB from 0 to 1024TB"},
	    {"poll_interval", "100ms", "1h", "99ms", "61min",
		"a time such as 500ms, 30s, 10min, 2h or 7d from 100ms to 1h"},
	    {"lease", "1s", "1d", "999ms", "25h",
		"a time such as 500ms, 30s, 10min, 2h or 7d from 1s to 1d"},
	    {"shutdown_grace", "0", "1d", "-1s", "25h",
		"a time such as 500ms, 30s, 10min, 2h or 7d from 0 to 1d"},
	    {"cancel_grace", "100ms", "1h", "0", "2h",
		"a time such as 500ms, 30s, 10min, 2h or 7d from 100ms to 1h"},
	    {"job_timeout", "0", "30d", "-1s", "31d",
		"a time such as 500ms, 30s, 10min, 2h or 7d from 0 to 30d"},
	    {"retention", "0", "36500d", "-1d", "36501d",
		"a time such as 500ms, 30s, 10min, 2h or 7d from 0 to 36500d"},
	    {"file_mode", "0", "777", "-1", "1000",
		"an octal number from 0000 to 0777"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *const fine[] = {cases[i].low, cases[i].high};
		const char *const bad[] = {
		    cases[i].too_low, cases[i].too_high, "", "x", "1x"};

		for (size_t j = 0; j < COUNT(fine); j++) {
			char *text = mem_printf(
			    "[reportd]\n%s = %s\n", cases[i].key, fine[j]);

			settings_free(good(text));
			free(text);
		}
		for (size_t j = 0; j < COUNT(bad); j++) {
			char *text = mem_printf(
			    "[reportd]\n%s = %s\n", cases[i].key, bad[j]);
			char *expected =
			    mem_printf("r.conf:4: %s = %s: must be %s",
				cases[i].key, bad[j], cases[i].range);

			assert_refused(text, expected);
			free(text);
			free(expected);
		}
	}
}

TEST(words_and_switches_name_what_is_allowed)
{
	assert_refused("[reportd]\nlog_level = loud\n",
	    "r.conf:4: log_level = loud: must be one of "
	    "debug|info|warn|error");
	assert_refused("[reportd]\nlog_format = xml\n",
	    "r.conf:4: log_format = xml: must be one of text|json");
	assert_refused("[reportd]\n\nlog_target = \n",
	    "r.conf:5: log_target = : must be one of auto|stderr|syslog");
	assert_refused("[reportd]\nlog_target = std\n",
	    "r.conf:4: log_target = std: must be one of auto|stderr|syslog");
	assert_refused("[reportd]\nfsync = maybe\n",
	    "r.conf:4: fsync = maybe: must be on or off");
	assert_refused(
	    "listen = 2\n", "r.conf:3: listen = 2: must be on or off");
}

TEST(log_levels_are_taken_as_the_log_knows_them)
{
	struct settings *s = good("[reportd]\nlog_level = Warning\n");

	assert_int_equal(s->log_level, LVL_WARN);
	assert_int_equal(settings_log(s).level, LVL_WARN);
	settings_free(s);
}

TEST(unknown_keys_and_sections_name_the_known_ones)
{
	assert_refused("[reportd]\nworkers = 3\nworker = 4\n",
	    "r.conf:5: unknown key \"worker\" in [reportd]; known: workers, "
	    "adhoc_workers, worker_memory, poll_interval, lease, "
	    "shutdown_grace, cancel_grace, job_timeout, max_output, "
	    "retry_backoff, "
	    "retry_backoff_max, ageing, misfire_grace, retention, log_level, "
	    "log_target, log_format, log_metrics, output_root, output, "
	    "file_mode, fsync");
	assert_refused("password = x\n",
	    "r.conf:3: unknown key \"password\" in [queue]; known: conninfo, "
	    "listen, timeout, secret_arn");
	assert_refused("[source.a]\nhost = x\n",
	    "r.conf:4: unknown key \"host\" in "
	    "[source.a]; known: " SOURCE_KEYS);
	assert_refused("[target.a]\nhost = x\n",
	    "r.conf:4: unknown key \"host\" in [target.a]; known: type, "
	    "trusted, statement_timeout, ledger_schema, conninfo, secret_arn, "
	    "cluster, workgroup, database_user, copy_from, copy_role, "
	    "copy_part_size");
	assert_refused("[target.a]\ntype = duckdb\n",
	    "r.conf: [target.a] type = duckdb: must be one of postgres, "
	    "redshift");
	assert_refused("[nosuch]\na = b\n",
	    "r.conf:4: unknown section [nosuch]; known: " SECTIONS);
	assert_refused("[source]\ntype = postgres\n",
	    "r.conf:4: unknown section [source]; known: " SECTIONS);
}

TEST(a_key_before_the_first_section_is_refused)
{
	struct err e;

	assert_null(read_text("workers = 3\n" QUEUE, &e));
	assert_err(
	    &e, "r.conf:1: \"workers\" stands before the first [section]");
}

TEST(a_line_that_is_no_setting_is_refused)
{
	assert_refused("what is this\n",
	    "r.conf:3: expected `[section]`, `key = value` or a comment that "
	    "starts with #");
}

TEST(source_names_are_plain)
{
	static const char *const bad[] = {
	    "", "A", "a-b", "a b", "a.b", "\xC3\xA9"};

	for (size_t i = 0; i < COUNT(bad); i++) {
		char *text = mem_printf("[source.%s]\nconninfo = x\n", bad[i]);
		char *expected = mem_printf("r.conf:4: [source.%s]: a source's "
					    "name is made of a-z, 0-9 and _",
		    bad[i]);

		assert_refused(text, expected);
		free(text);
		free(expected);
	}
}

TEST(what_is_missing_is_said)
{
	struct settings *s;
	struct err e;

	s = read_text("[reportd]\nworkers = 2\n", &e);
	assert_int_equal(settings_require_queue(s, &e), -1);
	assert_err(&e,
	    "[queue] conninfo is missing; write for example conninfo = "
	    "host=/run/postgresql dbname=reports");
	settings_free(s);
	s = good("");
	assert_int_equal(settings_require_queue(s, &e), 0);
	settings_free(s);
	assert_refused("[source.dwh]\ntype = redshift\n",
	    "r.conf: [source.dwh] conninfo is missing");
}

TEST(keys_must_agree_with_each_other)
{
	assert_refused("[reportd]\nworkers = 2\nadhoc_workers = 2\n",
	    "r.conf: [reportd] adhoc_workers = 2: must leave at least one of "
	    "the 2 workers for SCHEDULED reports");
	assert_refused("[reportd]\noutput_root = out\n",
	    "r.conf: [reportd] output_root = out: must be an absolute path");
	assert_refused("timeout = 31s\n",
	    "r.conf: [queue] timeout: must be at most half of [reportd] "
	    "lease, or a slow answer would cost the daemon its jobs");
	assert_refused("[source.a]\ntype = oracle\nconninfo = x\n",
	    "r.conf: [source.a] type = oracle: must be one of postgres, "
	    "redshift, duckdb, snowflake, athena");
}

TEST(an_empty_text_is_the_default)
{
	struct settings *s = good("[reportd]\noutput =\noutput_root =\n"
				  "[source.default]\ntype =\nconninfo =\n");

	assert_string_equal(s->output,
	    "{report_name}/{report_name}_%Y%m%dT%H%M%S_{request_id}.{ext}");
	assert_null(s->output_root);
	assert_string_equal(s->sources[0].type, "postgres");
	assert_source(s, "default", "conninfo", "dbname=q");
	assert_true(s->sources[0].of_queue);
	settings_free(s);
}

TEST(the_default_source_falls_back_to_the_queue)
{
	struct settings *s = good("[source.other]\nconninfo = dbname=o\n");

	assert_source(s, "default", "conninfo", "dbname=q");
	assert_source(s, "other", "conninfo", "dbname=o");
	settings_free(s);
	s = good("[source.default]\nconninfo = dbname=d\n");
	assert_source(s, "default", "conninfo", "dbname=d");
	assert_false(s->sources[0].of_queue);
	assert_int_equal(s->source_count, 1);
	settings_free(s);
}

TEST(variables_in_values_are_expanded)
{
	struct settings *s;

	setenv("SETTINGS_TEST_HOME", "/srv/x", 1);
	s = good("[reportd]\noutput_root = ${SETTINGS_TEST_HOME}/out\n");
	assert_string_equal(s->output_root, "/srv/x/out");
	settings_free(s);
	unsetenv("SETTINGS_TEST_HOME");
	assert_refused("[reportd]\noutput_root = ${SETTINGS_TEST_HOME}/out\n",
	    "r.conf:4: the environment has no variable "
	    "\"SETTINGS_TEST_HOME\"; set it, or write $$ for a plain $");
}

TEST(the_environment_wins_over_the_file)
{
	struct settings *s;

	setenv("REPORTD_REPORTD_WORKERS", "7", 1);
	setenv("REPORTD_REPORTD_OUTPUT_ROOT", "/env", 1);
	setenv("REPORTD_QUEUE_CONNINFO", "dbname=env", 1);
	setenv("REPORTD_QUEUE_LISTEN", "off", 1);
	s = good("[reportd]\nworkers = 3\noutput_root = /file\n");
	assert_int_equal(s->workers, 7);
	assert_string_equal(s->output_root, "/env");
	assert_string_equal(s->queue_conninfo, "dbname=env");
	assert_false(s->listen);
	settings_free(s);
}

TEST(the_environment_alone_is_enough)
{
	struct err e;
	struct settings *s;

	setenv("REPORTD_QUEUE_CONNINFO", "dbname=env", 1);
	s = settings_load(NULL, &e);
	assert_non_null(s);
	assert_string_equal(s->queue_conninfo, "dbname=env");
	settings_free(s);
}

TEST(keys_of_another_type_are_refused_where_they_stand)
{
	assert_refused("[source.a]\nconninfo = dbname=a\ncluster = c\n",
	    "r.conf:5: [source.a] cluster: needs type = redshift");
	settings_free(good("[source.a]\ncluster = c\nconninfo = dbname=a\n"
			   "type = redshift\n"));
	settings_free(good("[source.a]\ncluster =\nconninfo = dbname=a\n"));
	setenv("REPORTD_SOURCE_A_UNLOAD_TO", "s3://lake/", 1);
	assert_refused("[source.a]\nconninfo = dbname=a\n",
	    "environment: REPORTD_SOURCE_A_UNLOAD_TO: [source.a] unload_to: "
	    "needs type = redshift or snowflake or athena");
	unsetenv("REPORTD_SOURCE_A_UNLOAD_TO");
}

TEST(a_source_is_packed_for_its_worker)
{
	struct settings *s =
	    good("[source.dwh]\nworkgroup = w\nconninfo = dbname=d\n"
		 "type = redshift\ntrusted = on\nmax_age = 5s\n");
	char *packed = settings_pack_source(settings_source(s, "dwh"));
	json_t *all = json_loads(packed, 0, NULL);
	struct source_settings *back;
	char *again;
	struct err e;

	back = settings_unpack_source(packed, &e);
	assert_non_null(back);
	assert_string_equal(back->config->type->name, "redshift");
	assert_string_equal(back->config->name, "dwh");
	assert_true(back->trusted);
	assert_int_equal(back->max_age, 5000);
	again = settings_pack_source(back);
	assert_string_equal(again, packed);
	json_object_set_new(all, "type", json_string("oracle"));
	free(again);
	again = json_dumps(all, 0);
	assert_null(settings_unpack_source(again, &e));
	assert_err(&e, "unknown source type \"oracle\"");
	settings_free_source(back);
	json_decref(all);
	free(packed);
	free(again);
	settings_free(s);
}

TEST(a_queue_with_a_secret_lends_it_to_its_own_source)
{
	struct settings *s = good("secret_arn = arn:q\n");

	assert_source(s, "default", "secret_arn", "arn:q");
	settings_free(s);
	s = good("secret_arn = arn:q\n[source.default]\nsecret_arn = arn:s\n");
	assert_source(s, "default", "secret_arn", "arn:s");
	settings_free(s);
	s = good("secret_arn = arn:q\n[source.default]\nconninfo = dbname=d\n");
	assert_source(s, "default", "secret_arn", NULL);
	settings_free(s);
}

TEST(a_source_can_be_set_by_the_environment)
{
	struct settings *s;
	const struct source_settings *one;

	setenv("REPORTD_SOURCE_MY_DWH_CONNINFO", "dbname=a=b", 1);
	setenv("REPORTD_SOURCE_MY_DWH_TYPE", "redshift", 1);
	setenv("REPORTD_SOURCE_MY_DWH_MAX_RUNNING", "4", 1);
	setenv("REPORTD_SOURCE_MY_DWH_STATEMENT_TIMEOUT", "5s", 1);
	setenv("REPORTD_SOURCE_DEFAULT_CONNINFO", "dbname=d", 1);
	s = good("[source.my_dwh]\nconninfo = file\n");
	one = settings_source(s, "my_dwh");
	assert_non_null(one);
	assert_source(s, "my_dwh", "conninfo", "dbname=a=b");
	assert_string_equal(one->type, "redshift");
	assert_int_equal(one->max_running, 4);
	assert_int_equal(one->statement_timeout, 5000);
	assert_source(s, "default", "conninfo", "dbname=d");
	assert_int_equal(s->source_count, 2);
	settings_free(s);
}

TEST(mistakes_in_the_environment_name_the_variable)
{
	assert_variable_refused("REPORTD_REPORTD_WORKERS", "many",
	    "environment: REPORTD_REPORTD_WORKERS: workers = many: must be a "
	    "whole number from 0 to 256");
	assert_variable_refused("REPORTD_QUEUE_PASSWORD", "x",
	    "environment: REPORTD_QUEUE_PASSWORD: unknown key \"password\" in "
	    "[queue]; known: conninfo, listen, timeout, secret_arn");
	assert_variable_refused("REPORTD_SOURCE_A_HOST", "x",
	    "environment: REPORTD_SOURCE_A_HOST: must be "
	    "REPORTD_SOURCE_NAME_KEY with a key of " SOURCE_KEYS);
	assert_variable_refused("REPORTD_SOURCE_CONNINFO", "x",
	    "environment: REPORTD_SOURCE_CONNINFO: must be "
	    "REPORTD_SOURCE_NAME_KEY with a key of " SOURCE_KEYS);
	assert_variable_refused("REPORTD_SOURCE_A-B_TYPE", "postgres",
	    "environment: REPORTD_SOURCE_A-B_TYPE: [source.a-b]: a source's "
	    "name is made of a-z, 0-9 and _");
}

TEST(a_variable_without_its_section_is_told)
{
	assert_variable_refused("REPORTD_WORKERS", "4",
	    "environment: REPORTD_WORKERS: is no setting; workers of [reportd] "
	    "is REPORTD_REPORTD_WORKERS here");
	assert_variable_refused("REPORTD_JOB_TIMEOUT", "1h",
	    "environment: REPORTD_JOB_TIMEOUT: is no setting; job_timeout of "
	    "[reportd] is REPORTD_REPORTD_JOB_TIMEOUT here");
}

static void set_redshift(void)
{
	setenv("REDSHIFT_DB", "sales", 1);
	setenv("REDSHIFT_USER", "o'hara \\ x", 1);
	setenv("REDSHIFT_SECRET_ARN", "arn:aws:secretsmanager:x", 1);
	setenv("S3_BUCKET_NAME", "company-reports", 1);
}

static void unset_redshift(void)
{
	unsetenv("REDSHIFT_DB");
	unsetenv("REDSHIFT_USER");
	unsetenv("REDSHIFT_SECRET_ARN");
	unsetenv("S3_BUCKET_NAME");
}

TEST(short_names_of_the_environment_are_a_source_and_a_place)
{
	struct settings *s;

	set_redshift();
	s = good("");
	assert_string_equal(settings_source(s, "default")->type, "redshift");
	assert_source(s, "default", "secret_arn", "arn:aws:secretsmanager:x");
	assert_source(
	    s, "default", "conninfo", "user='o\\'hara \\\\ x' dbname='sales'");
	assert_string_equal(s->output,
	    "s3://company-reports/{report_name}/"
	    "{report_name}_%Y%m%dT%H%M%S_{request_id}.{ext}");
	settings_free(s);
	unset_redshift();
}

TEST(short_names_are_refused_beside_what_they_stand_for)
{
	set_redshift();
	assert_refused("[source.default]\nconninfo = dbname=x\n",
	    "environment: REDSHIFT_DB stands for [source.default], which the "
	    "settings have as well; leave out one of them");
	assert_refused("[source.default]\ntype = duckdb\n",
	    "environment: REDSHIFT_DB stands for [source.default], which the "
	    "settings have as well; leave out one of them");
	assert_refused("[reportd]\noutput_root = /srv\n",
	    "environment: S3_BUCKET_NAME says where outputs go, and so does "
	    "[reportd] output_root; leave out one of them");
	assert_refused("[reportd]\noutput = s3://other/x\n",
	    "environment: S3_BUCKET_NAME says where outputs go, and so does "
	    "[reportd] output; leave out one of them");
	setenv("S3_BUCKET_NAME", "a/b", 1);
	assert_refused("",
	    "environment: S3_BUCKET_NAME = a/b: must be the name of a bucket: "
	    "3 to 63 of a-z, 0-9, dot and -");
	setenv("REDSHIFT_SECRET_ARN", "", 1);
	assert_refused("",
	    "environment: REDSHIFT_DB, REDSHIFT_USER and REDSHIFT_SECRET_ARN "
	    "belong together, and REDSHIFT_SECRET_ARN is not set");
	unset_redshift();
}

/* Container platforms set these variables for a service named reportd. */
TEST(foreign_variables_pass)
{
	setenv("REPORTD_PORT", "tcp://10.0.0.1:80", 1);
	setenv("REPORTD_PORT_80_TCP_ADDR", "10.0.0.1", 1);
	setenv("REPORTD_SERVICE_HOST", "10.0.0.1", 1);
	setenv("REPORTD_SERVICE_PORT", "80", 1);
	setenv("REPORTD_", "x", 1);
	setenv("REPORTDX_QUEUE_CONNINFO", "x", 1);
	settings_free(good(""));
}

TEST(log_level_alone_is_honoured_and_gives_way)
{
	struct settings *s;

	setenv("LOG_LEVEL", "error", 1);
	s = good("[reportd]\nlog_level = debug\n");
	assert_int_equal(s->log_level, LVL_ERROR);
	settings_free(s);
	setenv("REPORTD_REPORTD_LOG_LEVEL", "warn", 1);
	s = good("");
	assert_int_equal(s->log_level, LVL_WARN);
	settings_free(s);
	unsetenv("REPORTD_REPORTD_LOG_LEVEL");
	setenv("LOG_LEVEL", "", 1);
	s = good("");
	assert_int_equal(s->log_level, LVL_INFO);
	settings_free(s);
	assert_variable_refused("LOG_LEVEL", "loud",
	    "environment: LOG_LEVEL: log_level = loud: must be one of "
	    "debug|info|warn|error");
}

TEST(a_file_is_loaded_by_its_path)
{
	char *dir = dir_make(), *path = mem_printf("%s/r.conf", dir);
	struct settings *s;
	struct err e;

	file_put(path, QUEUE "[reportd]\nworkers = 0x\n");
	assert_null(settings_load(path, &e));
	assert_err_has(&e, path);
	assert_err_has(&e, ":4: workers = 0x: must be");
	file_put(path, QUEUE);
	s = settings_load(path, &e);
	assert_non_null(s);
	settings_free(s);
	unlink(path);
	assert_null(settings_load(path, &e));
	assert_err_has(&e, path);
	assert_err_has(&e, "No such file or directory");
	assert_int_equal(e.kind, ERR_PERMANENT);
	/* A directory is not an empty file, even when the environment would
	 * suffice. */
	setenv("REPORTD_QUEUE_CONNINFO", "dbname=env", 1);
	assert_null(settings_load(dir, &e));
	assert_err_has(&e, "Is a directory");
	free(path);
	dir_remove(dir);
}

/* Every key has a description, and its default is an allowed value. */
static void assert_target_refused(const char *text, const char *expected)
{
	struct settings *s = good(text);
	struct err e = {.text = ""};

	assert_int_equal(
	    settings_check_target(s, settings_target(s, "t"), &e), -1);
	assert_err(&e, expected);
	settings_free(s);
}

TEST(a_target_has_a_login_of_its_own)
{
	struct err e = {.text = ""};
	struct settings *s =
	    good("[source.a]\nconninfo = host=h dbname=d user=reader\n"
		 "[target.t]\nconninfo = host=h dbname=d user=loader\n"
		 "statement_timeout = 5s\n");
	const struct source_settings *t = settings_target(s, "t");

	assert_int_equal(settings_check_target(s, t, &e), 0);
	assert_int_equal(t->statement_timeout, 5000);
	assert_string_equal(t->ledger_schema, "reportd_target");
	assert_null(settings_target(s, "a"));
	assert_null(settings_source(s, "t"));
	settings_free(s);
	assert_target_refused(
	    "[source.a]\nconninfo = host=h dbname=d user=one\n"
	    "[target.t]\nconninfo = user=one connect_timeout=5 dbname=d "
	    "host=h\n",
	    "target \"t\" logs in as source \"a\" does, whose SQL could then "
	    "change the target's ledger; give [target.t] a user of its own");
	assert_target_refused("[target.t]\nconninfo = dbname=q\n",
	    "target \"t\" logs in as the queue does, which may change every "
	    "report; give [target.t] a conninfo with a user of its own");
}

TEST(a_target_comes_back_from_its_packed_form)
{
	struct settings *s = good("[target.t]\nconninfo = dbname=d user=u\n"
				  "ledger_schema = l\n");
	char *packed = settings_pack_source(settings_target(s, "t"));
	struct err e = {.text = ""};
	struct source_settings *back = settings_unpack_source(packed, &e);

	assert_non_null(back);
	assert_string_equal(back->section, "target");
	assert_string_equal(back->ledger_schema, "l");
	settings_free_source(back);
	free(packed);
	settings_free(s);
}

TEST(the_reference_describes_every_key)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int lines = 0;

	settings_describe(out);
	fclose(out);
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL;
	     line = end + 1) {
		char section[64], key[64], def[128] = "", about[256];

		*end = '\0';
		lines++;
		if (sscanf(line, "%63[^\t]\t%63[^\t]\t%127[^\t]\t%255[^\t]",
			section, key, def, about) != 4) {
			def[0] = '\0';
			assert_int_equal(
			    sscanf(line, "%63[^\t]\t%63[^\t]\t\t%255[^\t]",
				section, key, about),
			    3);
		}
		assert_true(strlen(about) > 10);
		if (strcmp(section, "source") != 0 &&
		    strcmp(section, "target") != 0 &&
		    strcmp(section, "queue") != 0) {
			char *one =
			    mem_printf("[%s]\n%s = %s\n", section, key, def);

			settings_free(good(one));
			free(one);
		}
	}
	/* Redshift has all keys of PostgreSQL and some more; a target has those of
	 * PostgreSQL, and three of Redshift's that a source has, too. */
	assert_int_equal(lines,
	    (int)(key_count + source_type_named("redshift")->key_count +
		  source_type_named("duckdb")->key_count +
		  /* secret_arn, database and unload_to are others', too */
		  source_type_named("snowflake")->key_count - 3 +
		  /* workgroup, database and unload_to are, too */
		  source_type_named("athena")->key_count - 3 +
		  source_type_named("postgres")->key_count + 3));
	free(text);
}

/* A worker receives all settings except those of the queue and the sources. */
TEST(packed_settings_come_back)
{
	struct settings *s =
	    good("[reportd]\noutput_root = /o\nfsync = off\n"
		 "[s3]\nparts_in_flight = 7\nendpoint = https://s3.test\n"
		 "[smtp]\nhost = mx\nfrom = R \"x\" <r@e.org>\n");
	char *text = settings_pack(s, FOR_NOTICES);
	struct err e;
	json_t *packed = json_parse_object(text, strlen(text), &e);
	struct settings *back = settings_unpack(packed);
	char *again = settings_pack(back, FOR_NOTICES);

	assert_string_equal(again, text);
	assert_string_equal(back->output_root, "/o");
	assert_false(back->fsync);
	assert_int_equal(back->s3_parts_in_flight, 7);
	assert_string_equal(back->s3_endpoint, "https://s3.test");
	assert_string_equal(back->smtp_from, "R \"x\" <r@e.org>");
	assert_int_equal(back->smtp_attach_max, 7 << 20);
	assert_null(back->smtp_user);
	assert_null(back->queue_conninfo);
	json_decref(packed);
	free(text);
	free(again);
	settings_free(back);
	settings_free(s);
}

TEST(who_runs_reports_hears_nothing_of_the_ways_of_notices)
{
	struct settings *s = good(
	    "[smtp]\nhost = mx\nfrom = a@b.org\npassword = geheim\nuser = u\n"
	    "[webhook]\nsecrets = a.org=geheim\n[s3]\nregion = here\n");
	char *reports = settings_pack(s, FOR_REPORTS);
	char *notices = settings_pack(s, FOR_NOTICES);
	json_t *packed = json_loads(reports, 0, NULL);
	struct settings *back = settings_unpack(packed);

	assert_null(strstr(reports, "geheim"));
	assert_non_null(strstr(notices, "geheim"));
	assert_null(strstr(reports, "conninfo"));
	assert_null(strstr(notices, "conninfo"));
	assert_string_equal(back->s3_region, "here");
	assert_null(back->smtp_host);
	json_decref(packed);
	settings_free(back);
	settings_free(s);
	free(reports);
	free(notices);
}

TEST(a_list_allows_what_is_on_it)
{
	assert_false(settings_allows(NULL, "any"));
	assert_false(settings_allows("", "any"));
	assert_true(settings_allows("*", "any"));
	assert_true(settings_allows("a.org, *.b.org", "A.org"));
	assert_true(settings_allows("a.org,*.b.org", "x.b.org"));
	assert_false(settings_allows("a.org, *.b.org", "b.org"));
	assert_false(settings_allows("a.org, *.b.org", "xa.org"));
	assert_false(settings_allows("a.org", "a.org.evil"));
	assert_false(settings_allows(", ,", ""));
}

static void assert_secret(
    const struct settings *s, const char *host, const char *expected)
{
	char *secret = settings_webhook_secret(s, host);

	if (expected == NULL)
		assert_null(secret);
	else
		assert_string_equal(secret, expected);
	free(secret);
}

TEST(each_host_has_its_own_secret)
{
	struct settings *s = good("[webhook]\nsecrets = *.b.org=one, "
				  "x.b.org=two=2,a.org=three *.org=four\n");

	assert_secret(s, "y.b.org", "one");
	assert_secret(s, "X.b.org", "two=2");
	assert_secret(s, "a.org", "three");
	assert_secret(s, "c.org", "four");
	assert_secret(s, "c.com", NULL);
	settings_free(s);
	s = good("");
	assert_secret(s, "a.org", NULL);
	settings_free(s);
	assert_refused("[webhook]\nsecrets = a.org=x, geheim\n",
	    "r.conf: [webhook] secrets: number 2 must be HOST=SECRET, such as "
	    "hooks.example.com=${HOOK_SECRET}, without blanks and commas in "
	    "it");
	assert_refused("[webhook]\nsecrets = =geheim\n",
	    "r.conf: [webhook] secrets: number 1 must be HOST=SECRET, such as "
	    "hooks.example.com=${HOOK_SECRET}, without blanks and commas in "
	    "it");
	assert_refused("[webhook]\nsecrets = a.org=\n",
	    "r.conf: [webhook] secrets: number 1 must be HOST=SECRET, such as "
	    "hooks.example.com=${HOOK_SECRET}, without blanks and commas in "
	    "it");
}

TEST(services_must_make_sense)
{
	assert_refused("[s3]\nendpoint = s3.test\n",
	    "r.conf: [s3] endpoint = s3.test: must be a URL that begins with "
	    "https:// or http://");
	assert_refused("[smtp]\nhost = mx\n",
	    "r.conf: [smtp] from is missing; write for example from = Reports "
	    "<reports@example.com>");
	assert_refused("[smtp]\nhost = mx\nfrom = a@b\nuser = u\ntls = none\n",
	    "r.conf: [smtp] tls = none would send the password in the clear; "
	    "write tls = starttls or implicit, or leave user out");
	assert_refused("[smtp]\npassword = x\nsecret_arn = y\n",
	    "r.conf: [smtp] has password and secret_arn; leave one of them "
	    "out");
}

#define clean_test(f) cmocka_unit_test_setup_teardown(f, clean, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    clean_test(defaults_are_as_documented),
	    clean_test(every_key_is_taken),
	    clean_test(limits_are_kept_and_named),
	    clean_test(words_and_switches_name_what_is_allowed),
	    clean_test(log_levels_are_taken_as_the_log_knows_them),
	    clean_test(unknown_keys_and_sections_name_the_known_ones),
	    clean_test(a_key_before_the_first_section_is_refused),
	    clean_test(a_line_that_is_no_setting_is_refused),
	    clean_test(source_names_are_plain),
	    clean_test(what_is_missing_is_said),
	    clean_test(keys_must_agree_with_each_other),
	    clean_test(an_empty_text_is_the_default),
	    clean_test(the_default_source_falls_back_to_the_queue),
	    clean_test(variables_in_values_are_expanded),
	    clean_test(the_environment_wins_over_the_file),
	    clean_test(the_environment_alone_is_enough),
	    clean_test(keys_of_another_type_are_refused_where_they_stand),
	    clean_test(a_source_is_packed_for_its_worker),
	    clean_test(a_queue_with_a_secret_lends_it_to_its_own_source),
	    clean_test(a_source_can_be_set_by_the_environment),
	    clean_test(mistakes_in_the_environment_name_the_variable),
	    clean_test(a_variable_without_its_section_is_told),
	    clean_test(short_names_of_the_environment_are_a_source_and_a_place),
	    clean_test(short_names_are_refused_beside_what_they_stand_for),
	    clean_test(foreign_variables_pass),
	    clean_test(log_level_alone_is_honoured_and_gives_way),
	    clean_test(a_file_is_loaded_by_its_path),
	    clean_test(a_target_has_a_login_of_its_own),
	    clean_test(a_target_comes_back_from_its_packed_form),
	    clean_test(the_reference_describes_every_key),
	    clean_test(packed_settings_come_back),
	    clean_test(who_runs_reports_hears_nothing_of_the_ways_of_notices),
	    clean_test(a_list_allows_what_is_on_it),
	    clean_test(each_host_has_its_own_secret),
	    clean_test(services_must_make_sense),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
