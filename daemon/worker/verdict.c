/* SPDX-License-Identifier: MIT */
#include "worker/verdict.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the list of checks in a message. */
#define LIST_MAX ((size_t)1500)

static const json_t *checks_of(const struct job *job)
{
	return json_object_get(job->asked.gate, "checks");
}

static bool only_warns(const json_t *check)
{
	return strcmp(json_str(check, "severity", "error"), "warn") == 0;
}

static const char *status_of(const json_t *check, const struct answer *a)
{
	if (a->unasked)
		return "error";
	if (a->failures == 0)
		return "passed";
	return only_warns(check) ? "warned" : "failed";
}

/* ---- answers ---- */

void verdict_add(struct job *job, const json_t *check, struct answer *a)
{
	json_t *one =
	    json_pack("{ss ss ss}", "name", json_str(check, "name", ""),
		"severity", json_str(check, "severity", "error"), "status",
		status_of(check, a));

	if (!a->unasked)
		json_object_set_new(one, "failures", json_integer(a->failures));
	if (a->total >= 0)
		json_object_set_new(one, "total", json_integer(a->total));
	if (a->message != NULL)
		json_object_set_new(one, "message", json_string(a->message));
	if (json_array_size(a->sample) > 0)
		json_object_set(one, "sample", a->sample);
	if (job->outcome.checks == NULL)
		job->outcome.checks = json_array();
	json_array_append_new(job->outcome.checks, one);
	json_decref(a->sample);
	free(a->message);
	*a = (struct answer){0};
}

static bool has_status(const json_t *answer, const char *status)
{
	return strcmp(json_str(answer, "status", ""), status) == 0;
}

/* Returns the answer of a check; NULL: it was not asked. */
static const json_t *answer_of(const struct job *job, const json_t *check)
{
	const char *name = json_str(check, "name", "");
	const json_t *one;
	size_t i;

	json_array_foreach(job->outcome.checks, i, one)
	{
		if (strcmp(json_str(one, "name", ""), name) == 0)
			return one;
	}
	return NULL;
}

bool verdict_failed(const struct job *job)
{
	const json_t *one;
	size_t i;

	json_array_foreach(job->outcome.checks, i, one)
	{
		if (has_status(one, "failed") || has_status(one, "error"))
			return true;
	}
	return false;
}

/* ---- the decision ---- */

static double weight_of(const json_t *check)
{
	const json_t *weight = json_object_get(check, "weight");

	return weight ? json_number_value(weight) : 1;
}

/* Adds up the answers. `hoping`: counts checks that may be asked again as
 * passed. */
struct sum {
	int64_t score; /* 0 to 100, rounded down */
	int bad, warned;
};

static struct sum sum_up(const struct job *job, bool hoping)
{
	double all = 0, passed = 0;
	const json_t *check;
	struct sum s = {0};
	size_t i;

	json_array_foreach(checks_of(job), i, check)
	{
		const json_t *answer = answer_of(job, check);
		bool good = has_status(answer, "passed") ||
			    (hoping && json_bool(check, "retry", false));

		if (answer == NULL && job->outcome.unstaged)
			continue;
		all += weight_of(check);
		passed += good ? weight_of(check) : 0;
		s.warned += !good && has_status(answer, "warned");
		s.bad += !good && (has_status(answer, "failed") ||
				      has_status(answer, "error"));
	}
	/* the addition keeps a share such as 0.3 of 1 from being rounded down
	 * */
	s.score = all > 0 ? (int64_t)(100 * passed / all + 1e-9) : 100;
	return s;
}

static bool lets_pass(const struct job *job, const struct sum *s)
{
	return s->bad == 0 &&
	       s->score >= json_int(job->asked.gate, "min_score", 0);
}

/* ---- what is said ---- */

static void add_numbers(struct buf *to, const json_t *answer)
{
	const char *message = json_str(answer, "message", NULL);
	int64_t failures = json_int(answer, "failures", 0);
	int64_t total = json_int(answer, "total", -1);

	if (message != NULL)
		buf_printf(to, " (%s)", message);
	else if (total >= 0)
		buf_printf(to, " (%" PRId64 " of %" PRId64 " row%s)", failures,
		    total, total == 1 ? "" : "s");
	else
		buf_printf(to, " (%" PRId64 " row%s)", failures,
		    failures == 1 ? "" : "s");
}

/* Appends the names of the answers with this status, or the number of those for
 * which there is no room. */
static void add_list(struct buf *to, const struct job *job, const char *status)
{
	size_t begin = to->len, i;
	const json_t *one;
	int left = 0;

	json_array_foreach(job->outcome.checks, i, one)
	{
		if (!has_status(one, status))
			continue;
		if (to->len - begin > LIST_MAX) {
			left++;
			continue;
		}
		buf_printf(to, "%s\"%s\"", to->len > begin ? ", " : "",
		    json_str(one, "name", ""));
		add_numbers(to, one);
	}
	if (left > 0)
		buf_printf(to, " and %d more", left);
}

static int refuse(struct job *job, const struct sum *s, struct err *e)
{
	int64_t least = json_int(job->asked.gate, "min_score", 0);
	struct buf b;
	int rc;

	buf_init(&b, 64 << 10);
	if (s->bad > 0) {
		buf_printf(&b, "%d of %zu checks failed: ", s->bad,
		    json_array_size(checks_of(job)));
		add_list(&b, job, "failed");
		buf_str(&b, "; ");
	}
	if (s->warned > 0) {
		buf_str(&b, "warned: ");
		add_list(&b, job, "warned");
		buf_str(&b, "; ");
	}
	buf_printf(&b, "score %" PRId64, s->score);
	if (s->score < least)
		buf_printf(&b, ", below the min_score of %" PRId64, least);
	rc = err_set(e, ERR_PERMANENT, "%s", b.data);
	buf_free(&b);
	return rc;
}

static void warn(struct job *job, const struct sum *s)
{
	struct buf b;

	if (s->warned == 0)
		return;
	buf_init(&b, 64 << 10);
	buf_str(&b, "checks warned: ");
	add_list(&b, job, "warned");
	buf_printf(&b, "; score %" PRId64, s->score);
	job_add_remark(job, b.data);
	buf_free(&b);
}

int verdict_pass(struct job *job, struct err *e)
{
	struct sum s = sum_up(job, false), hope = sum_up(job, true);

	job->outcome.score = s.score;
	if (lets_pass(job, &s)) {
		warn(job, &s);
		return 0;
	}
	job->outcome.waits = lets_pass(job, &hope);
	return refuse(job, &s, e);
}
