/* SPDX-License-Identifier: MIT */
#include "net/http/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/http/doze.h"
#include "net/http/http_call.h"

#define CONNECT_MS 10000
#define SILENCE_MS 60000
#define REPLY_MAX ((size_t)1 << 20)
#define HEADERS_MAX ((size_t)64 << 10)
/* Milliseconds: an hour, the time limit of a connection whose call was
 * dropped. */
#define LONG_MS 3600000
/* Milliseconds between two looks at the calls during a wait. */
#define LOOK_UP_MS 100

struct http {
	CURLM *multi;
	const struct watch *watch; /* NULL: never stops */
	bool ignores_watch;
	struct http_call *calls;
	struct http_call *dropped; /* calls that curl cannot release yet */
};

struct http *http_open(void)
{
	struct http *h = mem_zalloc(sizeof(*h));

	/* libcurl counts these calls; only the first one does any work. */
	curl_global_init(CURL_GLOBAL_ALL);
	h->multi = curl_multi_init();
	if (h->multi == NULL)
		abort();
	return h;
}

/* ---- the end of a call ---- */

static void release(struct http_call *c)
{
	if (c->under_way)
		curl_multi_remove_handle(c->http->multi, c->easy);
	c->under_way = false;
}

static void destroy(struct http_call *c)
{
	release(c);
	curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	curl_slist_free_all(c->connect_to);
	http_reply_free(&c->reply);
	free(c->method);
	free(c->url);
	free(c->proxy);
	free(c);
}

static void fail(struct http_call *c)
{
	c->done = true;
	c->rc = -1;
}

/* Drops a call. While a host name is being looked up, curl would wait for the
 * name server before it releases the call (or leak a descriptor, by an option).
 * Such a call stays in a list until the answer arrives, and then ends. */
static void give_up(struct http_call *c)
{
	curl_off_t looked_up = 0;

	curl_easy_getinfo(c->easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
	if (c->talking || looked_up != 0)
		release(c);
	else
		curl_easy_setopt(
		    c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)LONG_MS);
	fail(c);
}

static struct http_call **place_in(
    struct http_call **list, const struct http_call *c)
{
	while (*list != c)
		list = &(*list)->next;
	return list;
}

void http_drop(struct http_call *c)
{
	struct http *h = c->http;

	*place_in(&h->calls, c) = c->next;
	if (!c->done)
		give_up(c);
	if (!c->under_way) {
		destroy(c);
		return;
	}
	c->dropped = true;
	c->next = h->dropped;
	h->dropped = c;
}

void http_close(struct http *h)
{
	if (h == NULL)
		return;
	while (h->calls != NULL)
		http_drop(h->calls);
	for (struct http_call *c = h->dropped, *next; c != NULL; c = next) {
		next = c->next;
		curl_easy_setopt(c->easy, CURLOPT_QUICK_EXIT, 1L);
		destroy(c);
	}
	curl_multi_cleanup(h->multi);
	curl_global_cleanup();
	free(h);
}

void http_set_watch(struct http *h, const struct watch *watch)
{
	h->watch = watch;
}

void http_ignore_watch(struct http *h, bool ignore)
{
	h->ignores_watch = ignore;
}

/* ---- the start of a call ---- */

/* Begins the call, or the next request after a redirect. */
static void launch(struct http_call *c)
{
	buf_clear(&c->reply.body);
	buf_clear(&c->reply.headers);
	c->moved = 0;
	c->taken = 0;
	c->paused = c->headed = false;
	c->moved_ms = c->hop_ms = clock_boot_ms();
	c->talking = false;
	c->detail[0] = c->refused[0] = '\0';
	free(c->proxy);
	c->proxy = NULL;
	if (url_parse(c->url, &c->to, &c->error) != 0) {
		fail(c);
		return;
	}
	c->proxy = url_proxy(
	    &c->to, c->request.terms.proxy, c->request.terms.no_proxy);
	if (call_configure(c) != 0) {
		fail(c);
		return;
	}
	curl_multi_add_handle(c->http->multi, c->easy);
	c->under_way = true;
}

