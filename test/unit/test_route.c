/* SPDX-License-Identifier: MIT */
#include "source/postgres/route.h"

#include "helper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "source/postgres/conninfo.h"

/* Checks that the next step connects with these values; "" and NULL: the string
 * has none. */
static void assert_connects(
    struct route *r, const char *host, const char *address, const char *port)
{
	const struct {
		const char *keyword, *expected;
	} all[] = {{"host", host}, {"hostaddr", address}, {"port", port}};

	assert_int_equal(route_next(r), ROUTE_CONNECT);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		char *value = conninfo_get(route_conninfo(r), all[i].keyword);

		assert_string_equal(
		    value ? value : "", all[i].expected ? all[i].expected : "");
		free(value);
	}
}

static void assert_looks_up(struct route *r, const char *host)
{
	assert_int_equal(route_next(r), ROUTE_LOOK_UP);
	assert_string_equal(route_host(r), host);
}

static void assert_ends(struct route *r)
{
	assert_int_equal(route_next(r), ROUTE_END);
	assert_int_equal(route_next(r), ROUTE_END);
	route_free(r);
}

static void hosts_that_are_no_names_are_connected_to_as_they_are(void **state)
{
	static const char *const hosts[] = {
	    "/run/postgresql", "@abstract", "127.0.0.1", "::1"};
	struct route *r;

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		char *conninfo = mem_printf("host=%s dbname=d", hosts[i]);

		r = route_open(conninfo, NULL);
		assert_connects(r, hosts[i], NULL, "5432");
		assert_ends(r);
		free(conninfo);
	}
	r = route_open("dbname=d", NULL);
	assert_connects(r, NULL, NULL, NULL);
	assert_ends(r);
	r = route_open("hostaddr=10.0.0.1,10.0.0.2 port=1,2", NULL);
	assert_connects(r, NULL, "10.0.0.1", "1");
	assert_connects(r, NULL, "10.0.0.2", "2");
	assert_ends(r);
	r = route_open("host=a,b hostaddr=10.0.0.1,10.0.0.2", NULL);
	assert_connects(r, "a", "10.0.0.1", "5432");
	assert_connects(r, "b", "10.0.0.2", "5432");
	assert_ends(r);
}

static void every_address_of_every_host_has_its_turn(void **state)
{
	struct route *r = route_open(
	    "postgresql://u:p@a:1,%2Frun:2,b:3/d?sslmode=require", NULL);
	char *password;

	(void)state;
	assert_looks_up(r, "a");
	route_found(r, "10.0.0.1 fe80::1%lo");
	assert_connects(r, "a", "10.0.0.1", "1");
	password = conninfo_get(route_conninfo(r), "password");
	assert_string_equal(password, "p");
	free(password);
	route_failed(r, "one\n", "");
	assert_connects(r, "a", "fe80::1%lo", "1");
	route_silent(r, 2500);
	assert_connects(r, "/run", NULL, "2");
	route_failed(r, "three", "57P03");
	assert_looks_up(r, "b");
	route_failed(r, "four", "");
	assert_string_equal(route_trouble(r),
	    "one\nconnection to server at \"a\" (fe80::1%lo), port 1 failed: "
	    "no answer within 2.5 s\nthree\nfour");
	assert_ends(r);
}

static void a_name_that_is_not_found_in_time_is_said(void **state)
{
	struct route *r = route_open("host=a,b", NULL);

	(void)state;
	assert_looks_up(r, "a");
	route_found(r, "10.0.0.1");
	assert_connects(r, "a", "10.0.0.1", "5432");
	route_failed(r, "one", "");
	assert_looks_up(r, "b");
	route_silent(r, 1000);
	assert_string_equal(route_trouble(r),
	    "one\ncould not translate host name \"b\" to address: no answer "
	    "within 1 s");
	assert_ends(r);
}

static void a_server_that_refuses_ends_the_route(void **state)
{
	static const char *const codes[] = {"28P01", "3D000", "53300"};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		struct route *r = route_open("host=/a,/b", NULL);

		assert_connects(r, "/a", NULL, "5432");
		route_failed(r, "refused", codes[i]);
		assert_string_equal(route_sqlstate(r), codes[i]);
		assert_ends(r);
	}
}

static void empty_elements_are_libpq_s_defaults(void **state)
{
	struct route *r = route_open("host=/a,,/c port=1,,3", NULL);

	(void)state;
	assert_connects(r, "/a", NULL, "1");
	assert_connects(r, "", NULL, "");
	assert_connects(r, "/c", NULL, "3");
	assert_ends(r);
	/* A value in the string precedes one in the environment. */
	setenv("PGHOST", "/env1,/env2", 1);
	setenv("PGPORT", "7", 1);
	r = route_open("dbname=d", NULL);
	assert_connects(r, "/env1", NULL, "7");
	assert_connects(r, "/env2", NULL, "7");
	assert_ends(r);
	unsetenv("PGHOST");
	unsetenv("PGPORT");
}

