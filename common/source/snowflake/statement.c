/* SPDX-License-Identifier: MIT */
#include "source/snowflake/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "source/snowflake/problem.h"

#define STATEMENTS "/api/v2/statements"
/* Milliseconds between two questions whether a statement has ended. */
#define POLL_MS 200
#define POLL_MAX_MS 5000
/* Milliseconds that the server has to end a statement after its time limit. */
#define LATE_MS 10000
/* Milliseconds without an answer that are waited for: the statement runs meanwhile. */
#define SILENCE_MS 300000
/* Milliseconds for ending a statement after a stop. */
#define CANCEL_MS 5000
/* A handle of this form stands for a request whose answer has not come. */
#define REQUEST "request:"
#define PATH_MAX_LEN 256

/* ---- the request ---- */

/* The output formats stay unset, so that values come in the forms of decode.c whatever
 * the account has set. The names of parameters are spelled as in the manual's examples,
 * the count is a number as in the published description. */
static char *make_body(const struct api *a, const struct statement_terms *t)
{
	const struct login *l = a->login;
	json_t *o = json_pack("{ss ss* ss* ss* ss* s{si ss* ss*}}", "statement",
	    t->sql, "warehouse", login_warehouse(l), "database",
	    login_database(l), "schema", login_schema(l), "role", login_role(l),
	    "parameters", "MULTI_STATEMENT_COUNT", t->several ? 0 : 1,
	    "QUERY_TAG", t->query_tag, "TIMEZONE", t->time_zone);
	char *body;

	if (t->timeout_ms > 0)
		json_object_set_new(o, "timeout",
		    json_integer((json_int_t)(t->timeout_ms + 999) / 1000));
	body = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return body;
}

static int take_handle(
    struct statement *s, const struct answer *answer, struct err *e)
{
	const char *handle = json_str(answer->object, "statementHandle", "");
	size_t len = strlen(handle);

