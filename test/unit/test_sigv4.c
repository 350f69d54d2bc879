/* SPDX-License-Identifier: MIT */
#include "net/aws/sigv4.h"

#include <string.h>

#include "helper.h"

/*
 * Signatures that AWS has published: the requests of its SigV4 test suite,
 * given here by their parts, and the examples for S3 in
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
#define UNRESERVED                             \
	"-._~0123456789ABCDEFGHIJKLMNOPQRSTUV" \
	"WXYZabcdefghijklmnopqrstuvwxyz"
#define SHORT_TOKEN                         \
	"6e86291e8372ff2a2260956d9b8aae1d7" \
	"63fbf315fa00fa31553b73ebf194267"
#define LONG_TOKEN                                                           \
	"AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQ" \
	"WLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMc" \
	"GdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp7" \
	"5YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZb" \
	"qBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/o" \
	"LxBA=="

struct vector {
	const char *name;
	const char *method; /* NULL: GET */
	const char *path;   /* NULL: / */
	struct sigv4_pair query[4], headers[4];
	const char *body, *token;
	const char *signature;
};

/* 2015-08-30 12:36:00 */
#define SUITE_NOW 1440938160
static const struct vector suite[] = {
    {.name = "get-header-key-duplicate",
	.headers = {{"My-Header1", "value2"}, {"My-Header1", "value2"},
	    {"My-Header1", "value1"}},
	.signature =
	    "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {.name = "get-header-value-multiline",
	.headers = {{"My-Header1", "value1\n  value2\n     value3"}},
	.signature =
	    "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd"},
    {.name = "get-header-value-order",
	.headers = {{"My-Header1", "value4"}, {"My-Header1", "value1"},
	    {"My-Header1", "value3"}, {"My-Header1", "value2"}},
	.signature =
	    "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    {.name = "get-header-value-trim",
	.headers = {{"My-Header1", " value1"},
	    {"My-Header2", " \"a   b   c\""}},
	.signature =
	    "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {.name = "get-unreserved",
	.path = "/" UNRESERVED,
	.signature =
	    "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {.name = "get-utf8",
	.path = "/ሴ",
	.signature =
	    "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {.name = "get-vanilla-empty-query-key",
	.query = {{"Param1", "value1"}},
	.signature =
	    "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {.name = "get-vanilla-query-order-encoded",
	.query = {{"Param-3", "Value3"}, {"Param", "Value2"}, {"ሴ", "Value1"}},
	.signature =
	    "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
    {.name = "get-vanilla-query-order-key-case",
	.query = {{"Param2", "value2"}, {"Param1", "value1"}},
	.signature =
	    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {.name = "get-vanilla-query-order-key",
	.query = {{"Param1", "value2"}, {"Param1", "Value1"}},
	.signature =
	    "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
    {.name = "get-vanilla-query-order-value",
	.query = {{"Param1", "value2"}, {"Param1", "value1"}},
	.signature =
	    "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
    {.name = "get-vanilla-query-unreserved",
	.query = {{UNRESERVED, UNRESERVED}},
	.signature =
	    "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {.name = "get-vanilla-query",
	.signature =
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-vanilla-utf8-query",
	.query = {{"ሴ", "bar"}},
	.signature =
	    "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {.name = "get-vanilla-with-session-token",
	.token = SHORT_TOKEN,
	.signature =
	    "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
    {.name = "get-vanilla",
	.signature =
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-relative-relative",
	.path = "/example1/example2/../..",
	.signature =
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-relative",
	.path = "/example/..",
	.signature =
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-slash-dot-slash",
	.path = "/./",
	.signature =
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-slash-pointless-dot",
	.path = "/./example",
	.signature =
	    "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
    {.name = "get-slash",
	.path = "//",
	.signature =
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-slashes",
	.path = "//example//",
	.signature =
	    "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
    {.name = "get-space",
	.path = "/example space/",
	.signature =
	    "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {.name = "get-special-character",
	.path = "/example/$delete",
	.signature =
	    "a853c9b21b528b19643d00910d35b83a10c366a10833ceefb45edd6c80e40f27"},
    {.name = "post-header-key-case",
	.method = "POST",
	.signature =
	    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {.name = "post-header-key-sort",
	.method = "POST",
	.headers = {{"My-Header1", "value1"}},
	.signature =
	    "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {.name = "post-header-value-case",
	.method = "POST",
	.headers = {{"My-Header1", "VALUE1"}},
	.signature =
	    "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    {.name = "post-sts-header-after",
	.method = "POST",
	.signature =
	    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {.name = "post-sts-header-before",
	.method = "POST",
	.token = LONG_TOKEN,
	.signature =
	    "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
    {.name = "post-vanilla-empty-query-value",
	.method = "POST",
	.query = {{"Param1", "value1"}},
	.signature =
	    "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {.name = "post-vanilla-query",
	.method = "POST",
	.query = {{"Param1", "value1"}},
	.signature =
	    "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {.name = "post-vanilla",
	.method = "POST",
	.signature =
	    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {.name = "post-x-www-form-urlencoded-parameters",
	.method = "POST",
	.headers = {{"Content-Type",
	    "application/x-www-form-urlencoded; charset=utf8"}},
	.body = "Param1=value1",
	.signature =
	    "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
    {.name = "post-x-www-form-urlencoded",
	.method = "POST",
	.headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
	.body = "Param1=value1",
	.signature =
	    "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
};

/* 2013-05-24 00:00:00 */
#define S3_NOW 1369353600
static const struct vector s3[] = {
    {.name = "get an object",
	.path = "/test.txt",
	.headers = {{"Range", "bytes=0-9"}},
	.signature =
	    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {.name = "put an object",
	.method = "PUT",
	.path = "/test$file.text",
	.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
	    {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
	.body = "Welcome to Amazon S3.",
	.signature =
	    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {.name = "get the lifecycle",
	.query = {{"lifecycle", ""}},
	.signature =
	    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {.name = "list",
	.query = {{"max-keys", "2"}, {"prefix", "J"}},
	.signature =
	    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static const struct sigv4_key s3_key = {
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL};

static int count(const struct sigv4_pair *pairs)
{
	int n = 0;

	while (n < 4 && pairs[n].name != NULL)
		n++;
	return n;
}

static struct sigv4_request request_of(const struct vector *v, char *sha256)
{
	sigv4_sha256(v->body, v->body ? strlen(v->body) : 0, sha256);
	return (struct sigv4_request){.region = "us-east-1",
	    .method = v->method ? v->method : "GET",
	    .path = v->path ? v->path : "/",
	    .query = v->query,
	    .query_count = count(v->query),
	    .headers = v->headers,
	    .header_count = count(v->headers),
	    .payload_sha256 = sha256};
}

/* Returns the value of the header line of this name, or "". */
static const char *line_of(const struct buf *lines, const char *name)
{
	size_t len = strlen(name);

	for (size_t at = 0; at < lines->len;
	     at += strlen(lines->data + at) + 1) {
		const char *line = lines->data + at;

		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 2;
	}
	return "";
}

static void check(const struct vector *v, const struct sigv4_key *key,
    const struct sigv4_request *r)
{
	struct buf lines;
	const char *found;

	buf_init(&lines, 1 << 16);
	sigv4_sign(key, r, &lines);
	found = strstr(line_of(&lines, "Authorization"), "Signature=");
	if (found == NULL || strcmp(found + 10, v->signature) != 0)
		fail_msg("%s: %s", v->name, line_of(&lines, "Authorization"));
	buf_free(&lines);
}

TEST(the_published_suite_is_signed_as_published)
{
	for (size_t i = 0; i < COUNT(suite); i++) {
		struct sigv4_key key = {"AKIDEXAMPLE",
		    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", suite[i].token};
		char sha256[SIGV4_HEX];
		struct sigv4_request r = request_of(&suite[i], sha256);

		r.service = "service";
		r.host = "example.amazonaws.com";
		r.now = SUITE_NOW;
		r.path_is_escaped = true;
		check(&suite[i], &key, &r);
	}
}

TEST(the_published_examples_of_s3_are_signed_as_published)
{
	for (size_t i = 0; i < COUNT(s3); i++) {
		char sha256[SIGV4_HEX];
		struct sigv4_request r = request_of(&s3[i], sha256);

		r.service = "s3";
		r.host = "examplebucket.s3.amazonaws.com";
		r.now = S3_NOW;
		r.s3 = true;
		check(&s3[i], &s3_key, &r);
	}
}

TEST(the_published_url_is_presigned_as_published)
{
	struct sigv4_request r = {.service = "s3",
	    .region = "us-east-1",
	    .method = "GET",
	    .host = "examplebucket.s3.amazonaws.com",
	    .path = "/test.txt",
	    .payload_sha256 = "UNSIGNED-PAYLOAD",
	    .now = S3_NOW,
	    .s3 = true};
	struct buf target;

	buf_init(&target, 1 << 16);
	sigv4_presign(&s3_key, &r, 86400, &target);
	assert_string_equal(target.data,
	    "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
	    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1"
	    "%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z"
	    "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
	    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
	buf_free(&target);
}

TEST(what_is_sent_is_escaped_once)
{
	struct sigv4_pair query[] = {
	    {"b", "1 2"}, {"a+", "/"}, {"uploads", ""}};
	struct sigv4_request r = {
	    .path = "/a b/../%41//\xc3\xbc", .query = query, .query_count = 3};
	struct buf target;

	buf_init(&target, 1 << 16);
	sigv4_target(&r, &target);
	assert_string_equal(
	    target.data, "/a%20b/../%2541//%C3%BC?a%2B=%2F&b=1%202&uploads=");
	buf_free(&target);
}

TEST(headers_are_sent_as_they_were_signed)
{
	struct sigv4_pair header = {"X-Amz-Meta-Name", "  two   blanks "};
	struct sigv4_key key = {"id", "secret", "token"};
	struct sigv4_request r = {.service = "s3",
	    .region = "r",
	    .method = "PUT",
	    .host = "h",
	    .path = "/",
	    .headers = &header,
	    .header_count = 1,
	    .payload_sha256 = "UNSIGNED-PAYLOAD",
	    .s3 = true};
	struct buf lines;

	buf_init(&lines, 1 << 16);
	sigv4_sign(&key, &r, &lines);
	assert_string_equal(line_of(&lines, "X-Amz-Meta-Name"), "two blanks");
	assert_string_equal(line_of(&lines, "Host"), "h");
	assert_string_equal(line_of(&lines, "X-Amz-Date"), "19700101T000000Z");
	assert_string_equal(line_of(&lines, "X-Amz-Security-Token"), "token");
	assert_string_equal(
	    line_of(&lines, "X-Amz-Content-Sha256"), "UNSIGNED-PAYLOAD");
	assert_non_null(strstr(line_of(&lines, "Authorization"),
	    "SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
	    "x-amz-meta-name;x-amz-security-token,"));
	assert_null(strstr(line_of(&lines, "Authorization"), "secret"));
	buf_free(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_published_suite_is_signed_as_published),
	    cmocka_unit_test(
		the_published_examples_of_s3_are_signed_as_published),
	    cmocka_unit_test(the_published_url_is_presigned_as_published),
	    cmocka_unit_test(what_is_sent_is_escaped_once),
	    cmocka_unit_test(headers_are_sent_as_they_were_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