struct http_call *http_start(struct http *h, const struct http_request *r)
{
	struct http_call *c = mem_zalloc(sizeof(*c));
	struct http_terms *t = &c->request.terms;

	c->http = h;
	c->request = *r;
	c->method = mem_strdup(r->method);
	c->url = mem_strdup(r->url);
	c->headers = call_headers(r->headers);
	if (t->connect_ms <= 0)
		t->connect_ms = CONNECT_MS;
	if (t->silence_ms <= 0)
		t->silence_ms = SILENCE_MS;
	/* Into a window that is not full curl writes once more, 16 kB at most. */
	buf_init(&c->reply.body, r->window ? r->window + CURL_MAX_WRITE_SIZE
				 : r->reply_max ? r->reply_max
						: REPLY_MAX);
	buf_init(&c->reply.headers, HEADERS_MAX);
	c->begun_ms = clock_boot_ms();
	c->easy = curl_easy_init();
	if (c->easy == NULL)
		abort();
	c->next = h->calls;
	h->calls = c;
	launch(c);
	return c;
}

/* ---- redirects ---- */

static void forget_authorization(struct http_call *c)
{
	struct curl_slist *kept = NULL;

	for (struct curl_slist *l = c->headers; l != NULL; l = l->next) {
		if (!header_is(l->data, "Authorization") &&
		    !header_is(l->data, "Cookie"))
			kept = curl_slist_append(kept, l->data);
	}
	curl_slist_free_all(c->headers);
	c->headers = kept;
}

/* Follows a redirect. True when the call goes on elsewhere, or has failed
 * because the redirect is not allowed. */
static bool follow(struct http_call *c)
{
	struct http_url next;
	char *url = NULL;

	curl_easy_getinfo(c->easy, CURLINFO_REDIRECT_URL, &url);
	if (c->request.redirects <= 0 || url == NULL)
		return false;
	url = mem_strdup(url);
	if (url_parse(url, &next, &c->error) != 0) {
		err_wrap(&c->error, "%s redirects", c->to.host_port);
		fail(c);
	} else if (c->to.tls && !next.tls) {
		err_set(&c->error, ERR_PERMANENT,
		    "%s redirects from https to http, which is not followed",
		    c->to.host_port);
		fail(c);
	} else {
		c->request.redirects--;
		if (strcmp(next.host_port, c->to.host_port) != 0)
			forget_authorization(c);
		if (c->reply.status == 303) {
			free(c->method);
			c->method = mem_strdup("GET");
			c->request.body_len = 0;
		}
		free(c->url);
		c->url = url;
		launch(c);
		return true;
	}
	free(url);
	return true;
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

/* Ends a call that curl has completed. True when its owner can take the
 * result. */
static bool finish(struct http_call *c, CURLcode code)
{
	long status = 0;

	release(c);
	if (c->dropped) {
		*place_in(&c->http->dropped, c) = c->next;
		destroy(c);
		return false;
	}
	if (c->done)
		return false;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK) {
		c->reply.begun = (int)status;
		call_explain(c, code);
		fail(c);
		return true;
	}
	c->reply.status = (int)status;
	if (is_redirect(c->reply.status) && follow(c))
		return c->done;
	c->done = true;
	return true;
}

/* ---- moving ---- */

static void note_moves(struct http_call *c, int64_t now)
{
	curl_off_t up = 0, down = 0, moved;

	curl_easy_getinfo(c->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	curl_easy_getinfo(c->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	moved = up + down + (curl_off_t)c->reply.headers.len;
	/* A server that has to wait is not silent. */
	if (moved != c->moved || c->paused) {
		c->moved = moved;
		c->moved_ms = now;
	}
}

/* Ends a call that takes too long. curl measures silence as an average in whole
 * seconds, and its limit for connecting would also end the calls that give_up()
 * keeps until the name server answers. */
static void look_at(struct http_call *c)
{
	const struct http_terms *t = &c->request.terms;
	int64_t now = clock_boot_ms();

	if (c->talking)
		note_moves(c, now);
	if ((t->total_ms > 0 && now - c->begun_ms >= t->total_ms) ||
	    (c->talking ? now - c->moved_ms >= t->silence_ms
			: now - c->hop_ms >= t->connect_ms)) {
		call_explain(c, CURLE_OPERATION_TIMEDOUT);
		give_up(c);
	}
}

/* Lets curl work and returns the number of calls that ended. */
static int perform(struct http *h)
{
	int running, left, ended = 0;
	CURLMsg *m;

	curl_multi_perform(h->multi, &running);
	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		struct http_call *c = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (void *)&c);
		ended += finish(c, m->data.result);
	}
	for (struct http_call *c = h->calls; c != NULL; c = c->next) {
		if (!c->done) {
			look_at(c);
			ended += c->done;
		}
	}
	return ended;
}

