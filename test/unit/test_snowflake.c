/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"
#include "source/snowflake/account.h"
#include "source/snowflake/jwt.h"
#include "source/snowflake/script.h"

/* The forms of an account, as Snowflake's connectors take them. */
static const struct {
	const char *account, *claim, *endpoint;
} accounts[] = {
    {"normalaccount", "NORMALACCOUNT",
	"https://normalaccount.snowflakecomputing.com"},
    {"acct-with-dashes", "ACCT-WITH-DASHES",
	"https://acct-with-dashes.snowflakecomputing.com"},
    {"testaccount.extra", "TESTACCOUNT",
	"https://testaccount.extra.snowflakecomputing.com"},
    {"testaccount-user.global", "TESTACCOUNT",
	"https://testaccount-user.global.snowflakecomputing.com"},
    {"s3testaccount.global", "S3TESTACCOUNT",
	"https://s3testaccount.global.snowflakecomputing.com"},
    {"xy12345.eu-west-1.privatelink", "XY12345",
	"https://xy12345.eu-west-1.privatelink.snowflakecomputing.com"},
    {"MyOrg-My_Account", "MYORG-MY_ACCOUNT",
	"https://myorg-my-account.snowflakecomputing.com"},
    {"https://myorg-a.snowflakecomputing.com/console", "MYORG-A",
	"https://myorg-a.snowflakecomputing.com"},
};

TEST(an_account_has_a_name_in_claims_and_a_host)
{
	for (size_t i = 0; i < COUNT(accounts); i++) {
		char *claim = account_claim(accounts[i].account);
		char *url = account_endpoint(accounts[i].account);

		assert_string_equal(claim, accounts[i].claim);
		assert_string_equal(url, accounts[i].endpoint);
		free(claim);
		free(url);
	}
}

static void assert_script(const char *script, const char *expected)
{
	struct buf out;

	buf_init(&out, 4096);
	script_write(script, &out);
	assert_string_equal(out.data, expected);
	buf_free(&out);
}

TEST(a_script_is_one_transaction_where_it_can_be)
{
	assert_script("-- first\ninsert into a values (';'); delete from b ;;",
	    "begin transaction;\ninsert into a values (';');\n"
	    "delete from b;\ncommit");
	assert_script("insert into a select 1; create table b as select 2",
	    "insert into a select 1;\ncreate table b as select 2;\n");
	assert_script("begin; insert into a select 1; commit",
	    "begin;\ninsert into a select 1;\ncommit;\n");
	assert_script("call p()", "call p();\n");
}

TEST(what_is_no_key_is_told)
{
	static const struct {
		const char *pem, *passphrase, *text;
	} all[] = {
	    {"", NULL, "is no PEM"},
	    {"secret", NULL, "is no PEM"},
	    {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		NULL, "cannot be read"},
	    {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
	     "-----END ENCRYPTED PRIVATE KEY-----\n",
		NULL, "is encrypted; give its passphrase"},
	    {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
	     "-----END ENCRYPTED PRIVATE KEY-----\n",
		"x", "passphrase does not open"},
	};

	for (size_t i = 0; i < COUNT(all); i++) {
		struct err e;

		assert_null(jwt_key_read(all[i].pem, all[i].passphrase, &e));
		assert_err_has(&e, all[i].text);
		assert_int_equal(e.kind, ERR_PERMANENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_account_has_a_name_in_claims_and_a_host),
	    cmocka_unit_test(a_script_is_one_transaction_where_it_can_be),
	    cmocka_unit_test(what_is_no_key_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
