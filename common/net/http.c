/* SPDX-License-Identifier: MIT */
#include "net/http.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/doze.h"
#include "net/guard.h"
#include "net/http_call.h"

#define CONNECT_MS 10000
#define SILENCE_MS 60000
#define REPLY_MAX ((size_t)1 << 20)
#define HEADERS_MAX ((size_t)64 << 10)
/* How often a wait looks up from it. */
#define LOOK_UP_MS 100

struct http {
	CURLM *multi;
	const struct watch *watch; /* NULL: never stops */
	struct http_call *calls;
};

struct http *http_open(void)
{
	struct http *h = mem_zalloc(sizeof(*h));

	/* Counted by libcurl: the first one pays. */
	curl_global_init(CURL_GLOBAL_ALL);
	h->multi = curl_multi_init();
	if (h->multi == NULL)
		abort();
	return h;
}

void http_close(struct http *h)
{
	if (h == NULL)
		return;
	while (h->calls != NULL)
		http_drop(h->calls);
	curl_multi_cleanup(h->multi);
	curl_global_cleanup();
	free(h);
}

void http_set_watch(struct http *h, const struct watch *watch)
{
	h->watch = watch;
}

/* ---- the end of a call ---- */

static void part(struct http_call *c)
{
	if (c->under_way)
		curl_multi_remove_handle(c->http->multi, c->easy);
	c->under_way = false;
}

static void fail(struct http_call *c)
{
	part(c);
	c->done = true;
	c->rc = -1;
}

/* ---- what curl calls ---- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;

	buf_add(&c->reply.body, data, size * n);
	return c->reply.body.overflow ? 0 : size * n;
}

/* Of 100 Continue and the like only the last answer is kept. */
static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;

	if (size * n > 5 && memcmp(data, "HTTP/", 5) == 0)
		buf_clear(&c->reply.headers);
	buf_add(&c->reply.headers, data, size * n);
	return size * n;
}

static curl_socket_t on_open(
    void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct http_call *c = arg;

	(void)purpose;
	if (!guard_allows(&to->addr, c->request.terms.allow)) {
		url_address(&to->addr, c->refused, sizeof(c->refused));
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Before a request goes out; the connection may be one that was there before,
 * made by a call that has no guard. */
static int on_request(
    void *arg, char *to, char *from, int to_port, int from_port)
{
	struct http_call *c = arg;

	(void)from, (void)to_port, (void)from_port;
	if (c->request.terms.guarded && c->proxy[0] == '\0' &&
	    !guard_allows_text(to, c->request.terms.allow)) {
		str_copy(c->refused, sizeof(c->refused), to);
		return CURL_PREREQFUNC_ABORT;
	}
	c->reply.sent = true;
	c->moved_ms = clock_boot_ms();
	return CURL_PREREQFUNC_OK;
}

/* ---- the start of a call ---- */

static void set_method(struct http_call *c)
{
	const struct http_request *r = &c->request;
	CURL *easy = c->easy;

	if (strcmp(c->method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (r->body_len > 0 || strcmp(c->method, "POST") == 0 ||
	    strcmp(c->method, "PUT") == 0) {
		curl_easy_setopt(
		    easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
		curl_easy_setopt(
		    easy, CURLOPT_POSTFIELDS, r->body_len > 0 ? r->body : "");
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, c->method);
}

static void set_limits(struct http_call *c)
{
	const struct http_terms *t = &c->request.terms;
	CURL *easy = c->easy;

	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)t->connect_ms);
	if (t->total_ms > 0) {
		int64_t left = c->begun_ms + t->total_ms - clock_boot_ms();

		curl_easy_setopt(
		    easy, CURLOPT_TIMEOUT_MS, left > 1 ? (long)left : 1L);
	}
	if (t->ca_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, t->ca_file);
		curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, t->ca_file);
		/* Instead of the system's, not beside them. */
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
	}
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)c->request.fresh);
}

/* Behind a proxy it is the proxy that looks the name up; so that it cannot come
 * to another answer than the one that was checked, it is given the address. */
static int pin(struct http_call *c)
{
	char address[INET6_ADDRSTRLEN];
	char *to;

	if (url_resolve(&c->to, c->request.terms.allow, address,
		sizeof(address), c->refused, sizeof(c->refused)) != 0) {
		if (c->refused[0] != '\0')
			call_explain(c, CURLE_COULDNT_CONNECT);
		else
			err_set(&c->error, ERR_TRANSIENT,
			    "the name %s cannot be resolved here, so its "
			    "address "
			    "cannot be checked before the proxy is asked",
			    c->to.host_port);
		return -1;
	}
	to = mem_printf(strchr(address, ':') ? "::[%s]:" : "::%s:", address);
	curl_slist_free_all(c->connect_to);
	c->connect_to = curl_slist_append(NULL, to);
	free(to);
	curl_easy_setopt(c->easy, CURLOPT_CONNECT_TO, c->connect_to);
	curl_easy_setopt(c->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	return 0;
}

static int set_guard(struct http_call *c)
{
	CURL *easy = c->easy;

	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, c);
	if (!c->request.terms.guarded)
		return 0;
	if (guard_check_list(c->request.terms.allow, &c->error) != 0)
		return -1;
	if (c->proxy[0] != '\0')
		return pin(c);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, c);
	return 0;
}

