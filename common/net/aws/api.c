/* SPDX-License-Identifier: MIT */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "net/aws/aws.h"

/* Requests of these protocols are small; an answer may hold a secret of 64
 * KiB. */
#define FORM_MAX ((size_t)1 << 20)

/* Wipes an answer before it is freed: these services send passwords and
 * keys. */
static void wipe(struct aws_answer *answer)
{
	if (answer->http.body.data != NULL)
		OPENSSL_cleanse(answer->http.body.data, answer->http.body.cap);
	aws_answer_free(answer);
}

json_t *aws_json_call(struct aws *a, const struct aws_json_call *call,
    char code[64], struct err *e)
{
	char *type = mem_printf("application/x-amz-json-%s", call->version);
	char *body = json_dumps(call->arguments, JSON_COMPACT);
	const char *target = call->target, *dot = strrchr(target, '.');
	struct sigv4_pair headers[] = {
	    {"Content-Type", type}, {"X-Amz-Target", target}};
	struct aws_answer answer;
	json_t *o = NULL;
	int rc = aws_send(a,
	    &(struct aws_request){.method = "POST",
		.operation = dot ? dot + 1 : target,
		.headers = headers,
		.header_count = 2,
		.body = body,
		.body_len = strlen(body),
		.reply_max = call->reply_max,
		.unstoppable = call->unstoppable,
		.deadline_ms = call->deadline_ms},
	    &answer, e);

	if (rc == 0) {
		o = json_parse_object(
		    answer.http.body.data, answer.http.body.len, e);
		/* The error does not say what is wrong with the answer, because
		 * the text could repeat part of a secret. */
		if (o == NULL)
			err_set(e, ERR_TRANSIENT,
			    "%s: the answer is no JSON object", target);
	}
	if (code != NULL)
		str_copy(code, 64, answer.code);
	wipe(&answer);
	free(body);
	free(type);
	return o;
}

json_t *aws_json(struct aws *a, const char *target, const char *version,
    const json_t *arguments, char code[64], struct err *e)
{
	return aws_json_call(a,
	    &(struct aws_json_call){
		.target = target, .version = version, .arguments = arguments},
	    code, e);
}

static void add_argument(struct buf *form, const char *name, const char *value)
{
	if (form->len > 0)
		buf_char(form, '&');
	http_escape(form, name, strlen(name), false);
	buf_char(form, '=');
	http_escape(form, value, strlen(value), false);
}

char *aws_query(struct aws *a, const char *version, const char *action,
    const struct sigv4_pair *arguments, int count, char code[64], struct err *e)
{
	struct sigv4_pair type = {
	    "Content-Type", "application/x-www-form-urlencoded; charset=utf-8"};
	struct aws_answer answer;
	struct buf form;
	char *text = NULL;
	int rc;

	buf_init(&form, FORM_MAX);
	add_argument(&form, "Action", action);
	add_argument(&form, "Version", version);
	for (int i = 0; i < count; i++)
		add_argument(&form, arguments[i].name, arguments[i].value);
	if (form.overflow) {
		buf_free(&form);
		err_set(e, ERR_PERMANENT, "%s: too long", action);
		return NULL;
	}
	rc = aws_send(a,
	    &(struct aws_request){.method = "POST",
		.operation = action,
		.headers = &type,
		.header_count = 1,
		.body = form.data,
		.body_len = form.len},
	    &answer, e);
	if (rc == 0)
		text = mem_strdup(
		    answer.http.body.data ? answer.http.body.data : "");
	if (code != NULL)
		str_copy(code, 64, answer.code);
	wipe(&answer);
	buf_free(&form);
	return text;
}

time_t aws_time(const char *text)
{
	struct tm tm = {0};

	return text != NULL && strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) != NULL
		   ? timegm(&tm)
		   : 0;
}
