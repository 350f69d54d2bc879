/* SPDX-License-Identifier: MIT */
#include "source/snowflake/api.h"

#include <config.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "source/snowflake/problem.h"

/* Bytes of a body that are held before the server has to wait. */
#define WINDOW ((size_t)256 << 10)
/* Bytes of the members beside the rows: 100 for each partition, 300 for each
 * column. */
#define MEMBERS_MAX ((size_t)16 << 20)
/* Attempts of a call: some 15 s in all. */
#define TRIES 6
#define WAIT_MS 500
#define WAIT_MAX_MS 8000
/* The longest wait that a server may ask for. */
#define ASKED_MAX_MS 60000

int api_open(struct api *a, const struct source_how *how, struct err *e)
{
	if (how->reach == NULL)
		return err_set(e, ERR_PERMANENT,
		    "there is no HTTP client to reach Snowflake with");
	a->login = login_open(how, e);
	if (a->login == NULL)
		return -1;
	a->http = how->reach->http(how->reach->arg, &a->terms);
	/* A result may take longer than any limit of a whole call. */
	a->terms.total_ms = 0;
	return 0;
}

void api_close(struct api *a)
{
	login_close(a->login);
	a->login = NULL;
}

/* ---- one attempt ---- */

static struct http_call *start(struct api *a, const struct api_request *r,
    const struct login_token *token, bool again)
{
	char *authorization =
	    mem_printf("Authorization: Bearer %s", token->text);
	char *type =
	    mem_printf("X-Snowflake-Authorization-Token-Type: %s", token->type);
	char *url = mem_printf("%s%s%s", login_endpoint(a->login), r->path,
	    again && r->retry ? "&retry=true" : "");
	const char *headers[] = {authorization, type,
	    "Accept: application/json", "User-Agent: reportd/" PACKAGE_VERSION,
	    r->body ? "Content-Type: application/json" : NULL, NULL};
	struct http_call *call =
	    http_start(a->http, &(struct http_request){.method = r->method,
				    .url = url,
				    .headers = headers,
				    .body = r->body,
				    .body_len = r->body ? strlen(r->body) : 0,
				    .fresh = r->retry,
				    .window = WINDOW,
				    .unzip = true,
				    .terms = a->terms});

	free(url);
	free(type);
	mem_wipe(authorization);
	return call;
}

struct http_call *api_begin(
    struct api *a, const struct api_request *r, struct err *e)
{
	struct login_token token;

	return login_token(a->login, false, 0, &token, e) == 0
		   ? start(a, r, &token, false)
		   : NULL;
}

/* ---- reading an answer ---- */

static int more(void *arg, const char **data, size_t *len, struct err *e)
{
	struct answer *answer = arg;
	int rc = http_read(answer->call, data, len, e);

	answer->broke = rc < 0;
	return rc;
}

/* Reads what the members so far say. */
static int parse(struct answer *answer, struct err *e)
{
	struct buf *m = &answer->members;

	json_decref(answer->object);
	buf_char(m, '}');
	answer->object = json_parse_object(m->data, m->len, e);
	m->data[--m->len] = '\0';
	return answer->object != NULL ? 0 : -1;
}

static int copy_member(
    struct answer *answer, const struct buf *name, struct err *e)
{
	json_t *text = json_stringn(name->data, name->len);
	char *quoted = text ? json_dumps(text, JSON_ENCODE_ANY) : NULL;
	struct buf *m = &answer->members;

	buf_printf(m, "%s%s:", m->len > 1 ? "," : "", quoted ? quoted : "\"\"");
	json_decref(text);
	free(quoted);
	return json_reader_copy(&answer->reader, m, e);
}

/* Reads members up to the rows, or up to the end. */
static int read_members(struct answer *answer, struct err *e)
{
	struct json_reader *r = &answer->reader;
	struct buf name;
	int rc;

	buf_init(&name, 1024);
	while ((rc = json_reader_member(r, &name, e)) == 1) {
		int rows = 0;

		if (strcmp(name.data, "data") == 0)
			rows = json_reader_is_array(r, e);
		if (rows == 1)
			rc = json_reader_array(r, e);
		else
			rc = rows < 0 ? -1 : copy_member(answer, &name, e);
		answer->in_data = rc == 0 && rows == 1;
		if (rc != 0 || answer->in_data)
			break;
	}
	buf_free(&name);
	if (rc == 0 && answer->in_data && answer->had_data)
		rc = err_set(
		    e, ERR_TRANSIENT, "the answer has two members data");
	else if (rc == 0 && !answer->in_data)
		rc = json_reader_end(r, e);
	answer->had_data |= answer->in_data;
	return rc == 0 ? parse(answer, e) : -1;
}

static int read_head(
    struct answer *answer, struct http_call *call, struct err *e)
{
	answer->call = call;
	answer->reader =
	    (struct json_reader){.more = more, .arg = answer, .at = ""};
	answer->reader.end = answer->reader.at;
	buf_init(&answer->members, MEMBERS_MAX);
	buf_char(&answer->members, '{');
	if (json_reader_object(&answer->reader, e) != 0)
		return -1;
	return read_members(answer, e);
}

