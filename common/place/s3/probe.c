/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "place/s3/s3.h"
#include "place/s3/store.h"

/* Name and content of an object that the probe stores in the bucket for a
 * moment. */
#define PROBE "reportctl-doctor-probe"

/* A bucket that the settings name in full; patterns are left out. */
struct bucket {
	struct bucket *next;
	char *name;
	char *prefix; /* where reports go by default */
};

static void add(struct bucket **list, const char *name, size_t len,
    const char *prefix, size_t prefix_len)
{
	struct bucket *b;

	if (len == 0 || memchr(name, '*', len) != NULL ||
	    memchr(name, '?', len) != NULL || memchr(name, '[', len) != NULL)
		return;
	for (; *list != NULL; list = &(*list)->next) {
		if (strlen((*list)->name) == len &&
		    strncmp((*list)->name, name, len) == 0)
			return;
	}
	b = *list = mem_zalloc(sizeof(*b));
	b->name = mem_strndup(name, len);
	b->prefix = mem_strndup(prefix, prefix_len);
}

static void add_all(struct bucket **list, const char *names)
{
	for (const char *at = names; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, ", \t");

		add(list, at, len, "", 0);
		at += len + strspn(at + len, ", \t");
	}
}

static struct bucket *all_buckets(const struct settings *s)
{
	struct bucket *list = NULL;

	if (place_is(s->output, "s3")) {
		const char *bucket = s->output + strlen("s3://");
		size_t len = strcspn(bucket, "/");
		const char *key = bucket + len + (bucket[len] == '/');
		/* The literal directories before the first {name} or %code. */
		size_t fixed = strcspn(key, "{%");

		while (fixed > 0 && key[fixed - 1] != '/')
			fixed--;
		add(&list, bucket, len, key, fixed);
	}
	add_all(&list, s->s3_buckets);
	return list;
}

static void free_buckets(struct bucket *list)
{
	while (list != NULL) {
		struct bucket *next = list->next;

		free(list->name);
		free(list->prefix);
		free(list);
		list = next;
	}
}

static const struct {
	const char *method, *operation;
} steps[] = {
    {"PUT", "PutObject"}, {"GET", "GetObject"}, {"DELETE", "DeleteObject"}};

static const char *mend_for(
    const struct aws_answer *answer, const char *operation, const char *place)
{
	static char text[1400];

	if (strcmp(answer->code, "AccessDenied") == 0 ||
	    answer->http.status == 403)
		snprintf(text, sizeof(text),
		    "allow s3:%s on arn:aws:s3:::%s to the role or user",
		    operation, place + strlen("s3://"));
	else if (strcmp(answer->code, "NoSuchBucket") == 0)
		snprintf(text, sizeof(text),
		    "make the bucket, or correct its name in the settings");
	else
		snprintf(text, sizeof(text),
		    "look at endpoint, region and ca_file of [s3], at proxy of "
		    "[http] and at the credentials");
	return text;
}

/* Writes, reads and removes an object of a few bytes. False: one of the three
 * steps failed and was reported through `say`. */
static bool try_steps(const struct s3_store *store, const char *place,
    const char *what, place_say *say, void *arg)
{
	bool good = true;
	struct s3_target t;
	struct err e;

	s3_target(store, place, &t);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		bool put = i == 0;
		struct aws_answer answer;

		if (aws_send(store->aws,
			&(struct aws_request){.method = steps[i].method,
			    .operation = steps[i].operation,
			    .host = t.host,
			    .path = t.path,
			    .body = put ? PROBE : NULL,
			    .body_len = put ? strlen(PROBE) : 0},
			&answer, &e) != 0) {
			say(arg, PLACE_FAILED, what,
			    mend_for(&answer, steps[i].operation, place),
			    e.text);
			good = false;
		}
		aws_answer_free(&answer);
		if (!good && put)
			break;
	}
	s3_target_free(&t);
	return good;
}

/* Asks for the bucket's lifecycle rules: one of them ends uploads that a machine
 * which died has left. Servers that have no such rules, and logins that may not
 * read them, leave that open.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html */
