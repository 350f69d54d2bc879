/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/athena/execution_parts.h"

/* ms between two looks at a statement that is to end. */
#define LOOK_MS 200
/* Statements are listed from the newest on; this many pages of 50 are searched.
 * */
#define PAGES 100
/* Seconds that this host's clock may be ahead of Athena's. */
#define SKEW_S 3600

/* Waits without a watch, as the stop of a job has already been asked for. */
static void pause_for(int64_t ms)
{
	static const struct watch none;
	struct err unused;

	watch_wait(&none, -1, 0, clock_boot_ms() + ms, &unused);
}

/* A successful request is no proof of the end: a statement that ends at the
 * same moment may have succeeded, and one that writes takes a while to end. */
static int see_end(
    struct aws *aws, const char *id, int64_t deadline_ms, struct err *e)
{
	json_t *execution;
	bool over, answered;

	for (;;) {
		execution = execution_look(aws, id, deadline_ms, &answered, e);
		over = execution != NULL && execution_is_over(execution);
		if (over || execution == NULL ||
		    clock_boot_ms() + LOOK_MS >= deadline_ms)
			break;
		json_decref(execution);
		pause_for(LOOK_MS);
	}
	if (!over && execution != NULL)
		err_set(e, ERR_TRANSIENT,
		    "statement %s does not end, though Athena was told to "
		    "stop it",
		    id);
	json_decref(execution);
	return over ? 0 : -1;
}

int execution_stop(struct aws *aws, const char *id, struct err *e)
{
	int64_t deadline = clock_boot_ms() + EXECUTION_STOP_MS;
	json_t *answer = execution_ask_by(aws,
	    &(struct execution_call){.operation = "StopQueryExecution",
		.arguments = json_pack("{ss}", "QueryExecutionId", id),
		.deadline_ms = deadline},
	    NULL, e);

	json_decref(answer);
	/* A statement that has ended may be refused, so its state decides. */
	return see_end(aws, id, deadline, e);
}

/* ---- a statement whose id is not known ---- */

struct search {
	struct aws *aws;
	const struct athena_config *config;
	const char *token; /* in the statement's comment */
	double since;      /* no such statement was begun before */
	int64_t deadline_ms;
	bool passed; /* a statement of an earlier time was seen */
	char *id;    /* the one found; NULL: none yet */
};

static double since_of(const char *token)
{
	char digits[EXECUTION_TOKEN_TIME + 1] = "";

	str_copy(
	    digits, sizeof(digits), token + strlen(EXECUTION_TOKEN_BEGINS));
	return (double)strtoll(digits, NULL, 16) - SKEW_S;
}

/* Looks at one statement of the list. */
static void match(struct search *s, const json_t *execution)
{
	double begun = json_number_value(json_object_get(
	    json_object_get(execution, "Status"), "SubmissionDateTime"));

	s->passed |= begun > 0 && begun < s->since;
	if (s->id == NULL &&
	    strstr(json_str(execution, "Query", ""), s->token) != NULL)
		s->id = mem_strdup(json_str(execution, "QueryExecutionId", ""));
}

/* Looks at the statements of a page. */
static int match_page(struct search *s, json_t *ids, struct err *e)
{
	json_t *answer = execution_ask_by(s->aws,
	    &(struct execution_call){.operation = "BatchGetQueryExecution",
		.arguments = json_pack("{sO}", "QueryExecutionIds", ids),
		.deadline_ms = s->deadline_ms},
	    NULL, e);
	const json_t *one;
	size_t i;

	if (answer == NULL)
		return err_wrap(e, "looking for the statement %s", s->token);

	json_array_foreach(json_object_get(answer, "QueryExecutions"), i, one)
	{
		match(s, one);
	}
	json_decref(answer);
	return 0;
}

/* Reads a page of the list and turns *next to the one after it; NULL: there is
 * none. */
static int read_page(struct search *s, char **next, struct err *e)
{
	json_t *answer = execution_ask_by(s->aws,
	    &(struct execution_call){.operation = "ListQueryExecutions",
		.arguments = json_pack("{si ss* ss*}", "MaxResults", 50,
		    "WorkGroup", s->config->workgroup, "NextToken", *next),
		.deadline_ms = s->deadline_ms},
	    NULL, e);
	json_t *ids = json_object_get(answer, "QueryExecutionIds");
	int rc = answer != NULL ? 0 : -1;

	if (json_array_size(ids) > 0)
		rc = match_page(s, ids, e);
	free(*next);
	*next = mem_strdup(json_str(answer, "NextToken", NULL));
	json_decref(answer);
	return rc;
}

/* Searches for the statement. 0: s->id is it; 1: there is none. */
static int find(struct search *s, struct err *e)
{
	char *next = NULL;
	int page = 0, rc;

	do {
		rc = read_page(s, &next, e);
	} while (rc == 0 && s->id == NULL && !s->passed && next != NULL &&
		 ++page < PAGES);
	if (rc == 0 && s->id == NULL)
		rc = s->passed || next == NULL
			 ? 1
			 : err_set(e, ERR_TRANSIENT,
			       "the statement %s is not among the newest %d of "
			       "its workgroup, which has more; whether it is "
			       "executed is not known",
			       s->token, PAGES * 50);
	free(next);
	return rc;
}

int execution_end(struct aws *aws, const struct athena_config *config,
    const char *handle, int64_t deadline_ms, struct err *e)
{
	size_t skip = strlen(EXECUTION_ID_BEGINS);
	struct search s = {.aws = aws,
	    .config = config,
	    .token = handle,
	    .deadline_ms = deadline_ms};
	int rc = 0;

	if (strncmp(handle, EXECUTION_ID_BEGINS, skip) == 0) {
		s.id = mem_strdup(handle + skip);
	} else if (strlen(handle) != EXECUTION_TOKEN - 1) {
		rc = err_set(e, ERR_PERMANENT,
		    "\"%.60s\" is no handle of a statement", handle);
	} else {
		s.since = since_of(handle);
		rc = find(&s, e);
	}
	if (rc == 0)
		rc = execution_stop(aws, s.id, e);
	free(s.id);
	return rc;
}

int execution_cancel(struct aws *aws, const struct athena_config *config,
    const char *handle, struct err *e)
{
	return execution_end(aws, config, handle, 0, e);
}
