/* SPDX-License-Identifier: MIT */
#include "notice/http.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "notice/json.h"

/* Milliseconds: a receiver normally answers at once; one that does not must not
 * delay the other notices. */
#define ANSWER_MS 30000
#define REPLY_MAX (64u << 10)
#define EXCERPT 200

int notice_host(const char *url, char *host, size_t size)
{
	const char *start = strstr(url, "://");
	size_t len;

	if (start == NULL)
		return -1;
	start += 3;
	len = strcspn(start, "/?#");
	if (*start == '[') {
		len = strcspn(++start, "]/?#");
		if (start[len] != ']')
			return -1;
	} else {
		for (size_t i = 0; i < len; i++) {
			if (start[i] == ':')
				len = i;
			else if (!isalnum((unsigned char)start[i]) &&
				 strchr(".-_", start[i]) == NULL)
				return -1;
		}
	}
	if (len == 0 || len >= size)
		return -1;
	memcpy(host, start, len);
	host[len] = '\0';
	return 0;
}

static bool may_get_better(int status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

/* Returns the path and query of the URL, which often contain a secret; ""
 * when there is none. */
static const char *secret_of(const struct notice_post *p)
{
	const char *secret = strstr(p->url, "://");

	secret = secret ? secret + 3 + strcspn(secret + 3, "/?") : "";
	return strlen(secret) > 1 ? secret : "";
}

/* Replaces an error whose text contains the secret, whichever module wrote
 * it. */
static void hide(const struct notice_post *p, struct err *e)
{
	const char *secret = secret_of(p);

	if (*secret != '\0' && strstr(e->text, secret) != NULL)
		err_set(e, e->kind, "%s could not be reached", p->shown);
}

/* Copies the beginning of the reply's text, on one line; nothing when it is an
 * HTML page. */
static void excerpt(const struct http_reply *reply, char *to, size_t size)
{
	if (reply->body.len == 0)
		return;
	snprintf(to, size, ": %s", reply->body.data);
	str_clean_utf8(to);
	str_cut_utf8(to, size - 4);
	for (char *c = to; *c != '\0'; c++) {
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	}
	if (to[2] == '<') /* an HTML page */
		*to = '\0';
}

static int judge(const struct notice_post *p, const struct http_reply *reply,
    struct notice_answer *answer, struct err *e)
{
	char text[EXCERPT] = "", after[64];

	if (reply->status >= 200 && reply->status < 300)
		return 0;
	if (may_get_better(reply->status)) {
		http_header(reply, "Retry-After", after, sizeof(after));
		answer->retry_ms = http_retry_after(after, (int64_t)time(NULL));
	}
	if (reply->status >= 300 && reply->status < 400)
		return err_set(e, ERR_PERMANENT,
		    "%s answered with HTTP %d: redirects are not followed, "
		    "write the final URL",
		    p->shown, reply->status);
	excerpt(reply, text, sizeof(text));
	return err_set(e,
	    may_get_better(reply->status) ? ERR_TRANSIENT : ERR_PERMANENT,
	    "%s answered with HTTP %d%s", p->shown, reply->status, text);
}

/*
 * Authors of reports choose the receiver and can read the error. Only the
 * operator may learn whether an address is refused, or a port is closed or
 * silent: otherwise reports could scan the network.
 */
static int not_reached(
    const struct notice_post *p, struct notice_answer *answer, struct err *e)
{
	if (strstr(e->text, secret_of(p)) == NULL || *secret_of(p) == '\0')
		str_copy(answer->detail, sizeof(answer->detail), e->text);
	return err_set(e, e->kind,
	    "%s could not be reached; the daemon's log says why", p->shown);
}

static int send(struct services *s, const struct notice_post *p,
    struct notice_answer *answer, struct err *e)
{
	struct http_request r = {.method = "POST",
	    .url = p->url,
	    .headers = p->headers,
	    .body = p->body.data,
	    .body_len = p->body.len,
	    .fresh = p->fresh,
	    .reply_max = REPLY_MAX,
	    .terms = services_terms(s, NULL)};
	struct http_reply reply;
	int rc;

	r.terms.guarded = true;
	r.terms.allow = services_settings(s)->webhook_allow;
	r.terms.allow_key = "[webhook] allow";
	if (r.terms.total_ms == 0 || r.terms.total_ms > ANSWER_MS)
		r.terms.total_ms = ANSWER_MS;
	rc = http_send(services_http(s), &r, &reply, e);
	if (rc == 0)
		rc = judge(p, &reply, answer, e);
	else if (reply.begun >= 200 && reply.begun < 300)
		/* accepted; an error after the status line does not undo
		 * that */
		rc = 0;
	else if (e->kind != ERR_CANCELLED)
		rc = not_reached(p, answer, e);
	http_reply_free(&reply);
	return rc;
}

int notice_post_json(
    struct notice_post *p, json_t *value, size_t max, struct err *e)
{
	char *text = notice_dump(value);

	json_decref(value);
	if (text == NULL)
		return err_set(
		    e, ERR_PERMANENT, "the notice cannot be written as JSON");
	buf_init(&p->body, max);
	buf_str(&p->body, text);
	free(text);
	return 0;
}

int notice_post(struct services *s, struct notice_post *p,
    struct notice_answer *answer, struct err *e)
{
	char host[256];
	int rc;

	if (notice_host(p->url, host, sizeof(host)) != 0)
		rc = err_set(
		    e, ERR_PERMANENT, "%s is not a valid URL", p->shown);
	else if (!settings_allows(p->hosts, host))
		rc = err_set(e, ERR_PERMANENT,
		    "the settings do not allow notices to %s; %s lists the "
		    "hosts",
		    host, p->hosts_key);
	else if (p->body.overflow)
		rc = err_set(e, ERR_PERMANENT,
		    "the notice is longer than %zu bytes", p->body.max);
	else
		rc = send(s, p, answer, e);
	if (rc != 0)
		hide(p, e);
	buf_free(&p->body);
	return rc;
}
