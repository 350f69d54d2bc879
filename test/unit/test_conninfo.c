/* SPDX-License-Identifier: MIT */
#include "source/postgres/conninfo.h"

#include "helper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static void assert_merged(
    const char *conninfo, struct conninfo_login login, const char *expected)
{
	struct err e;
	char *merged = conninfo_merge(conninfo, &login, &e);

	assert_non_null(merged);
	assert_string_equal(merged, expected);
	assert_int_equal(conninfo_check(merged, &e), 0);
	conninfo_free(merged);
}

static void user_and_password_replace_those_of_the_string(void **state)
{
	struct conninfo_login login = {.user = "u", .password = "p"};

	(void)state;
	assert_merged("", login, "user='u' password='p'");
	assert_merged("host=h user=old password=older", login,
	    "user='u' password='p' host='h'");
	assert_merged("postgresql://old:older@h:5433/d?sslmode=require", login,
	    "user='u' password='p' dbname='d' host='h' port='5433' "
	    "sslmode='require'");
	login.user = NULL;
	assert_merged(
	    "host=h user=old", login, "user='old' password='p' host='h'");
}

static void the_place_fills_what_the_string_leaves_open(void **state)
{
	struct conninfo_login login = {
	    .host = "h", .port = "5439", .dbname = "d"};

	(void)state;
	assert_merged("", login, "dbname='d' host='h' port='5439'");
	assert_merged("host=mine dbname=own", login,
	    "dbname='own' host='mine' port='5439'");
	assert_merged("hostaddr=10.0.0.1 port=1", login,
	    "dbname='d' hostaddr='10.0.0.1' port='1'");
	assert_merged("service=s", login, "service='s'");
}

static void any_password_comes_through(void **state)
{
	static const char *const nasty[] = {"'", "\\", "a b", "\\'; host=evil",
	    "", " x ", "\xc3\xa4%41", "a'b\\'c\\\\'", "@:/?#&="};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(nasty) / sizeof(*nasty); i++) {
		char *merged = conninfo_merge("postgresql://h/d",
		    &(struct conninfo_login){.password = nasty[i]}, &e);
		char *back = conninfo_get(merged, "password");
		char *host = conninfo_get(merged, "host");

		assert_string_equal(back, nasty[i]);
		assert_string_equal(host, "h");
		free(back);
		free(host);
		conninfo_free(merged);
	}
}

static void a_string_that_cannot_be_read_is_not_repeated(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(conninfo_check("password=se cret", &e), -1);
	assert_null(strstr(e.text, "cret"));
	assert_null(conninfo_merge(
	    "password=se cret", &(struct conninfo_login){0}, &e));
	assert_null(conninfo_get("password=se cret", "password"));
	assert_null(conninfo_get("host=h", "password"));
}

static void assert_failure(
    const char *said, const char *code, const char *expected)
{
	char text[512], sqlstate[6];

	snprintf(text, sizeof(text), "%s", said);
	conninfo_failure(text, sqlstate);
	assert_string_equal(sqlstate, code);
	assert_string_equal(text, expected);
}

static void the_code_of_a_refusal_is_found(void **state)
{
	(void)state;
	assert_failure("connection to server at \"h\" (::1), port 5432 failed: "
		       "FATAL:  28P01: password authentication failed for user "
		       "\"u\"\nLOCATION:  auth_failed, auth.c:338\n",
	    "28P01",
	    "connection to server at \"h\" (::1), port 5432 failed: FATAL:  "
	    "password authentication failed for user \"u\"\n");
	assert_failure("one failed: FATAL:  57P03: starting\nLOCATION:  a\n"
		       "two failed: FATAL:  28000: no entry\nLOCATION:  b\n",
	    "28000",
	    "one failed: FATAL:  starting\ntwo failed: FATAL:  no entry\n");
	assert_failure("could not connect:  Connection refused\n", "",
	    "could not connect:  Connection refused\n");
	assert_failure("", "", "");
}

static void refusals_are_told_from_the_rest(void **state)
{
	(void)state;
	assert_true(conninfo_refused("28P01"));
	assert_true(conninfo_refused("28000"));
	assert_false(conninfo_refused("57P03"));
	assert_false(conninfo_refused(""));
}

/* Checks the values that are added, as "MODE FILE". */
static void assert_protected(const char *conninfo, const char *expected)
{
	struct conninfo_tls tls;
	char *got;

	conninfo_protect(conninfo, &tls);
	got = mem_printf("%s %s", tls.sslmode ? tls.sslmode : "-",
	    tls.sslrootcert ? tls.sslrootcert : "-");
	if (strcmp(got, expected) != 0)
		fail_msg("%s: %s, not %s", conninfo, got, expected);
	free(got);
}