static void try_lifecycle(const struct s3_store *store, const struct bucket *b,
    const char *what, place_say *say, void *arg)
{
	static const struct sigv4_pair query[] = {{"lifecycle", ""}};
	char *place = mem_printf("s3://%s", b->name);
	struct aws_answer answer;
	struct s3_target t;
	struct err unused;
	bool none;

	s3_target(store, place, &t);
	if (aws_send(store->aws,
		&(struct aws_request){.method = "GET",
		    .operation = "GetBucketLifecycleConfiguration",
		    .host = t.host,
		    .path = t.host ? "/" : t.path,
		    .query = query,
		    .query_count = 1},
		&answer, &unused) == 0)
		none = answer.http.body.data != NULL &&
		       strstr(answer.http.body.data,
			   "<AbortIncompleteMultipartUpload>") == NULL;
	else
		none = strcmp(answer.code, "NoSuchLifecycleConfiguration") == 0;
	if (none)
		say(arg, PLACE_WARN, what,
		    "give it a lifecycle rule with "
		    "AbortIncompleteMultipartUpload",
		    "no rule of the bucket ends uploads that a machine which "
		    "died has left");
	aws_answer_free(&answer);
	s3_target_free(&t);
	free(place);
}

static void probe(const struct s3_store *store, const struct bucket *b,
    place_say *say, void *arg)
{
	char *place = mem_printf(
	    "s3://%s/%s" PROBE "-%d", b->name, b->prefix, (int)getpid());
	char *what = mem_printf("s3 %s", b->name), text[128];
	int64_t started = clock_boot_ms();

	if (try_steps(store, place, what, say, arg)) {
		snprintf(text, sizeof(text),
		    "takes, gives and removes an object in %lld ms",
		    (long long)(clock_boot_ms() - started));
		say(arg, PLACE_OK, what, NULL, text);
		try_lifecycle(store, b, what, say, arg);
	}
	free(what);
	free(place);
}

/* Lists a name of a bucket that inputs are read from. */
static void try_list(const struct s3_store *store, const struct bucket *b,
    place_say *say, void *arg)
{
	static const struct sigv4_pair query[] = {
	    {"list-type", "2"}, {"max-keys", "1"}};
	char *place = mem_printf("s3://%s", b->name);
	char *what = mem_printf("inputs %s", b->name);
	struct aws_answer answer;
	struct s3_target t;
	struct err e;

	s3_target(store, place, &t);
	if (aws_send(store->aws,
		&(struct aws_request){.method = "GET",
		    .operation = "ListObjectsV2",
		    .host = t.host,
		    .path = t.host ? "/" : t.path,
		    .query = query,
		    .query_count = 2},
		&answer, &e) != 0)
		say(arg, PLACE_FAILED, what,
		    mend_for(&answer, "ListBucket", place), e.text);
	else
		say(arg, PLACE_OK, what, NULL, "can be listed");
	aws_answer_free(&answer);
	s3_target_free(&t);
	free(what);
	free(place);
}

static bool stopped(const struct place_lent *lent)
{
	const struct watch *watch = services_watch(lent->services);
	struct err unused;

	return watch != NULL && watch_check(watch, &unused) != 0;
}

void s3_probe(const struct place_lent *lent, place_say *say, void *arg)
{
	const struct settings *set = services_settings(lent->services);
	struct bucket *list = all_buckets(set), *inputs = NULL;
	struct s3_store store;
	struct err e;

	add_all(&inputs, set->inputs_buckets);
	if (list == NULL && inputs == NULL)
		return;
	if (s3_store(&store, lent->services, &e) != 0) {
		say(arg, PLACE_FAILED, "s3", NULL, e.text);
		free_buckets(list);
		free_buckets(inputs);
		return;
	}
	for (struct bucket *b = list; b != NULL && !stopped(lent); b = b->next)
		probe(&store, b, say, arg);
	for (struct bucket *b = inputs; b != NULL && !stopped(lent);
	     b = b->next)
		try_list(&store, b, say, arg);
	free_buckets(list);
	free_buckets(inputs);
}