/* Says whether the caller of a step has what it waits for. */
typedef bool call_look(const struct http_call *c);

static int step(struct http *h, int64_t wait_ms, call_look *enough,
    const struct http_call *c, struct err *e)
{
	const struct watch *watch = h->ignores_watch ? NULL : h->watch;
	int64_t until = clock_boot_ms() + wait_ms;

	for (;;) {
		int64_t left;

		if (watch != NULL && watch_check(watch, e) != 0)
			return -1;
		if (perform(h) > 0 || (enough != NULL && enough(c)))
			return 0;
		left = until - clock_boot_ms();
		if (left <= 0)
			return 0;
		doze(h->multi, watch, left < LOOK_UP_MS ? left : LOOK_UP_MS);
	}
}

int http_step(struct http *h, int64_t wait_ms, struct err *e)
{
	return step(h, wait_ms, NULL, NULL, e);
}

bool http_done(const struct http_call *call)
{
	return call->done;
}

int http_take(struct http_call *c, struct http_reply *reply, struct err *e)
{
	int rc = c->rc;

	*reply =
	    (struct http_reply){.sent = c->reply.sent, .begun = c->reply.begun};
	if (rc == 0) {
		*reply = c->reply;
		buf_init(&c->reply.body, 0);
		buf_init(&c->reply.headers, 0);
	} else {
		*e = c->error;
	}
	http_drop(c);
	return rc;
}

int http_send(struct http *h, const struct http_request *request,
    struct http_reply *reply, struct err *e)
{
	struct http_call *c = http_start(h, request);

	*reply = (struct http_reply){0};
	while (!c->done) {
		if (http_step(h, LOOK_UP_MS, e) != 0) {
			reply->sent = c->reply.sent;
			http_drop(c);
			return -1;
		}
	}
	return http_take(c, reply, e);
}

/* ---- bodies that are read as they come ---- */

/* Says whether all headers of the answer are here. */
static bool has_status(const struct http_call *c)
{
	long status = 0;

	if (!c->headed)
		return false;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200;
}

static bool has_body(const struct http_call *c)
{
	return c->reply.body.len > 0;
}

int http_status(struct http_call *c, struct err *e)
{
	long status = 0;

	while (!c->done && !has_status(c)) {
		if (step(c->http, LOOK_UP_MS, has_status, c, e) != 0)
			return -1;
	}
	if (c->done && c->rc != 0) {
		*e = c->error;
		return -1;
	}
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

const struct http_reply *http_head(const struct http_call *c)
{
	return &c->reply;
}

/* Lets curl write on into a window that has room again. */
static void go_on(struct http_call *c)
{
	c->paused = false;
	c->moved_ms = clock_boot_ms();
	curl_easy_pause(c->easy, CURLPAUSE_CONT);
}

int http_read(
    struct http_call *c, const char **data, size_t *len, struct err *e)
{
	struct buf *body = &c->reply.body;

	buf_consume(body, c->taken);
	c->taken = 0;
	while (!has_body(c) && !c->done) {
		if (c->paused)
			go_on(c);
		else if (step(c->http, LOOK_UP_MS, has_body, c, e) != 0)
			return -1;
	}
	if (!has_body(c) && c->rc != 0) {
		*e = c->error;
		return -1;
	}
	*data = body->data;
	*len = c->taken = body->len;
	return has_body(c);
}
