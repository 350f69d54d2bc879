/* SPDX-License-Identifier: MIT */
#include "place/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "helper.h"

TEST(an_address_belongs_to_the_place_it_begins_like)
{
	static const struct {
		const char *address, *name;
	} cases[] = {
	    {"s3://bucket/key", "s3"},
	    {"s3:/bucket/key", "file"},
	    {"S3://bucket/key", "file"},
	    {"stdout:", "stdout"},
	    {"/srv/out/x.csv", "file"},
	    {"x.csv", "file"},
	    {"", "file"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *address = cases[i].address;

		assert_true(place_is(address, cases[i].name));
		assert_string_equal(
		    place_of(address)->scheme->name, cases[i].name);
		assert_int_equal(
		    place_is_file(address), strcmp(cases[i].name, "file") == 0);
	}
}

TEST(only_the_address_of_a_table_names_a_target)
{
	static const char *const none[] = {"table:dwh", "table:dwh/",
	    "table:/sales.orders", "table:d-h/sales.orders", "s3://dwh/orders",
	    "/table:dwh/sales.orders", "stdout:", ""};
	char *name = place_target("table:dwh/sales.\"Orders / 2026\"");

	assert_string_equal(name, "dwh");
	free(name);
	for (size_t i = 0; i < COUNT(none); i++)
		assert_null(place_target(none[i]));
}

TEST(every_scheme_has_a_place_of_its_name)
{
	const struct place_scheme *scheme;
	int places = 0;

	while (place_at(places) != NULL)
		places++;
	for (int i = 0; (scheme = place_scheme_at(i)) != NULL; i++) {
		assert_ptr_equal(place_of(scheme->prefix)->scheme, scheme);
		assert_non_null(scheme->check);
		assert_non_null(place_of(scheme->prefix)->allow);
		assert_non_null(place_of(scheme->prefix)->open);
		places--;
	}
	assert_int_equal(places, 0);
}

TEST(options_of_another_place_are_refused)
{
	json_t *options = json_pack("{s{ss}}", "s3", "acl", "private");
	struct err e;

	assert_int_equal(place_check("s3://bucket/key", options, &e), 0);
	assert_int_equal(place_check("/srv/x", options, &e), -1);
	assert_err(&e, "output_options: \"s3\" is for an output_path that "
		       "begins with s3://");
	assert_int_equal(place_check("/srv/x", NULL, &e), 0);
	json_decref(options);
	options = json_pack("{s{sb}}", "file", "create_only", 1);
	assert_int_equal(place_check("/srv/x", options, &e), 0);
	assert_int_equal(place_check("s3://bucket/key", options, &e), -1);
	assert_err(&e, "output_options: \"file\" is for an output_path that "
		       "is a local file");
	json_decref(options);
}

TEST(what_a_place_cannot_do_is_said)
{
	struct place_lent lent = {.services = NULL};
	struct err e;

	assert_int_equal(place_list(&lent, "/srv/", NULL, NULL, &e), -1);
	assert_err(&e, "/srv/: a place of the kind file cannot be listed");
	assert_null(place_read(&lent, "stdout:", &e));
	assert_err(&e, "stdout:: a place of the kind stdout cannot be read");
	assert_int_equal(place_allow(&lent, "stdout:", NULL, &e), -1);
	assert_err_has(&e, "no report of the queue");
}

/* ---- files ---- */

struct folder {
	char *root, *path;
	struct place_lent lent;
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct folder folder_make(const char *text)
{
	struct folder f = {.root = dir_make()};

	f.path = mem_printf("%s/x.csv", f.root);
	f.lent.root = f.root;
	write_file(f.path, text);
	return f;
}

static void folder_remove(struct folder *f)
{
	free(f->path);
	dir_remove(f->root);
}

TEST(a_file_is_read_back_at_any_offset)
{
	struct folder f = folder_make("0123456789");
	struct err e;
	struct place_reader *r = place_read(&f.lent, f.path, &e);
	char to[8] = "";
	char *all;
	size_t len;

	assert_non_null(r);
	assert_int_equal(r->size, 10);
	assert_int_equal(place_read_at(r, 7, to, 3, &e), 0);
	assert_string_equal(to, "789");
	assert_int_equal(place_read_at(r, 0, to, 2, &e), 0);
	assert_memory_equal(to, "01", 2);
	/* fewer bytes are left */
	assert_int_equal(place_read_at(r, 8, to, 3, &e), 1);
	place_read_end(r);
	all = place_read_all(&f.lent, f.path, 10, &len, &e);
	assert_string_equal(all, "0123456789");
	assert_int_equal(len, 10);
	free(all);
	assert_null(place_read_all(&f.lent, f.path, 9, &len, &e));
	assert_err_has(&e, "is larger than 9 bytes");
	folder_remove(&f);
}

TEST(a_file_that_is_gone_may_come_back)
{
	struct folder f = folder_make("x");
	char *url;
	int64_t ends;
	struct err e;

	assert_int_equal(place_link(&f.lent, f.path, 60, &url, &ends, &e), 0);
	assert_null(url); /* a file has no URL: people open it by its path */
	remove(f.path);
	assert_null(place_read(&f.lent, f.path, &e));
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_err_has(&e, "is not there on");
	assert_int_equal(place_link(&f.lent, f.path, 60, &url, &ends, &e), -1);
	folder_remove(&f);
}

TEST(no_link_below_the_root_is_read)
{
	struct folder f = folder_make("x");
	char *link = mem_printf("%s/link", f.root);
	struct err e;

	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(place_allow(&f.lent, link, NULL, &e), 0);
	assert_null(place_read(&f.lent, link, &e));
	assert_int_equal(place_allow(&f.lent, "/etc/passwd", NULL, &e), -1);
	assert_err_has(&e, "is not below [reportd] output_root");
	free(link);
	folder_remove(&f);
}

/* ---- the record ---- */

static void count(void *arg)
{
	(*(int *)arg)++;
}

static int entries(const struct place_record *r)
{
	return (int)json_array_size(r->list);
}

TEST(the_record_has_what_would_be_left)
{
	int told = 0;
	struct place_record r = {.announce = count, .arg = &told};
	const json_t *one;

	place_record_begins(&r, "s3://b/k");
	assert_int_equal(told, 1);
	place_record_begins(&r, "s3://b/other");
	place_record_made(&r, "s3://b/k", "id");
	assert_int_equal(told, 3);
	assert_int_equal(entries(&r), 2);
	one = json_array_get(r.list, 0);
	assert_string_equal(json_str(one, "place", ""), "s3://b/k");
	assert_string_equal(json_str(one, "id", ""), "id");
	assert_true(json_int(one, "at", 0) > 0);
	place_record_over(&r, "s3://b/k", "another id");
	assert_int_equal(entries(&r), 2);
	place_record_over(&r, "s3://b/k", "id");
	assert_int_equal(entries(&r), 1);
	/* no call for the end: the run's result reports it */
	assert_int_equal(told, 3);
	place_record_begins(NULL, "s3://b/k");
	place_record_over(NULL, "s3://b/k", "id");
	json_decref(r.list);
}

TEST(a_sweep_finds_nothing_left_of_a_file_and_no_place_in_a_statement)
{
	struct place_lent lent = {.services = NULL};
	json_t *file = json_pack("{ss}", "place", "/srv/x");
	json_t *statement = json_pack("{ss}", "source", "snow");
	int64_t wait = INT64_MAX;
	struct err e;

	assert_int_equal(place_sweep(&lent, file, &wait, &e), 0);
	assert_int_equal(place_sweep(&lent, statement, &wait, &e), 2);
	assert_true(wait == INT64_MAX);
	json_decref(statement);
	json_decref(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_belongs_to_the_place_it_begins_like),
	    cmocka_unit_test(only_the_address_of_a_table_names_a_target),
	    cmocka_unit_test(every_scheme_has_a_place_of_its_name),
	    cmocka_unit_test(options_of_another_place_are_refused),
	    cmocka_unit_test(what_a_place_cannot_do_is_said),
	    cmocka_unit_test(a_file_is_read_back_at_any_offset),
	    cmocka_unit_test(a_file_that_is_gone_may_come_back),
	    cmocka_unit_test(no_link_below_the_root_is_read),
	    cmocka_unit_test(the_record_has_what_would_be_left),
	    cmocka_unit_test(
		a_sweep_finds_nothing_left_of_a_file_and_no_place_in_a_statement),
	};

	return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
