/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"
#include "place/s3/object.h"
#include "place/s3/option.h"
#include "place/s3/s3.h"
#include "place/s3/scheme.h"
#include "settings/load.h"

#define MIB ((int64_t)1 << 20)
#define TIB ((int64_t)1 << 40)

static int64_t whole(int64_t base)
{
	int64_t sum = 0;

	for (int n = 1; n <= S3_PARTS_MAX; n++)
		sum += s3_part_size(base, n);
	return sum;
}

TEST(ten_thousand_parts_hold_five_tebibytes)
{
	static const int64_t bases[] = {5 * MIB, 6 * MIB, 8 * MIB, 16 * MIB,
	    100 * MIB, 1024 * MIB, S3_PART_MAX};

	for (size_t i = 0; i < COUNT(bases); i++)
		assert_true(whole(bases[i]) >= 5 * TIB);
}

TEST(parts_grow_late_and_never_past_what_s3_takes)
{
	assert_true(s3_part_size(8 * MIB, 1) == 8 * MIB);
	assert_true(s3_part_size(8 * MIB, 4000) == 8 * MIB);
	assert_true(s3_part_size(8 * MIB, 4001) == 16 * MIB);
	assert_true(s3_part_size(8 * MIB, 4600) == 16 * MIB);
	assert_true(s3_part_size(8 * MIB, 4601) == 32 * MIB);
	for (int n = 2; n <= S3_PARTS_MAX; n++) {
		assert_true(
		    s3_part_size(8 * MIB, n) >= s3_part_size(8 * MIB, n - 1));
		assert_true(s3_part_size(8 * MIB, n) <= S3_PART_MAX);
	}
}

/* ---- places ---- */

static void assert_place(const char *place)
{
	struct err e = {.text = ""};

	assert_int_equal(s3_place_check(place, &e), 0);
	assert_err(&e, "");
}

static void assert_no_place(const char *place, const char *why)
{
	struct err e = {.text = "accepted"};

	assert_int_equal(s3_place_check(place, &e), -1);
	assert_err_has(&e, why);
	assert_int_equal(e.kind, ERR_PERMANENT);
}

TEST(a_place_has_a_bucket_and_a_key)
{
	char *long_key = calloc(1, 1100);

	assert_place("s3://abc/k");
	assert_place("s3://a.b-c.9/some/where/x.csv");
	assert_place("s3://abc/\xE6\x97\xA5 \xC3\xBC+%&=;~'()!$*,?#[]@:\"<>|");
	assert_place("s3://abc/.../..x/x../.hidden");
	assert_no_place("s3://ab/k", "not a bucket's name");
	assert_no_place("s3:///k", "not a bucket's name");
	assert_no_place("s3://Abc/k", "not a bucket's name");
	assert_no_place("s3://a_c/k", "not a bucket's name");
	assert_no_place("s3://a..c/k", "not a bucket's name");
	assert_no_place("s3://-abc/k", "not a bucket's name");
	assert_no_place("s3://abc./k", "not a bucket's name");
	assert_no_place("s3://abc", "names no object");
	assert_no_place("s3://abc/", "names no object");
	assert_no_place("s3://abc/a/", "names no object");
	assert_no_place("s3://abc//a", "is empty");
	assert_no_place("s3://abc/a//b", "is empty");
	assert_no_place("s3://abc/../b", "is \"..\"");
	assert_no_place("s3://abc/a/./b", "is \".\"");
	assert_no_place("s3://abc/a/..", "is \"..\"");
	assert_no_place("s3://abc/a\nb", "control character");
	assert_no_place("s3://abc/a\x7F", "control character");
	assert_no_place("s3://abc/\xFF", "no UTF-8");
	strcpy(long_key, "s3://abc/");
	memset(long_key + 9, 'k', 1024);
	assert_place(long_key);
	memset(long_key + 9, 'k', 1025);
	assert_no_place(long_key, "1024 bytes");
	free(long_key);
}

