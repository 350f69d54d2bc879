/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "base/clock.h"
#include "base/str.h"
#include "net/http/http_call.h"

/* The advice for a certificate that is not trusted. */
#define TRUST                                                          \
	"if it is right, name its CA in ca_file of [http] or of that " \
	"service"

static void explain_timeout(struct http_call *c)
{
	const struct http_terms *t = &c->request.terms;
	int64_t now = clock_boot_ms();

	if (t->total_ms > 0 && now - c->begun_ms >= t->total_ms)
		err_set(&c->error, ERR_TRANSIENT,
		    "%s did not answer within %" PRId64 " ms in all",
		    c->to.host_port, t->total_ms);
	else if (c->talking)
		err_set(&c->error, ERR_TRANSIENT,
		    "%s was silent for %" PRId64 " ms", c->to.host_port,
		    t->silence_ms);
	else
		err_set(&c->error, ERR_TRANSIENT,
		    "no connection to %s within %" PRId64
		    " ms; is it up, and may this host reach it?",
		    c->to.host_port, t->connect_ms);
}

static void explain_proxy(struct http_call *c, long code)
{
	char proxy[300];

	http_host(c->proxy, proxy, sizeof(proxy));
	if (code != 0)
		err_set(&c->error, ERR_TRANSIENT,
		    "the proxy %s answers HTTP %ld when asked for %s", proxy,
		    code, c->to.host_port);
	else
		err_set(&c->error, ERR_TRANSIENT,
		    "no connection to the proxy %s (for %s): %s; see proxy and "
		    "no_proxy of [http]",
		    proxy, c->to.host_port, c->detail);
}

static void explain_length(struct http_call *c)
{
	const struct http_reply *r = &c->reply;
	bool head = r->headers.overflow;

	err_set(&c->error, ERR_PERMANENT,
	    "the %s of %s is longer than %zu bytes",
	    head ? "head of the reply" : "reply", c->to.host_port,
	    head ? r->headers.max : r->body.max);
}

void call_explain(struct http_call *c, CURLcode code)
{
	const char *host = c->to.host_port;
	struct err *e = &c->error;
	long connect_code = 0;

	if (c->detail[0] == '\0')
		str_copy(
		    c->detail, sizeof(c->detail), curl_easy_strerror(code));
	curl_easy_getinfo(c->easy, CURLINFO_HTTP_CONNECTCODE, &connect_code);
	if (c->refused[0] != '\0') {
		err_set(e, ERR_PERMANENT,
		    "%s has the address %s, which is not allowed here "
		    "(private, this host's own, loopback, link-local and "
		    "metadata addresses are not); %s lists networks that are",
		    host, c->refused, c->request.terms.allow_key);
		return;
	}
	if (c->proxy[0] != '\0' &&
	    (connect_code >= 300 || code == CURLE_COULDNT_RESOLVE_PROXY ||
		code == CURLE_COULDNT_CONNECT)) {
		explain_proxy(c, connect_code);
		return;
	}
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		explain_timeout(c);
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
		err_set(e, ERR_TRANSIENT,
		    "the name %s cannot be resolved; is it right?", host);
		break;
	case CURLE_COULDNT_CONNECT:
		err_set(e, ERR_TRANSIENT, "no connection to %s: %s", host,
		    c->detail);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		err_set(e, ERR_PERMANENT,
		    "the certificate of %s is not trusted (%s); " TRUST, host,
		    c->detail);
		break;
	case CURLE_SSL_CACERT_BADFILE:
		err_set(e, ERR_PERMANENT, "ca_file %s cannot be read: %s",
		    c->request.terms.ca_file ? c->request.terms.ca_file : "",
		    c->detail);
		break;
	case CURLE_SSL_CONNECT_ERROR:
		err_set(
		    e, ERR_TRANSIENT, "no TLS with %s: %s", host, c->detail);
		break;
	case CURLE_WRITE_ERROR:
		explain_length(c);
		break;
	case CURLE_URL_MALFORMAT:
		err_set(e, ERR_PERMANENT, "the URL for %s is wrong: %s", host,
		    c->detail);
		break;
	default:
		err_set(e, ERR_TRANSIENT, "the connection with %s broke: %s",
		    host, c->detail);
	}
}