static void another_host_is_verified_unless_somebody_says_otherwise(
    void **state)
{
	static const char *const here[] = {"", "host=/run/postgresql",
	    "host=@abstract", "host=localhost", "host=LOCALHOST",
	    "host=127.0.0.1", "host=127.7.7.7", "host=::1",
	    "postgresql://u@[::1]:5433/d", "host=db.test hostaddr=127.0.0.1",
	    "host=/a,localhost,127.0.0.1", "dbname=x"};
	static const char *const elsewhere[] = {"host=db.test",
	    "host=localhost.test", "host=10.1.2.3", "host=fd00::1",
	    "hostaddr=10.1.2.3", "host=localhost hostaddr=10.1.2.3",
	    "host=localhost,db.test", "host=/a,db.test",
	    "hostaddr=127.0.0.1,10.0.0.1", "postgresql://db.test/d",
	    "host=db.test password='geheim'", "host=vm1"};

	(void)state;
	setenv("SSL_CERT_FILE", "/bundle.pem", 1);
	setenv("HOME", "/nonexistent", 1);
	for (size_t i = 0; i < COUNT(here); i++)
		assert_protected(here[i], "- -");
	for (size_t i = 0; i < COUNT(elsewhere); i++)
		assert_protected(elsewhere[i], "verify-full /bundle.pem");
	assert_protected("host=db.test sslmode=disable", "- -");
	assert_protected("host=db.test sslmode=prefer", "- -");
	assert_protected("host=db.test sslmode=require", "- -");
	assert_protected("postgresql://db.test/d?sslmode=allow", "- -");
	assert_protected("host=db.test sslmode=verify-ca", "- /bundle.pem");
	assert_protected("host=db.test sslrootcert=/own.pem", "verify-full -");
	setenv("PGSSLMODE", "require", 1);
	assert_protected("host=db.test", "- -");
	unsetenv("PGSSLMODE");
	setenv("PGHOST", "db.test", 1);
	assert_protected("dbname=x", "verify-full /bundle.pem");
	assert_protected("host=/tmp", "- -");
	unsetenv("PGHOST");
}

static void the_systems_certificates_are_found(void **state)
{
	struct conninfo_tls tls;

	(void)state;
	unsetenv("SSL_CERT_FILE");
	conninfo_protect("host=db.test", &tls);
	assert_non_null(tls.sslrootcert);
	assert_int_equal(access(tls.sslrootcert, R_OK), 0);
}

static void the_users_own_certificates_go_before_the_systems(void **state)
{
	char *home = dir_make();
	char *dir = mem_printf("%s/.postgresql", home);
	char *file = mem_printf("%s/root.crt", dir);

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	file_put(file, "x");
	setenv("HOME", home, 1);
	assert_protected("host=db.test", "verify-full -");
	free(file);
	free(dir);
	dir_remove(home);
}

static void what_a_service_says_counts(void **state)
{
	char *home = dir_make();
	char *file = mem_printf("%s/services", home);

	(void)state;
	file_put(file, "[far]\nhost=db.test\n"
		       "[plain]\nhost=db.test\nsslmode=disable\n"
		       "[near]\nhost=/run\n"
		       "[own]\nhost=db.test\nsslrootcert=/own.pem\n");
	setenv("PGSERVICEFILE", file, 1);
	setenv("SSL_CERT_FILE", "/bundle.pem", 1);
	setenv("HOME", "/nonexistent", 1);
	assert_protected("service=far", "verify-full /bundle.pem");
	assert_protected("service=plain", "- -");
	assert_protected("service=near", "- -");
	assert_protected(
	    "service=near host=db.test", "verify-full /bundle.pem");
	assert_protected("service=own", "verify-full -");
	unsetenv("PGSERVICEFILE");
	unsetenv("SSL_CERT_FILE");
	free(file);
	dir_remove(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(user_and_password_replace_those_of_the_string),
	    cmocka_unit_test(the_place_fills_what_the_string_leaves_open),
	    cmocka_unit_test(any_password_comes_through),
	    cmocka_unit_test(a_string_that_cannot_be_read_is_not_repeated),
	    cmocka_unit_test(the_code_of_a_refusal_is_found),
	    cmocka_unit_test(refusals_are_told_from_the_rest),
	    cmocka_unit_test(
		another_host_is_verified_unless_somebody_says_otherwise),
	    cmocka_unit_test(the_systems_certificates_are_found),
	    cmocka_unit_test(the_users_own_certificates_go_before_the_systems),
	    cmocka_unit_test(what_a_service_says_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