TEST(a_bucket_is_in_the_path_or_in_the_host)
{
	struct s3_store path = {.virtual_host = false};
	struct s3_target t;

	s3_target(&path, "s3://abc/x/y", &t);
	assert_string_equal(t.bucket, "abc");
	assert_string_equal(t.key, "x/y");
	assert_string_equal(t.path, "/abc/x/y");
	assert_null(t.host);
	s3_target_free(&t);
}

/* ---- headers ---- */

static void assert_metadata(const char *text, const char *expected)
{
	struct buf b;

	buf_init(&b, 4096);
	s3_metadata_value(&b, text);
	assert_string_equal(b.data, expected);
	buf_free(&b);
}

TEST(metadata_is_ascii)
{
	assert_metadata("sales of May", "sales of May");
	assert_metadata("caf\xC3\xA9", "=?UTF-8?B?Y2Fmw6k=?=");
	assert_metadata("=?x", "=?UTF-8?B?PT94?=");
}

static void assert_disposition(const char *key, const char *expected)
{
	struct buf b;

	buf_init(&b, 4096);
	s3_disposition(&b, "attachment", key);
	assert_string_equal(b.data, expected);
	buf_free(&b);
}

TEST(the_file_is_named_like_the_end_of_the_key)
{
	assert_disposition("a/b/c d.csv", "attachment; filename=\"c d.csv\"");
	assert_disposition("x.csv", "attachment; filename=\"x.csv\"");
	/* U+202E turns the name round: it would end in fdp. */
	assert_disposition(
	    "a/b\u202Efdp.exe", "attachment; filename=\"b_fdp.exe\"");
	assert_disposition("\u00E9\u200B.csv",
	    "attachment; filename=\"___.csv\"; filename*=UTF-8''%C3%A9_.csv");
}

static const char *value_of(const struct s3_pairs *p, const char *name)
{
	for (int i = 0; i < p->count; i++) {
		if (strcmp(p->list[i].name, name) == 0)
			return p->list[i].value;
	}
	return NULL;
}

static json_t *parse(const char *text)
{
	return json_loads(text, 0, NULL);
}

TEST(the_options_become_headers_and_the_settings_stand_in_for_them)
{
	struct s3_store store = {.sse = "aws:kms",
	    .kms_key = "house",
	    .acl = "private",
	    .storage_class = "STANDARD_IA"};
	struct s3_about about = {.media_type = "text/csv",
	    .run_id = "7",
	    .report = "r",
	    .options = parse("{\"acl\": \"public-read\", \"metadata\": "
			     "{\"owner\": \"me\"}, \"cache_control\": "
			     "\"no-store\", \"sse\": \"AES256\"}")};
	struct s3_pairs p = {0};

	s3_object_headers(&store, "k.csv", &about, &p);
	assert_string_equal(value_of(&p, "content-type"), "text/csv");
	assert_string_equal(value_of(&p, "content-disposition"),
	    "attachment; filename=\"k.csv\"");
	assert_string_equal(value_of(&p, "x-amz-acl"), "public-read");
	assert_string_equal(value_of(&p, "x-amz-storage-class"), "STANDARD_IA");
	assert_string_equal(
	    value_of(&p, "x-amz-server-side-encryption"), "AES256");
	assert_null(
	    value_of(&p, "x-amz-server-side-encryption-aws-kms-key-id"));
	assert_string_equal(value_of(&p, "cache-control"), "no-store");
	assert_string_equal(value_of(&p, "x-amz-meta-run-id"), "7");
	assert_string_equal(value_of(&p, "x-amz-meta-report"), "r");
	assert_string_equal(value_of(&p, "x-amz-meta-owner"), "me");
	s3_pairs_free(&p);
	json_decref((json_t *)(uintptr_t)about.options);

	about.options = NULL;
	about.media_type = "application/pdf";
	s3_object_headers(&store, "k.pdf", &about, &p);
	assert_string_equal(
	    value_of(&p, "content-disposition"), "inline; filename=\"k.pdf\"");
	assert_string_equal(
	    value_of(&p, "x-amz-server-side-encryption"), "aws:kms");
	assert_string_equal(
	    value_of(&p, "x-amz-server-side-encryption-aws-kms-key-id"),
	    "house");
	s3_pairs_free(&p);
}

