/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "worker/inputs.h"
#include "worker/stage/check.h"
#include "worker/verdict.h"

static const json_t *checks_of(const struct job *job)
{
	return json_object_get(job->asked.gate, "checks");
}

static const char *file_of(const json_t *check)
{
	return json_str(check, "file", NULL);
}

static bool wanted(const struct job *job)
{
	const json_t *check;
	size_t i;

	json_array_foreach(checks_of(job), i, check)
	{
		if (file_of(check) != NULL)
			return true;
	}
	return false;
}

static int prepare(struct job *job, struct err *e)
{
	(void)job;
	(void)e;
	return 0;
}

/* "3600 seconds", as the schema stores a time, in ms. */
static int64_t age_ms(const json_t *check)
{
	return 1000 * strtoll(json_str(check, "max_age", "0"), NULL, 10);
}

/* Counts the files that are too small or too old. */
static int64_t count_bad(
    const struct job *job, const json_t *check, const json_t *files)
{
	int64_t now = json_int(job->asked.gate, "now_ms", 0), bad = 0;
	int64_t least = json_int(check, "min_size", 0), age = age_ms(check);
	const json_t *file;
	size_t i;

	json_array_foreach(files, i, file)
	{
		int64_t size = json_integer_value(json_array_get(file, 3));
		int64_t at = json_integer_value(json_array_get(file, 4));

		bad += size < least || (age > 0 && at < now - age);
	}
	return bad;
}

static void look(const struct job *job, const json_t *check, struct answer *a)
{
	const json_t *input = inputs_named(job, file_of(check));
	const json_t *files = json_object_get(input, "files");
	int64_t aside = json_int(input, "aside", 0);
	int64_t there = (int64_t)json_array_size(files);

	a->total = there + aside;
	a->failures = count_bad(job, check, files);
	if (json_bool(check, "whole", false))
		a->failures += aside;
	if (there == 0 && json_bool(check, "exists", false)) {
		a->failures += a->failures == 0;
		a->message = mem_strdup("no file is there");
	} else if (a->failures > 0) {
		a->message = mem_printf("%" PRId64 " of %" PRId64 " file%s",
		    a->failures, a->total, a->total == 1 ? "" : "s");
	}
}

static bool is_last(const struct job *job)
{
	return !stage_check.wanted(job) && !stage_check_target.wanted(job);
}

static int run(struct job *job, struct err *e)
{
	const json_t *check;
	size_t i;

	if (job->outcome.idle)
		return 0;
	json_array_foreach(checks_of(job), i, check)
	{
		struct answer a = {.total = -1};

		if (file_of(check) == NULL)
			continue;
		look(job, check, &a);
		verdict_add(job, check, &a);
	}
	return verdict_failed(job) || is_last(job) ? verdict_pass(job, e) : 0;
}

const struct stage stage_check_files = {
    .name = "check",
    .before_source = true,
    .wanted = wanted,
    .prepare = prepare,
    .run = run,
};