	if (len == 0 || len >= sizeof(s->handle) ||
	    strspn(handle, "0123456789abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != len)
		return err_set(
		    e, ERR_TRANSIENT, "the answer names no statementHandle");
	memcpy(s->handle, handle, len + 1);
	return 0;
}

static void note(const struct statement_terms *t, const char *handle)
{
	if (t->started != NULL)
		t->started(t->arg, handle);
}

static int post(struct api *a, const char *uuid, const char *body,
    struct answer *answer, struct err *e)
{
	char path[PATH_MAX_LEN];

	snprintf(path, sizeof(path),
	    STATEMENTS "?requestId=%s&async=true&nullable=true", uuid);
	return api_call(a,
	    &(struct api_request){
		.method = "POST", .path = path, .body = body, .retry = true},
	    answer, e);
}

/* ---- ending a statement that is not wanted any more ---- */

static int get(
    struct api *a, const char *handle, struct answer *answer, struct err *e)
{
	char path[PATH_MAX_LEN];

	snprintf(path, sizeof(path), STATEMENTS "/%s", handle);
	return api_call(
	    a, &(struct api_request){.method = "GET", .path = path}, answer, e);
}

/* Says whether the statement has ended, whatever came of it. 404: nobody knows it
 * any more. */
static bool has_ended(const struct answer *answer)
{
	return answer->status == 200 || answer->status == 404 ||
	       answer->status == 408 || answer->status == 422;
}

/* Asks until the statement has ended. */
static int see_end(struct api *a, const char *handle, struct err *e)
{
	int64_t wait_ms = POLL_MS;

	for (;;) {
		struct answer answer;
		int rc = get(a, handle, &answer, e);
		bool ended = has_ended(&answer);

		answer_end(&answer);
		if (ended)
			return 0;
		if (rc != 0)
			return -1;
		if (clock_boot_ms() + wait_ms > a->deadline_ms)
			return err_set(e, ERR_TRANSIENT,
			    "the statement %s goes on though it was cancelled",
			    handle);
		if (api_wait(a, wait_ms, e) != 0)
			return -1;
		wait_ms = wait_ms * 2 < POLL_MAX_MS ? wait_ms * 2 : POLL_MAX_MS;
	}
}

static int cancel_handle(struct api *a, const char *handle, struct err *e)
{
	struct answer answer;
	char path[PATH_MAX_LEN];
	bool ended;
	int rc;

	snprintf(path, sizeof(path), STATEMENTS "/%s/cancel", handle);
	rc = api_call(a, &(struct api_request){.method = "POST", .path = path},
	    &answer, e);
	/* 422: there is no such statement that could be cancelled. */
	ended = answer.status == 422 || answer.status == 404;
	answer_end(&answer);
	if (rc != 0 && !ended)
		return -1;
	return see_end(a, handle, e);
}

/*
 * Finds the handle of a request whose answer was lost, by repeating the
 * request. A server that has had the request answers with its statement,
 * whatever the text of the repetition is. A server that has not had it runs the
 * text of the repetition, which does nothing.
 */
static int find_handle(
    struct api *a, const char *uuid, struct statement *s, struct err *e)
{
	char path[PATH_MAX_LEN];
	struct answer answer;
	int rc;

	snprintf(path, sizeof(path),
	    STATEMENTS "?requestId=%s&async=true&nullable=true&retry=true",
	    uuid);
	rc = api_call(a,
	    &(struct api_request){.method = "POST",
		.path = path,
		.body = "{\"statement\":\"select 1\"}"},
	    &answer, e);
	if (rc == 0)
		rc = take_handle(s, &answer, e);
	else if (answer.status == 422) /* it has failed */
		rc = 0;
	answer_end(&answer);
	return rc;
}

int statement_cancel(struct api *a, const char *handle, struct err *e)
{
	struct statement s = {.handle = ""};

	if (a->deadline_ms == 0)
		a->deadline_ms = clock_boot_ms() + CANCEL_MS;
	if (strncmp(handle, REQUEST, strlen(REQUEST)) != 0)
		return cancel_handle(a, handle, e);
	if (find_handle(a, handle + strlen(REQUEST), &s, e) != 0)
		return -1;
	return s.handle[0] != '\0' ? cancel_handle(a, s.handle, e) : 0;
}

/* Ends the statement after a failure or a stop, which *e holds. A statement
 * that cannot be ended stays in the record. */
static void give_up(struct api *a, const struct statement_terms *t,
    const char *handle, struct err *e)
{
	struct api quiet = *a;
	struct err why;

	quiet.deadline_ms = clock_boot_ms() + CANCEL_MS;
	quiet.terms.total_ms = CANCEL_MS;
	http_ignore_watch(a->http, true);
	if (statement_cancel(&quiet, handle, &why) == 0)
		note(t, NULL);
	else
		err_hint(e, "the statement may still run: %s", why.text);
	http_ignore_watch(a->http, false);
}

/* ---- running ---- */

static int check_time(
    const struct statement_terms *t, int64_t late_ms, struct err *e)
{
	if (late_ms == 0 || clock_boot_ms() < late_ms)
		return 0;
	err_set(e, ERR_TRANSIENT,
	    "the statement took longer than its statement_timeout of %lld ms",
	    (long long)t->timeout_ms);
	memcpy(e->sqlstate, "57014", 6);
	return -1;
}

/* Asks whether the statement has ended. A server that is busy or cannot be
 * reached counts as an answer "no", until *silent_ms. */
static int ask(struct api *a, const struct statement *s, int64_t *silent_ms,
    struct answer *answer, struct err *e)
{
	int rc = get(a, s->handle, answer, e);
	int64_t now = clock_boot_ms();

	if (rc == 0) {
		*silent_ms = now + SILENCE_MS;
		return 0;
	}
	if (e->kind != ERR_TRANSIENT || has_ended(answer) || now >= *silent_ms)
		return -1;
	answer_end(answer);
	answer->status = 202;
	return 0;
}

/* Asks for the end of the statement until it has come. */
static int await(struct api *a, const struct statement_terms *t,
    const struct statement *s, struct answer *answer, struct err *e)
{
	int64_t wait_ms = POLL_MS;
	int64_t late_ms =
	    t->timeout_ms > 0 ? clock_boot_ms() + t->timeout_ms + LATE_MS : 0;
	int64_t silent_ms = clock_boot_ms() + SILENCE_MS;

	while (answer->status == 202) {
		answer_end(answer);
		if (check_time(t, late_ms, e) != 0 ||
		    api_wait(a, random_shorten(wait_ms, 4), e) != 0 ||
		    ask(a, s, &silent_ms, answer, e) != 0)
			return -1;
		wait_ms = wait_ms * 3 / 2 < POLL_MAX_MS ? wait_ms * 3 / 2
							: POLL_MAX_MS;
	}
	return 0;
}

static int run(struct api *a, const struct statement_terms *t, const char *body,
    char *uuid, struct statement *s, struct answer *answer, struct err *e)
{
	if (post(a, uuid + strlen(REQUEST), body, answer, e) != 0 ||
	    take_handle(s, answer, e) != 0)
		return -1;
	note(t, s->handle);
	if (await(a, t, s, answer, e) != 0)
		return -1;
	return answer_check(answer, e);
}

/* Says whether nothing runs (any more), by the last answer. */
static bool is_over(const struct statement *s, const struct answer *answer)
{
	if (has_ended(answer) || s->handle[0] != '\0')
		return has_ended(answer);
	return !answer->sent ||
	       (answer->status >= 400 && answer->status < 500 &&
		   answer->status != 429);
}

int statement_run(struct api *a, const struct statement_terms *terms,
    struct statement *s, struct answer *answer, struct err *e)
{
	char uuid[RANDOM_UUID + sizeof(REQUEST)] = REQUEST;
	char *body;

	*answer = (struct answer){.status = 0};
	*s = (struct statement){.handle = ""};
	random_uuid(uuid + strlen(REQUEST));
	body = make_body(a, terms);
	note(terms, uuid);
	if (run(a, terms, body, uuid, s, answer, e) == 0) {
		free(body);
		return 0;
	}
	free(body);
	if (is_over(s, answer))
		note(terms, NULL);
	else
		give_up(a, terms, s->handle[0] ? s->handle : uuid, e);
	return -1;
}
