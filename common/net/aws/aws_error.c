/* SPDX-License-Identifier: MIT */
#include "net/aws/aws_error.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

static bool is_one_of(const char *code, const char *const *list)
{
	while (*list != NULL && strcmp(code, *list) != 0)
		list++;
	return *list != NULL;
}

bool aws_error_throttled(const struct aws_answer *answer)
{
	static const char *const codes[] = {"Throttling", "ThrottlingException",
	    "ThrottledException", "Throttled", "RequestThrottled",
	    "RequestThrottledException", "TooManyRequestsException",
	    "ProvisionedThroughputExceededException", "RequestLimitExceeded",
	    "BandwidthLimitExceeded", "SlowDown", "PriorRequestNotComplete",
	    "EC2ThrottledException", "TransactionInProgressException", NULL};

	return answer->http.status == 429 || answer->http.status == 503 ||
	       is_one_of(answer->code, codes);
}

bool aws_error_server(const struct aws_answer *answer)
{
	/* These two codes also come with a status of 4xx. */
	static const char *const codes[] = {
	    "RequestTimeout", "RequestTimeoutException", NULL};
	int status = answer->http.status;

	return status == 408 || (status >= 500 && status != 501) ||
	       is_one_of(answer->code, codes);
}

/* Says whether the answer refuses keys that have expired, or keys that have
 * been replaced at the place where they were read. */
bool aws_error_expired(const struct aws_answer *answer)
{
	static const char *const codes[] = {"ExpiredToken",
	    "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken",
	    "InvalidAccessKeyId", "InvalidClientTokenId",
	    "UnrecognizedClientException", NULL};

	return is_one_of(answer->code, codes);
}

int64_t aws_error_retry_after(const struct aws_answer *answer, time_t now)
{
	char text[64];

	return http_retry_after(
	    http_header(&answer->http, "Retry-After", text, sizeof(text)), now);
}

/* Keeps the name of the code only: AccessDenied from
 * "com.amazon.coral.service#AccessDenied:http://...". */
static void set_code(struct aws_answer *a, const char *text)
{
	const char *hash = strchr(text, '#');

	str_copy(a->code, sizeof(a->code), hash ? hash + 1 : text);
	a->code[strcspn(a->code, ":")] = '\0';
}

static void read_json(struct aws_answer *a, struct aws_failure *f)
{
	struct err unused;
	json_t *o =
	    json_parse_object(a->http.body.data, a->http.body.len, &unused);
	const char *code = json_str(o, "__type", json_str(o, "code", ""));

	if (*code != '\0')
		set_code(a, code);
	f->message =
	    mem_strdup(json_str(o, "message", json_str(o, "Message", "")));
	json_decref(o);
}

static void read_xml(struct aws_answer *a, struct aws_failure *f)
{
	const struct buf *b = &a->http.body;
	char *id = aws_xml_text(b->data, b->len, "RequestId");

	f->message = aws_xml_error(b->data, b->len, a->code);
	f->region = aws_xml_text(b->data, b->len, "Region");
	if (id != NULL)
		str_copy(a->request_id, sizeof(a->request_id), id);
	free(id);
}

void aws_error_read(struct aws_answer *a, struct aws_failure *f)
{
	const struct http_reply *r = &a->http;
	char type[128];
	size_t blanks = r->body.len ? strspn(r->body.data, " \t\r\n") : 0;

	*f = (struct aws_failure){0};
	http_header(
	    r, "x-amzn-RequestId", a->request_id, sizeof(a->request_id));
	if (a->request_id[0] == '\0')
		http_header(r, "x-amz-request-id", a->request_id,
		    sizeof(a->request_id));
	set_code(a, http_header(r, "x-amzn-ErrorType", type, sizeof(type)));
	if (blanks < r->body.len && r->body.data[blanks] == '{')
		read_json(a, f);
	else if (blanks < r->body.len && r->body.data[blanks] == '<')
		read_xml(a, f);
	if (f->message == NULL)
		f->message = mem_strdup("");
}

void aws_failure_free(struct aws_failure *f)
{
	free(f->message);
	free(f->region);
}
