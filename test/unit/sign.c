/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "net/aws/sigv4.h"

/*
 * Signs requests that the test invents: reads one JSON object per line from
 * standard input, {"service", "region", "method", "host", "path", "query": [[n,
 * v]...], "headers": [[n, v]...], "sha256", "now", "s3", "expires", "key",
 * "secret", "token"}, and writes one per line to standard output, {"target",
 * "lines"}. The test compares them with botocore's signatures.
 */
#define MAX (1 << 20)
#define PAIRS 64

static int pairs(const json_t *list, struct sigv4_pair *to)
{
	int count = (int)json_array_size(list);

	for (int i = 0; i < count && i < PAIRS; i++) {
		const json_t *p = json_array_get(list, (size_t)i);

		to[i].name = json_string_value(json_array_get(p, 0));
		to[i].value = json_string_value(json_array_get(p, 1));
	}
	return count < PAIRS ? count : PAIRS;
}

static json_t *signed_lines(
    const struct sigv4_key *key, const struct sigv4_request *r)
{
	json_t *out = json_array();
	struct buf lines;

	buf_init(&lines, MAX);
	sigv4_sign(key, r, &lines);
	for (size_t at = 0; at < lines.len; at += strlen(lines.data + at) + 1)
		json_array_append_new(out, json_string(lines.data + at));
	buf_free(&lines);
	return out;
}

static void answer(const json_t *o)
{
	struct sigv4_pair query[PAIRS], headers[PAIRS];
	struct sigv4_key key = {json_str(o, "key", ""),
	    json_str(o, "secret", ""), json_str(o, "token", NULL)};
	struct sigv4_request r = {.service = json_str(o, "service", ""),
	    .region = json_str(o, "region", ""),
	    .method = json_str(o, "method", ""),
	    .host = json_str(o, "host", ""),
	    .path = json_str(o, "path", ""),
	    .query = query,
	    .query_count = pairs(json_object_get(o, "query"), query),
	    .headers = headers,
	    .header_count = pairs(json_object_get(o, "headers"), headers),
	    .payload_sha256 = json_str(o, "sha256", ""),
	    .now = (time_t)json_int(o, "now", 0),
	    .s3 = json_bool(o, "s3", false)};
	int64_t expires = json_int(o, "expires", 0);
	struct buf target;
	json_t *out = json_object();

	buf_init(&target, MAX);
	if (expires > 0) {
		sigv4_presign(&key, &r, expires, &target);
	} else {
		sigv4_target(&r, &target);
		json_object_set_new(out, "lines", signed_lines(&key, &r));
	}
	json_object_set_new(out, "target", json_string(target.data));
	json_dumpf(out, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(out);
	buf_free(&target);
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) > 0) {
		json_t *o = json_loadb(line, (size_t)len, 0, NULL);

		if (o == NULL)
			return 1;
		answer(o);
		json_decref(o);
	}
	free(line);
	return 0;
}
