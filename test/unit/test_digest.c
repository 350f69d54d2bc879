/* SPDX-License-Identifier: MIT */
#include "sink/digest.h"

#include <string.h>

#include "base/mem.h"
#include "helper.h"

/* FIPS 180-2, appendix B, and NIST's examples of SHA-256. */
static const struct {
	const char *text;
	int times;
	const char *sha256;
} vectors[] = {
    {"", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1,
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
	"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
     "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
	1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    {"a", 1000000,
	"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

TEST(published_vectors_come_out)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		size_t len = strlen(vectors[i].text), total = 0;
		struct fake f;
		struct err e;
		struct sink *s;

		fake_init(&f);
		s = digest_open(fake_open(&f), &e);
		assert_non_null(s);
		for (int n = 0; n < vectors[i].times; n++, total += len)
			assert_int_equal(
			    sink_write(s, vectors[i].text, len, &e), 0);
		assert_int_equal(sink_finish(s, &e), 0);
		assert_string_equal(digest_sha256(s), vectors[i].sha256);
		assert_int_equal(digest_bytes(s), total);
		assert_int_equal(f.bytes.len, total);
		sink_free(s);
		fake_free(&f);
	}
}

TEST(the_pieces_do_not_matter)
{
	const char *text = vectors[3].text;

	for (size_t cut = 0; cut <= strlen(text); cut++) {
		struct fake f;
		struct err e;
		struct sink *s;

		fake_init(&f);
		s = digest_open(fake_open(&f), &e);
		assert_int_equal(sink_write(s, text, cut, &e), 0);
		assert_int_equal(
		    sink_write(s, text + cut, strlen(text) - cut, &e), 0);
		assert_int_equal(sink_finish(s, &e), 0);
		assert_string_equal(digest_sha256(s), vectors[3].sha256);
		assert_string_equal(f.bytes.data, text);
		sink_free(s);
		fake_free(&f);
	}
}

TEST(bytes_are_counted_as_they_pass)
{
	struct fake f;
	struct err e;
	struct sink *s;

	fake_init(&f);
	s = digest_open(fake_open(&f), &e);
	assert_int_equal(digest_bytes(s), 0);
	assert_int_equal(sink_write(s, "abc", 3, &e), 0);
	assert_int_equal(digest_bytes(s), 3);
	assert_string_equal(digest_sha256(s), "");
	sink_free(s);
	assert_int_equal(f.aborted, 1);
	assert_int_equal(f.freed, 1);
	fake_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published_vectors_come_out),
	    cmocka_unit_test(the_pieces_do_not_matter),
	    cmocka_unit_test(bytes_are_counted_as_they_pass),
	};

	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
