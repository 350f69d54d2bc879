/* SPDX-License-Identifier: MIT */
#ifndef NET_HTTP_CALL_H
#define NET_HTTP_CALL_H

#include <curl/curl.h>

#include "net/http/http.h"
#include "net/http/url.h"

/* A call on its way: for http*.c alone. */
struct http_call {
	struct http_call *next;
	struct http *http;
	struct http_request request; /* headers are the list below */
	char *method, *url;
	char *proxy; /* "": none */
	struct http_url to;
	struct curl_slist *headers, *connect_to;
	CURL *easy;
	bool under_way; /* curl has it */
	bool talking;   /* the request goes out, or did */
	bool done;
	bool dropped; /* nobody waits for it, see give_up() */
	int64_t begun_ms, hop_ms;
	curl_off_t moved; /* bytes, either way */
	int64_t moved_ms; /* when that was last seen to grow */
	char refused[64]; /* the address that the guard refused */
	char detail[CURL_ERROR_SIZE];
	struct http_reply reply;
	int rc; /* of the call, when done */
	struct err error;
};

/* Whether a header line has this name, in any case. */
bool header_is(const char *line, const char *name);

/* Tells curl all about the call. -1: its error says why it cannot be made. */
int call_configure(struct http_call *c);
/* Header lines as curl wants them, and without those that it would add. */
struct curl_slist *call_headers(const char *const *lines);

/* Why a call failed, into its error. */
void call_explain(struct http_call *c, CURLcode code);

#endif