static int configure(struct http_call *c)
{
	CURL *easy = c->easy;

	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->detail);
	curl_easy_setopt(easy, CURLOPT_URL, c->url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	/* One connection a call: HTTP/2 would put parallel parts into one. */
	curl_easy_setopt(
	    easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* The end of a call does not wait for a name server. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "reportd");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->headers);
	/* The proxy hears nothing of what is meant for the host. */
	curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, c->proxy);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
	set_method(c);
	set_limits(c);
	return set_guard(c);
}

/* Begins the call, or its next hop. */
static void launch(struct http_call *c)
{
	buf_clear(&c->reply.body);
	buf_clear(&c->reply.headers);
	c->moved = 0;
	c->moved_ms = clock_boot_ms();
	c->detail[0] = c->refused[0] = '\0';
	free(c->proxy);
	c->proxy = NULL;
	if (url_parse(c->url, &c->to, &c->error) != 0) {
		fail(c);
		return;
	}
	c->proxy = url_proxy(
	    &c->to, c->request.terms.proxy, c->request.terms.no_proxy);
	if (configure(c) != 0) {
		fail(c);
		return;
	}
	curl_multi_add_handle(c->http->multi, c->easy);
	c->under_way = true;
}

/* curl takes a header without a value as one to leave out. */
static struct curl_slist *add_header(struct curl_slist *list, const char *line)
{
	const char *colon = strchr(line, ':');
	char *empty;

	if (colon == NULL || colon[1 + strspn(colon + 1, " \t")] != '\0')
		return curl_slist_append(list, line);
	empty = mem_printf("%.*s;", (int)(colon - line), line);
	list = curl_slist_append(list, empty);
	free(empty);
	return list;
}

static struct curl_slist *header_list(const char *const *lines)
{
	struct curl_slist *list = NULL;
	bool typed = false;

	for (; lines != NULL && *lines != NULL; lines++) {
		typed |= header_is(*lines, "Content-Type");
		list = add_header(list, *lines);
	}
	list = curl_slist_append(list, "Expect:");
	list = curl_slist_append(list, "Accept:");
	return typed ? list : curl_slist_append(list, "Content-Type:");
}

struct http_call *http_start(struct http *h, const struct http_request *r)
{
	struct http_call *c = mem_zalloc(sizeof(*c));
	struct http_terms *t = &c->request.terms;

	c->http = h;
	c->request = *r;
	c->method = mem_strdup(r->method);
	c->url = mem_strdup(r->url);
	c->headers = header_list(r->headers);
	if (t->connect_ms <= 0)
		t->connect_ms = CONNECT_MS;
	if (t->silence_ms <= 0)
		t->silence_ms = SILENCE_MS;
	buf_init(&c->reply.body, r->reply_max ? r->reply_max : REPLY_MAX);
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

/* True when the call goes on elsewhere, or failed in trying to. */
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

static void finish(struct http_call *c, CURLcode code)
{
	long status = 0;

	if (code == CURLE_OK) {
		curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
		c->reply.status = (int)status;
		part(c);
		if (is_redirect(c->reply.status) && follow(c))
			return;
		c->done = true;
	} else {
		call_explain(c, code);
		fail(c);
	}
}

/* ---- moving ---- */

/* Ends a call on which nothing moves; curl's own watch over it counts in whole
 * seconds, of an average. */
static void look_at(struct http_call *c)
{
	curl_off_t up = 0, down = 0, moved;
	int64_t now = clock_boot_ms();

	if (!c->under_way || !c->reply.sent)
		return;
	curl_easy_getinfo(c->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	curl_easy_getinfo(c->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	moved = up + down + (curl_off_t)c->reply.headers.len;
	if (moved != c->moved) {
		c->moved = moved;
		c->moved_ms = now;
	} else if (now - c->moved_ms >= c->request.terms.silence_ms) {
		finish(c, CURLE_OPERATION_TIMEDOUT);
	}
}

/* How many calls ended. */
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
		finish(c, m->data.result);
		ended += c->done;
	}
	for (struct http_call *c = h->calls; c != NULL; c = c->next) {
		if (!c->done) {
			look_at(c);
			ended += c->done;
		}
	}
	return ended;
}

int http_step(struct http *h, int64_t wait_ms, struct err *e)
{
	int64_t until = clock_boot_ms() + wait_ms;

	for (;;) {
		int64_t left;

		if (h->watch != NULL && watch_check(h->watch, e) != 0)
			return -1;
		if (perform(h) > 0)
			return 0;
		left = until - clock_boot_ms();
		if (left <= 0)
			return 0;
		doze(h->multi, h->watch, left < LOOK_UP_MS ? left : LOOK_UP_MS);
	}
}

bool http_done(const struct http_call *call)
{
	return call->done;
}

int http_take(struct http_call *c, struct http_reply *reply, struct err *e)
{
	int rc = c->rc;

	*reply = (struct http_reply){.sent = c->reply.sent};
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

void http_drop(struct http_call *c)
{
	struct http_call **at = &c->http->calls;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	part(c);
	curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	curl_slist_free_all(c->connect_to);
	http_reply_free(&c->reply);
	free(c->method);
	free(c->url);
	free(c->proxy);
	free(c);
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
