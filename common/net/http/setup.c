/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/http/guard.h"
#include "net/http/http_call.h"

/* Milliseconds: curl's limit for connecting exceeds the call's own limit by
 * this much. */
#define MARGIN_MS 1000

/* ---- callbacks from curl ---- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;

	if (c->request.window > 0 &&
	    c->reply.body.len - c->taken >= c->request.window) {
		c->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	buf_add(&c->reply.body, data, size * n);
	return c->reply.body.overflow ? 0 : size * n;
}

/* Keeps the headers of the last answer only: 100 Continue and the like precede
 * it. An empty line ends them. */
static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;

	if (size * n > 5 && memcmp(data, "HTTP/", 5) == 0) {
		buf_clear(&c->reply.headers);
		c->headed = false;
	}
	c->headed |= size * n > 0 && (*data == '\r' || *data == '\n');
	buf_add(&c->reply.headers, data, size * n);
	return c->reply.headers.overflow ? 0 : size * n;
}

static curl_socket_t on_open(
    void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct http_call *c = arg;

	(void)purpose;
	if (c->done)
		return CURL_SOCKET_BAD;
	if (c->request.terms.guarded && c->proxy[0] == '\0' &&
	    !guard_allows(&to->addr, c->request.terms.allow)) {
		url_address(&to->addr, c->refused, sizeof(c->refused));
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Checks the address before a request goes out: curl may reuse a connection
 * that a call without a guard has made. */
static int on_request(
    void *arg, char *to, char *from, int to_port, int from_port)
{
	struct http_call *c = arg;

	(void)from, (void)to_port, (void)from_port;
	if (c->done)
		return CURL_PREREQFUNC_ABORT;
	if (c->request.terms.guarded && c->proxy[0] == '\0' &&
	    !guard_allows_text(to, c->request.terms.allow)) {
		str_copy(c->refused, sizeof(c->refused), to);
		return CURL_PREREQFUNC_ABORT;
	}
	c->reply.sent = c->talking = true;
	c->moved_ms = clock_boot_ms();
	return CURL_PREREQFUNC_OK;
}

/* ---- options for curl ---- */

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

	/* look_at() keeps the exact limit; curl divides its own among the
	 * addresses of a name. */
	curl_easy_setopt(
	    easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(t->connect_ms + MARGIN_MS));
	if (t->ca_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, t->ca_file);
		curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, t->ca_file);
		/* The given certificates replace the system's. */
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
	}
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)c->request.fresh);
}

/* Gives the proxy an address instead of a name, because a proxy that looks the
 * name up itself could get an address other than the checked one. */
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

	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, c);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, c);
	if (!c->request.terms.guarded)
		return 0;
	if (guard_check_list(c->request.terms.allow, &c->error) != 0)
		return -1;
	return c->proxy[0] != '\0' ? pin(c) : 0;
}

int call_configure(struct http_call *c)
{
	CURL *easy = c->easy;

	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->detail);
	curl_easy_setopt(easy, CURLOPT_URL, c->url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	/* Each call has its own connection: HTTP/2 would send parallel parts of
	 * an upload over one. */
	curl_easy_setopt(
	    easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "reportd");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->headers);
	/* Headers for the host are not sent to the proxy. */
	curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, c->proxy);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	if (c->request.unzip)
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
	set_method(c);
	set_limits(c);
	return set_guard(c);
}

/* Adds a header; curl needs another form for one with an empty value, which it
 * would leave out. */
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

struct curl_slist *call_headers(const char *const *lines)
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