int answer_check(const struct answer *answer, struct err *e)
{
	const char *code = json_str(answer->object, "code", "");

	if (strcmp(code, CODE_TOO_LARGE) == 0)
		return err_set(e, ERR_PERMANENT,
		    "Snowflake says that the result is too large for the SQL "
		    "API, and sends a part of it (code %s); select less",
		    code);
	if (*code != '\0' && strcmp(code, CODE_DONE) != 0)
		return err_set(e, ERR_TRANSIENT,
		    "Snowflake answers HTTP 200 with code %s in place of a "
		    "result: %s",
		    code, json_str(answer->object, "message", ""));
	if (!answer->had_data)
		return err_set(e, ERR_TRANSIENT,
		    "Snowflake answers HTTP 200 without result data");
	return 0;
}

int answer_row(struct answer *answer, struct err *e)
{
	int rc = answer->in_data ? json_reader_element(&answer->reader, e) : 0;

	if (rc == 0 && answer->in_data) {
		answer->in_data = false;
		rc = read_members(answer, e);
		if (rc == 0)
			rc = answer_check(answer, e);
	}
	return rc;
}

void answer_end(struct answer *answer)
{
	if (answer->call != NULL)
		http_drop(answer->call);
	buf_free(&answer->members);
	json_decref(answer->object);
	*answer = (struct answer){.status = 0};
}

/* ---- attempts until one counts ---- */

static bool is_busy(int status)
{
	return status == 429 || status == 500 || status == 502 ||
	       status == 503 || status == 504;
}

/* Milliseconds that the server asks to wait for; 0: it does not say. A date that it
 * names is one of its clock. */
static int64_t asked_wait(const struct http_reply *reply, int64_t server_now)
{
	char text[64];
	int64_t ms = http_retry_after(
	    http_header(reply, "Retry-After", text, sizeof(text)),
	    server_now != 0 ? server_now : time(NULL));

	return ms < ASKED_MAX_MS ? ms : ASKED_MAX_MS;
}

static int64_t wait_for(int tries)
{
	int64_t ms = WAIT_MS << (tries < 5 ? tries : 5);

	return random_shorten(ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS, 2);
}

/* The attempts of one call so far. */
struct attempt {
	int tries;
	bool renewed;       /* the token was */
	int64_t server_now; /* by the last answer; 0: unknown */
	int64_t wait_ms;    /* before the next one */
};

/* Reads an answer that is no result. */
static int refused(struct answer *answer, struct attempt *t, struct err *e)
{
	const struct http_reply *head = http_head(answer->call);
	struct err unused;

	t->server_now = http_date(head);
	t->wait_ms = asked_wait(head, t->server_now);
	if (read_head(answer, answer->call, &unused) != 0) {
		json_decref(answer->object);
		answer->object = NULL;
	}
	return problem_of_answer(answer->status, answer->object, e);
}

/* Judges an attempt: 0; -1: it has failed for good; 1: another one may help. Both
 * with *e. */
static int judge(struct answer *answer, struct attempt *t, struct err *e)
{
	answer->status = http_status(answer->call, e);
	if (answer->status < 0)
		return http_done(answer->call) && e->kind == ERR_TRANSIENT ? 1
									   : -1;
	if (answer->status == 200 || answer->status == 202) {
		if (read_head(answer, answer->call, e) == 0)
			return 0;
		/* An answer that arrived whole and is no JSON is asked for once
		 * more. */
		return e->kind == ERR_TRANSIENT &&
			       (answer->broke || t->tries == 0)
			   ? 1
			   : -1;
	}
	refused(answer, t, e);
	return is_busy(answer->status) || (answer->status == 401 && !t->renewed)
		   ? 1
		   : -1;
}

/* Waits before another attempt, or renews the token. Returns -1 with *e as it was
 * when there is none. */
static int prepare(struct api *a, struct answer *answer, struct attempt *t,
    struct login_token *token, struct err *e)
{
	int64_t ms = wait_for(t->tries);
	struct err stopped;

	if (answer->status == 401) {
		t->renewed = true;
		return login_token(a->login, true, t->server_now, token, e);
	}
	ms = t->wait_ms > ms ? t->wait_ms : ms;
	if (++t->tries >= TRIES ||
	    (a->deadline_ms != 0 && clock_boot_ms() + ms > a->deadline_ms))
		return -1;
	if (api_wait(a, ms, &stopped) != 0) {
		*e = stopped;
		return -1;
	}
	return login_token(a->login, false, 0, token, e);
}

int api_wait(struct api *a, int64_t ms, struct err *e)
{
	int64_t until = clock_boot_ms() + ms, left;

	while ((left = until - clock_boot_ms()) > 0) {
		if (http_step(a->http, left, e) != 0)
			return -1;
	}
	return 0;
}

int api_take(struct api *a, const struct api_request *r, struct http_call *call,
    struct answer *answer, struct err *e)
{
	struct attempt t = {.tries = 0};
	struct login_token token;
	bool sent = false;
	int rc;

	*answer = (struct answer){.call = call};
	while ((rc = judge(answer, &t, e)) == 1) {
		sent |= http_head(answer->call)->sent;
		if (prepare(a, answer, &t, &token, e) != 0)
			break;
		answer_end(answer);
		answer->call = start(a, r, &token, true);
	}
	answer->sent = sent || http_head(answer->call)->sent;
	if (answer->status == 401 && rc != 0)
		login_explain(a->login, t.server_now, e);
	return rc == 0 ? 0 : -1;
}

int api_call(struct api *a, const struct api_request *r, struct answer *answer,
    struct err *e)
{
	struct http_call *call = api_begin(a, r, e);

	*answer = (struct answer){.status = 0};
	return call != NULL ? api_take(a, r, call, answer, e) : -1;
}
