/* SPDX-License-Identifier: MIT */
#include "place/https/web.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "net/http/url.h"
#include "place/https/scheme.h"
#include "settings/urls.h"

#define REDIRECTS 5
#define WINDOW ((size_t)256 << 10)
#define HEADERS_MAX 16
/* ms: the first wait, which doubles; a server that asks for a longer one than
 * the last is asked again only by the report's next run. */
#define BACKOFF_MS 500
#define WAIT_MAX_MS 60000

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_granted(const json_t *prefixes, const char *url)
{
	const json_t *one;
	size_t i;

	json_array_foreach(prefixes, i, one)
	{
		if (begins_with(url, json_string_value(one)))
			return true;
	}
	return prefixes == NULL;
}

int web_allow(const struct place_lent *lent, const char *url, struct err *e)
{
	const struct settings *set = services_settings(lent->services);
	int shown = (int)strcspn(url, "?");

	if (https_check(url, e) != 0)
		return -1;
	if (!urls_hold(set->inputs_urls, url))
		return err_set(e, ERR_PERMANENT,
		    "the settings do not allow to read %.*s; add its folder to "
		    "urls in [inputs]",
		    shown, url);
	if (!is_granted(lent->readable, url))
		return err_set(e, ERR_PERMANENT,
		    "the owner of the report may not read %.*s, where its "
		    "input leads; an operator can allow it by grant_path()",
		    shown, url);
	return 0;
}

int web_refuse(const char *url, int status, struct err *e)
{
	bool later =
	    status == 408 || status == 425 || status == 429 || status >= 500;

	return err_set(e, later ? ERR_TRANSIENT : ERR_PERMANENT,
	    "%.*s answers with HTTP %d%s", (int)strcspn(url, "?"), url, status,
	    status == 401 || status == 403
		? "; does it need one of headers in [inputs] of the settings?"
		: "");
}

/* ---- one request ---- */

struct lines {
	const char *line[HEADERS_MAX + 1];
	char *own[HEADERS_MAX];
	int count;
};

static void add_line(void *arg, const char *header)
{
	struct lines *l = arg;

	if (l->count < HEADERS_MAX - 1) {
		l->own[l->count] = mem_strdup(header);
		l->line[l->count] = l->own[l->count];
		l->count++;
	}
}

static void wipe_lines(struct lines *l)
{
	for (int i = 0; i < l->count; i++)
		mem_wipe(l->own[i]);
}

static int read_body(
    struct http_call *call, const struct web_request *r, struct err *e)
{
	const char *data;
	size_t len;
	int rc;

	while ((rc = http_read(call, &data, &len, e)) == 1) {
		if (r->take(r->arg, data, len, e) != 0)
			return -1;
	}
	return rc;
}

/* A call whose body nobody takes ends with its headers. */
static int talk(struct http *h, const struct http_request *request,
    const struct web_request *r, struct http_reply *reply, struct err *e)
{
	struct http_call *call = http_start(h, request);
	int status = http_status(call, e), rc = status < 0 ? -1 : 0;

	if (rc == 0) {
		const struct buf *headers = &http_head(call)->headers;

		reply->status = status;
		buf_init(&reply->headers, headers->len + 1);
		buf_add(&reply->headers, headers->data, headers->len);
	}
	if (rc == 0 && r->take != NULL && status / 100 == 2)
		rc = read_body(call, r, e);
	http_drop(call);
	return rc;
}

