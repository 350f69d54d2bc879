/* SPDX-License-Identifier: MIT */
#include "source/athena/execution.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "source/athena/execution_parts.h"
#include "source/athena/problem.h"

/* ms between two looks at a statement; each is half as long again as the one
 * before. */
#define LOOK_FIRST_MS 100
#define LOOK_LAST_MS 5000
/* ms without an answer that are waited for: the statement runs meanwhile. */
#define SILENCE_MS 300000
/* ms: a start that is refused for the number of statements in hand is tried again
 * this often, and for this long. */
#define CROWD_WAIT_MS 5000
#define CROWD_MS 300000

json_t *execution_ask(struct aws *aws, const char *operation, json_t *arguments,
    char code[64], struct err *e)
{
	return execution_ask_by(aws,
	    &(struct execution_call){
		.operation = operation, .arguments = arguments},
	    code, e);
}

json_t *execution_ask_by(struct aws *aws, const struct execution_call *call,
    char code[64], struct err *e)
{
	char *target = mem_printf("AmazonAthena.%s", call->operation);
	char own[64] = "";
	json_t *answer = aws_json_call(aws,
	    &(struct aws_json_call){.target = target,
		.version = "1.1",
		.arguments = call->arguments,
		.reply_max = EXECUTION_REPLY_MAX,
		.unstoppable = call->deadline_ms != 0,
		.deadline_ms = call->deadline_ms},
	    own, e);

	if (answer == NULL)
		problem_of_call(call->operation, own, e);
	if (code != NULL)
		str_copy(code, 64, own);
	json_decref(call->arguments);
	free(target);
	return answer;
}

/* ---- the start ---- */

static void make_token(char token[static EXECUTION_TOKEN])
{
	size_t n = (size_t)snprintf(token, EXECUTION_TOKEN,
	    EXECUTION_TOKEN_BEGINS "%0*" PRIx64, EXECUTION_TOKEN_TIME,
	    (int64_t)time(NULL));

	while (n < EXECUTION_TOKEN - 1)
		token[n++] = "0123456789abcdef"[random_below(16)];
	token[n] = '\0';
}

static json_t *where_to(const struct athena_config *c)
{
	json_t *to;

	if (c->output_location == NULL)
		return NULL;
	to = json_pack("{ss ss*}", "OutputLocation", c->output_location,
	    "ExpectedBucketOwner", c->bucket_owner);
	if (c->kms_key != NULL)
		json_object_set_new(to, "EncryptionConfiguration",
		    json_pack("{ss ss}", "EncryptionOption", "SSE_KMS",
			"KmsKey", c->kms_key));
	return to;
}

static json_t *context_of(const struct athena_config *c)
{
	json_t *context = json_pack(
	    "{ss* ss*}", "Catalog", c->catalog, "Database", c->database);

	if (json_object_size(context) > 0)
		return context;
	json_decref(context);
	return NULL;
}

static json_t *reuse_of(const struct athena_config *c)
{
	if (c->reuse_results == 0)
		return NULL;
	return json_pack("{s{sb sI}}", "ResultReuseByAgeConfiguration",
	    "Enabled", true, "MaxAgeInMinutes",
	    (json_int_t)(c->reuse_results / MINUTE));
}

static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += (*text & 0xC0) != 0x80;
	return n;
}

/* Returns the statement with a comment that names its run and its token, by which a
 * person, and execution_cancel, know it again. */
static char *label(
    const struct execution_terms *t, const char *token, const char *sql)
{
	return mem_printf("-- %s %s\n%s", t->label, token, sql);
}

static json_t *arguments_of(
    const struct execution_terms *t, const char *token, const char *text)
{
	return json_pack("{ss ss ss* so* so* so*}", "QueryString", text,
	    "ClientRequestToken", token, "WorkGroup", t->config->workgroup,
	    "ResultConfiguration", where_to(t->config), "QueryExecutionContext",
	    context_of(t->config), "ResultReuseConfiguration",
	    reuse_of(t->config));
}

static bool is_crowded(const char *code)
{
	return strcmp(code, "TooManyRequestsException") == 0;
}

/* Sends the start, again while Athena has too many statements in hand. The token
 * makes every repeat of it the same statement. */
static json_t *send_start(const struct execution_terms *t, const char *token,
    const char *text, char code[64], struct err *e)
{
	int64_t until = clock_boot_ms() + CROWD_MS;

	for (;;) {
		json_t *answer = execution_ask(t->aws, "StartQueryExecution",
		    arguments_of(t, token, text), code, e);

		if (answer != NULL || !is_crowded(code) ||
		    clock_boot_ms() >= until)
			return answer;
		if (watch_wait(t->watch, -1, 0,
			clock_boot_ms() + random_shorten(CROWD_WAIT_MS, 2),
			e) < 0)
			return NULL;
	}
}

static void tell(const struct execution_terms *t, const char *handle)
{
	if (t->started != NULL)
		t->started(t->arg, handle);
}

/* Says whether Athena has refused the statement, so that nothing of it is there. An
 * answer that was lost leaves that open. */
static bool is_refused(const char *code)
{
	return *code != '\0' && strcmp(code, "InternalServerException") != 0;
}