static void the_hosts_of_a_service_count(void **state)
{
	char *dir = dir_make(), *file = mem_printf("%s/services", dir);
	struct route *r;

	(void)state;
	file_put(file, "[two]\nhost=/a,b\nport=1,2\nconnect_timeout=7\n");
	setenv("PGSERVICEFILE", file, 1);
	r = route_open("service=two dbname=d", NULL);
	assert_connects(r, "/a", NULL, "1");
	assert_int_equal(route_step_ms(r, 1), 7000);
	assert_looks_up(r, "b");
	route_found(r, "10.0.0.1");
	assert_connects(r, "b", "10.0.0.1", "2");
	assert_ends(r);
	/* libpq says what is wrong with the string. */
	r = route_open("service=none_such", NULL);
	assert_connects(r, NULL, NULL, NULL);
	assert_ends(r);
	unsetenv("PGSERVICEFILE");
	free(file);
	dir_remove(dir);
}

static void lists_that_do_not_fit_are_left_to_libpq(void **state)
{
	static const char *const strings[] = {"host=a,b hostaddr=10.0.0.1",
	    "host=a,b port=1,2,3", "host=a hostaddr=10.0.0.1,10.0.0.2"};

	(void)state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
		struct route *r = route_open(strings[i], NULL);
		struct err e;
		char *same = conninfo_replace(strings[i], NULL, 0, &e);

		assert_int_equal(route_next(r), ROUTE_CONNECT);
		assert_string_equal(route_conninfo(r), same);
		conninfo_free(same);
		assert_ends(r);
	}
}

static void assert_attrs(struct route *r, const char *expected)
{
	char *attrs = conninfo_get(route_conninfo(r), "target_session_attrs");

	assert_string_equal(attrs ? attrs : "", expected);
	free(attrs);
}

static void prefer_standby_goes_through_the_hosts_twice(void **state)
{
	static const char both[] =
	    "host=/a,b target_session_attrs=prefer-standby";
	struct route *r = route_open(both, "read-write");

	(void)state;
	for (int pass = 0; pass < 2; pass++) {
		assert_connects(r, "/a", NULL, "5432");
		assert_attrs(r, pass ? "any" : "standby");
		assert_looks_up(r, "b");
		route_found(r, "10.0.0.1");
		assert_connects(r, "b", "10.0.0.1", "5432");
		assert_attrs(r, pass ? "any" : "standby");
	}
	assert_ends(r);
	/* The caller's value precedes the environment and follows the
	 * string. */
	setenv("PGTARGETSESSIONATTRS", "prefer-standby", 1);
	r = route_open("host=/a", "read-write");
	assert_connects(r, "/a", NULL, "5432");
	assert_attrs(r, "");
	assert_ends(r);
	unsetenv("PGTARGETSESSIONATTRS");
}

static void the_string_says_how_long_a_step_takes(void **state)
{
	static const struct {
		const char *conninfo;
		int64_t ms;
	} all[] = {{"host=/a", 15000}, {"connect_timeout=0", 15000},
	    {"connect_timeout=-1", 15000}, {"connect_timeout=1", 2000},
	    {"connect_timeout=60", 60000}, {"connect_timeout=x", 15000}};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct route *r = route_open(all[i].conninfo, NULL);

		assert_int_equal(route_step_ms(r, 15000), all[i].ms);
		route_free(r);
	}
}

static void names_are_looked_up(void **state)
{
	struct err e;
	char *list = route_look_up("localhost", &e);

	(void)state;
	assert_non_null(list);
	assert_true(
	    strstr(list, "127.0.0.1") != NULL || strstr(list, "::1") != NULL);
	free(list);
	assert_null(route_look_up("no such name", &e));
	assert_non_null(strstr(e.text,
	    "could not translate host name \"no such name\" to address: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		hosts_that_are_no_names_are_connected_to_as_they_are),
	    cmocka_unit_test(every_address_of_every_host_has_its_turn),
	    cmocka_unit_test(a_name_that_is_not_found_in_time_is_said),
	    cmocka_unit_test(a_server_that_refuses_ends_the_route),
	    cmocka_unit_test(empty_elements_are_libpq_s_defaults),
	    cmocka_unit_test(the_hosts_of_a_service_count),
	    cmocka_unit_test(lists_that_do_not_fit_are_left_to_libpq),
	    cmocka_unit_test(prefer_standby_goes_through_the_hosts_twice),
	    cmocka_unit_test(the_string_says_how_long_a_step_takes),
	    cmocka_unit_test(names_are_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