static int ask(const struct place_lent *lent, const struct web_request *r,
    const char *url, struct http_reply *reply, struct err *e)
{
	const struct settings *set = services_settings(lent->services);
	struct lines lines = {.count = 0};
	struct http_request request = {.method = r->method,
	    .url = url,
	    .headers = lines.line,
	    .window = WINDOW,
	    .terms = services_terms(lent->services, NULL)};
	char *match = NULL;
	int rc;

	urls_headers(set->inputs_headers, url, add_line, &lines);
	if (r->if_match != NULL) {
		match = mem_printf("If-Match: %s", r->if_match);
		add_line(&lines, match);
	}
	request.terms.guarded = true;
	request.terms.allow = set->inputs_allow;
	request.terms.allow_key = "[inputs] allow";
	/* A long body takes its time while it moves. */
	if (r->take != NULL)
		request.terms.total_ms = 0;
	rc = talk(services_http(lent->services), &request, r, reply, e);
	wipe_lines(&lines);
	free(match);
	return rc;
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

/* Returns the URL that a redirect leads to, an empty one if there is none; NULL on error. */
static char *next_url(
    const char *url, const struct http_reply *reply, struct err *e)
{
	size_t size = HTTPS_URL_MAX + 2;
	char *to = mem_alloc(size), *next = NULL;

	http_header(reply, "Location", to, size);
	if (strlen(to) > HTTPS_URL_MAX) {
		err_set(e, ERR_PERMANENT,
		    "%.*s redirects to a URL of more than %zu bytes",
		    (int)strcspn(url, "?"), url, HTTPS_URL_MAX);
	} else {
		next = http_join(url, to);
		next = next ? next : mem_strdup("");
	}
	free(to);
	return next;
}

/* Sends the request to where redirects lead. */
static int follow(const struct place_lent *lent, const struct web_request *r,
    struct http_reply *reply, struct err *e)
{
	char *url = mem_strdup(r->url), *next;
	int rc = -1;

	for (int hop = 0;; hop++) {
		rc = web_allow(lent, url, e);
		if (rc != 0 && hop > 0)
			err_wrap(e, "%.*s redirects", (int)strcspn(r->url, "?"),
			    r->url);
		rc = rc == 0 ? ask(lent, r, url, reply, e) : rc;
		if (rc != 0 || !is_redirect(reply->status))
			break;
		if (hop == REDIRECTS) {
			rc = err_set(e, ERR_PERMANENT,
			    "%.*s redirects more than %d times",
			    (int)strcspn(r->url, "?"), r->url, REDIRECTS);
			break;
		}
		next = next_url(url, reply, e);
		if (next == NULL) {
			rc = -1;
			break;
		}
		free(url);
		url = next;
		http_reply_free(reply);
		*reply = (struct http_reply){0};
	}
	free(url);
	return rc;
}

/* ---- until it answers ---- */

/* Returns ms until the next try; -1: there is none. */
static int64_t wait_before(
    const struct http_reply *reply, int rc, const struct err *e, int tries)
{
	int64_t wait = BACKOFF_MS << (tries < 8 ? tries : 8), asked;
	char after[64];
	int s = reply->status;

	if (rc != 0)
		return e->kind == ERR_TRANSIENT ? random_below(wait) : -1;
	if (s != 408 && s != 425 && s != 429 && s < 500)
		return -1;
	http_header(reply, "Retry-After", after, sizeof(after));
	asked = http_retry_after(after, (int64_t)time(NULL));
	if (asked > WAIT_MAX_MS)
		return -1;
	return asked + random_below(wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS);
}

static int doze(const struct place_lent *lent, int64_t ms, struct err *e)
{
	static const struct watch none;
	const struct watch *watch = services_watch(lent->services);

	return watch_wait(
		   watch ? watch : &none, -1, 0, clock_boot_ms() + ms, e) < 0
		   ? -1
		   : 0;
}

int web_send(const struct place_lent *lent, const struct web_request *r,
    struct http_reply *reply, struct err *e)
{
	for (int tries = 1;; tries++) {
		int64_t wait;
		int rc = r->begin ? r->begin(r->arg, e) : 0;

		*reply = (struct http_reply){0};
		if (rc == 0)
			rc = follow(lent, r, reply, e);
		wait = wait_before(reply, rc, e, tries);
		if (wait < 0 || tries >= r->tries)
			return rc;
		http_reply_free(reply);
		*reply = (struct http_reply){0};
		if (doze(lent, wait, e) != 0)
			return -1;
	}
}