/* Returns the statement's id, which the caller frees; NULL on error. */
static char *start(
    const struct execution_terms *t, const char *sql, struct err *e)
{
	char token[EXECUTION_TOKEN], code[64] = "", *text, *handle, *id = NULL;
	struct err unused;
	json_t *answer;

	make_token(token);
	text = label(t, token, sql);
	if (characters(text) > ATHENA_SQL_MAX) {
		free(text);
		err_set(e, ERR_PERMANENT,
		    "the statement is longer than the %d characters that "
		    "Athena takes",
		    ATHENA_SQL_MAX);
		return NULL;
	}
	tell(t, token);
	answer = send_start(t, token, text, code, e);
	free(text);
	if (answer != NULL)
		id = mem_strdup(json_str(answer, "QueryExecutionId", NULL));
	if (answer != NULL && id == NULL)
		err_set(e, ERR_TRANSIENT,
		    "StartQueryExecution: the answer has no QueryExecutionId");
	json_decref(answer);
	/* Stops the statement that Athena may have made of a start without an
	 * answer; when Athena does not know it yet, a sweep finds it later. */
	if (id == NULL &&
	    (is_refused(code) ||
		execution_end(t->aws, t->config, token,
		    clock_boot_ms() + EXECUTION_STOP_MS, &unused) == 0))
		tell(t, NULL);
	if (id == NULL)
		return NULL;
	handle = mem_printf(EXECUTION_ID_BEGINS "%s", id);
	tell(t, handle);
	free(handle);
	return id;
}

/* ---- the wait ---- */

bool execution_is_over(const json_t *execution)
{
	const char *state =
	    json_str(json_object_get(execution, "Status"), "State", "");

	return strcmp(state, "SUCCEEDED") == 0 ||
	       strcmp(state, "FAILED") == 0 || strcmp(state, "CANCELLED") == 0;
}

static int check_answer(const json_t *execution, const char *id, struct err *e)
{
	if (json_str(json_object_get(execution, "Status"), "State", NULL) ==
	    NULL)
		return err_set(e, ERR_TRANSIENT,
		    "GetQueryExecution: the answer has no state");
	if (strcmp(json_str(execution, "QueryExecutionId", ""), id) != 0)
		return err_set(e, ERR_TRANSIENT,
		    "GetQueryExecution: the answer tells of another statement");
	return 0;
}

json_t *execution_look(struct aws *aws, const char *id, int64_t deadline_ms,
    bool *answered, struct err *e)
{
	json_t *answer = execution_ask_by(aws,
	    &(struct execution_call){.operation = "GetQueryExecution",
		.arguments = json_pack("{ss}", "QueryExecutionId", id),
		.deadline_ms = deadline_ms},
	    NULL, e);
	json_t *execution =
	    json_incref(json_object_get(answer, "QueryExecution"));

	*answered = answer != NULL;
	if (answer != NULL && check_answer(execution, id, e) != 0) {
		json_decref(execution);
		execution = NULL;
	}
	json_decref(answer);
	return execution;
}

static int time_out(const struct execution_terms *t, struct err *e)
{
	err_set(e, ERR_TRANSIENT,
	    "the statement took longer than its statement_timeout of %" PRId64
	    " ms",
	    t->timeout_ms);
	str_copy(e->sqlstate, sizeof(e->sqlstate), "57014");
	return -1;
}

/* Looks at the statement. 1: *execution is what is known of it; 0: Athena is busy or
 * cannot be reached, and it is before *silent_ms; -1. */
static int look(const struct execution_terms *t, const char *id,
    int64_t *silent_ms, json_t **execution, struct err *e)
{
	bool answered;
	int64_t now;

	*execution = execution_look(t->aws, id, 0, &answered, e);
	now = clock_boot_ms();
	if (*execution == NULL)
		return answered || e->kind != ERR_TRANSIENT || now >= *silent_ms
			   ? -1
			   : 0;
	*silent_ms = now + SILENCE_MS;
	return 1;
}

/* Looks at the statement until it is over. NULL: it may still be executed. */
static json_t *await(
    const struct execution_terms *t, const char *id, struct err *e)
{
	int64_t pause = LOOK_FIRST_MS;
	int64_t until =
	    t->timeout_ms > 0 ? clock_boot_ms() + t->timeout_ms : INT64_MAX;
	int64_t silent_ms = clock_boot_ms() + SILENCE_MS;

	for (;;) {
		json_t *execution;
		int rc = look(t, id, &silent_ms, &execution, e);
		int64_t next = clock_boot_ms() + random_shorten(pause, 4);

		if (rc < 0 || (rc > 0 && execution_is_over(execution)))
			return execution;
		json_decref(execution);
		if (watch_wait(
			t->watch, -1, 0, next < until ? next : until, e) < 0)
			return NULL;
		if (clock_boot_ms() >= until) {
			time_out(t, e);
			return NULL;
		}
		if (pause < LOOK_LAST_MS)
			pause += pause / 2;
	}
}

json_t *execution_run(
    const struct execution_terms *t, const char *sql, struct err *e)
{
	char *id = start(t, sql, e);
	json_t *execution;
	struct err unused;
	bool over;

	if (id == NULL)
		return NULL;
	execution = await(t, id, e);
	*t->scanned += json_int(
	    json_object_get(execution, "Statistics"), "DataScannedInBytes", 0);
	over = execution != NULL || execution_stop(t->aws, id, &unused) == 0;
	free(id);
	if (over)
		tell(t, NULL);
	if (execution != NULL &&
	    strcmp(json_str(json_object_get(execution, "Status"), "State", ""),
		"SUCCEEDED") != 0) {
		problem_of_execution(execution, e);
		json_decref(execution);
		execution = NULL;
	}
	return execution;
}
