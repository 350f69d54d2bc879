/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ctl/doctor/doctor.h"
#include "ctl/lib/interrupt.h"
#include "place/s3/s3.h"
#include "services/services.h"

#define PROBE "reportctl-doctor-probe"

/* One that the settings name as it is; a pattern names none. */
struct bucket {
	struct bucket *next;
	char *name;
	char *
	    prefix; /* where reports go by default: a policy may allow no more */
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

static struct bucket *all_buckets(const struct settings *s)
{
	struct bucket *list = NULL;

	if (s3_is_place(s->output)) {
		const char *bucket = s->output + strlen("s3://");
		size_t len = strcspn(bucket, "/");
		const char *key = bucket + len + (bucket[len] == '/');
		/* Whole directories up to the first name or code. */
		size_t fixed = strcspn(key, "{%");

		while (fixed > 0 && key[fixed - 1] != '/')
			fixed--;
		add(&list, bucket, len, key, fixed);
	}
	for (const char *at = s->s3_buckets; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, ", \t");

		add(&list, at, len, "", 0);
		at += len + strspn(at + len, ", \t");
	}
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

/* Writes, reads and removes an object of a few bytes. */
static void probe(
    struct doctor *d, const struct s3_store *store, const struct bucket *b)
{
	char *place = mem_printf(
	    "s3://%s/%s" PROBE "-%d", b->name, b->prefix, (int)getpid());
	char *what = mem_printf("s3 %s", b->name);
	int64_t started = clock_boot_ms();
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
			doctor_say(d, DOCTOR_FAILED, what,
			    mend_for(&answer, steps[i].operation, place), "%s",
			    e.text);
			good = false;
		}
		aws_answer_free(&answer);
		if (!good && put)
			break;
	}
	if (good)
		doctor_say(d, DOCTOR_OK, what, NULL,
		    "takes, gives and removes an object in %lld ms",
		    (long long)(clock_boot_ms() - started));
	s3_target_free(&t);
	free(what);
	free(place);
}

void doctor_s3(struct doctor *d)
{
	struct bucket *list = all_buckets(d->c->settings);
	const struct s3_store *store;
	struct services *services;
	struct err e;

	if (list == NULL)
		return;
	services = services_open(d->c->settings);
	services_set_watch(services, &interrupt_watch);
	store = services_s3(services, &e);
	if (store == NULL)
		doctor_say(d, DOCTOR_FAILED, "s3", NULL, "%s", e.text);
	for (struct bucket *b = list;
	     store != NULL && b != NULL && interrupt_signal() == 0; b = b->next)
		probe(d, store, b);
	services_close(services);
	free_buckets(list);
}
