/* SPDX-License-Identifier: MIT */
#include "settings/tokens.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "helper.h"

/* SHA-256 of "one" and "two". */
#define ONE "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
#define TWO "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"

static struct tokens *load(const char *text, mode_t mode, struct err *e)
{
	char path[] = "/tmp/test_tokens.XXXXXX";
	int fd = mkstemp(path);
	struct tokens *t;

	assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	fchmod(fd, mode);
	close(fd);
	t = tokens_load(path, e);
	unlink(path);
	return t;
}

TEST(a_token_is_its_role)
{
	struct err e;
	struct tokens *t =
	    load("# all of them\n\n  Ann Lee\t " ONE " \r\nbob " TWO, 0600, &e);

	assert_non_null(t);
	assert_string_equal(tokens_role(t, "Bearer one"), "Ann Lee");
	assert_string_equal(tokens_role(t, "bearer  two"), "bob");
	assert_null(tokens_role(t, "Bearer three"));
	assert_null(tokens_role(t, "Bearer " ONE));
	assert_null(tokens_role(t, "Bearer "));
	assert_null(tokens_role(t, "Basic one"));
	assert_null(tokens_role(t, "one"));
	assert_null(tokens_role(t, NULL));
	tokens_free(t);
}

TEST(a_file_that_is_wrong_is_refused)
{
	static const char *const bad[] = {
	    ONE, "bob " ONE "0", "bob 12", "bob" ONE, " \tbob x" TWO};
	struct err e;

	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_null(load(bad[i], 0600, &e));
		assert_err_has(&e, ":1: write a role, a blank and the SHA-256");
	}
	assert_null(load("bob " ONE "\nann 1\n", 0600, &e));
	assert_err_has(&e, ":2: ");
	assert_null(load("bob " ONE, 0620, &e));
	assert_err_has(&e, "others than its owner may write it");
	/* A folder cannot be read; that is not a file without tokens. */
	assert_null(tokens_load("/", &e));
	assert_err_has(&e, "token_file: /: Is a directory");
	assert_null(tokens_load("/nonexistent/tokens", &e));
	assert_err_has(&e, "[server] token_file /nonexistent/tokens");
}

TEST(a_comment_of_any_length_holds_no_token)
{
	char *text = mem_printf("#%*s bob " ONE "\n", 510, "");
	struct err e;
	struct tokens *t = load(text, 0600, &e);

	assert_non_null(t);
	assert_null(tokens_role(t, "Bearer one"));
	tokens_free(t);
	free(text);
}

TEST(without_a_file_nobody_has_a_token)
{
	struct err e;
	struct tokens *t = tokens_load(NULL, &e);

	assert_null(tokens_role(t, "Bearer one"));
	tokens_free(t);
}

TEST(roles_are_an_array_and_can_be_refused)
{
	struct err e;
	struct tokens *t = load("a\"b\\c " ONE "\nbob " TWO "\n", 0600, &e);
	struct buf b;

	buf_init(&b, 1024);
	tokens_list_roles(t, &b);
	assert_string_equal(b.data, "{\"a\\\"b\\\\c\",\"bob\"}");
	buf_free(&b);
	assert_null(tokens_refusal(t, "bob"));
	tokens_refuse(t, "bob", "no");
	tokens_refuse(t, "bob", "never");
	assert_string_equal(tokens_refusal(t, "bob"), "never");
	assert_null(tokens_refusal(t, "a\"b\\c"));
	tokens_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_token_is_its_role),
	    cmocka_unit_test(a_file_that_is_wrong_is_refused),
	    cmocka_unit_test(a_comment_of_any_length_holds_no_token),
	    cmocka_unit_test(without_a_file_nobody_has_a_token),
	    cmocka_unit_test(roles_are_an_array_and_can_be_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