static void assert_options(const char *json, const char *why)
{
	struct err e = {.text = ""};
	json_t *o = parse(json);

	assert_non_null(o);
	assert_int_equal(s3_check_options(o, &e), why ? -1 : 0);
	if (why != NULL)
		assert_err_has(&e, why);
	json_decref(o);
}

TEST(options_that_no_header_can_hold_are_refused)
{
	assert_options("{}", NULL);
	assert_options("{\"sse\": \"aws:kms\", \"kms_key\": \"k\"}", NULL);
	assert_options("{\"kms_key\": \"k\"}", "needs \"sse\"");
	assert_options("{\"sse\": \"AES256\", \"kms_key\": \"k\"}", "needs");
	assert_options("{\"cache_control\": \"a\\r\\nb\"}", "control");
	assert_options("{\"metadata\": {\"a\": \"b\\n\"}}", "control");
	assert_options("{\"metadata\": {\"run-id\": \"1\"}}", "cannot be");
	assert_options("{\"metadata\": {\"A\": \"1\"}}", "cannot be");
	assert_options("{\"metadata\": {\"\": \"1\"}}", "cannot be");
	assert_options("{\"tags\": {\"\": \"1\"}}", "1 to 128");
	assert_options(
	    "{\"tags\": {\"1\":\"\",\"2\":\"\",\"3\":\"\",\"4\":\"\","
	    "\"5\":\"\",\"6\":\"\",\"7\":\"\",\"8\":\"\",\"9\":\"\","
	    "\"10\":\"\",\"11\":\"\"}}",
	    "11 tags");
}

TEST(the_list_of_parts_is_xml)
{
	char first[] = "\"a\"", second[] = "b&<", *etags[] = {first, second};
	struct buf b;

	buf_init(&b, 4096);
	s3_complete_body(&b, etags, 2);
	assert_string_equal(b.data,
	    "<CompleteMultipartUpload "
	    "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
	    "<Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>"
	    "<Part><PartNumber>2</PartNumber><ETag>b&amp;&lt;</ETag></Part>"
	    "</CompleteMultipartUpload>");
	buf_free(&b);
}

/* Whether settings with these lines let a report write to the bucket. */
static bool allows(const char *lines, const char *bucket)
{
	FILE *f = fmemopen((void *)(uintptr_t)lines, strlen(lines), "r");
	char *address = mem_printf("s3://%s/key", bucket);
	struct settings *settings;
	struct place_lent lent;
	struct err e;
	bool allowed;

	settings = settings_read(f, "r.conf", &e);
	assert_non_null(settings);
	lent = (struct place_lent){.services = services_open(settings)};
	allowed = place_s3.allow(&lent, address, NULL, &e) == 0;
	services_close(lent.services);
	settings_free(settings);
	free(address);
	fclose(f);
	return allowed;
}

TEST(the_bucket_of_output_is_allowed)
{
	static const char own[] = "[reportd]\noutput = s3://own/{report_name}\n"
				  "[s3]\nbuckets = a-*\n";
	static const char none[] = "[reportd]\noutput_root = /o\n";

	assert_true(allows(own, "own"));
	assert_true(allows(own, "a-b"));
	assert_false(allows(own, "owner"));
	assert_false(allows(own, "ow"));
	assert_false(allows(none, "own"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ten_thousand_parts_hold_five_tebibytes),
	    cmocka_unit_test(parts_grow_late_and_never_past_what_s3_takes),
	    cmocka_unit_test(a_place_has_a_bucket_and_a_key),
	    cmocka_unit_test(a_bucket_is_in_the_path_or_in_the_host),
	    cmocka_unit_test(metadata_is_ascii),
	    cmocka_unit_test(the_file_is_named_like_the_end_of_the_key),
	    cmocka_unit_test(
		the_options_become_headers_and_the_settings_stand_in_for_them),
	    cmocka_unit_test(options_that_no_header_can_hold_are_refused),
	    cmocka_unit_test(the_list_of_parts_is_xml),
	    cmocka_unit_test(the_bucket_of_output_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
