/* SPDX-License-Identifier: MIT */
#ifndef NET_HTTP_CALL_H
#define NET_HTTP_CALL_H

#include <curl/curl.h>

#include "net/http.h"
#include "net/http_url.h"

/* A call on its way: for http.c and who tells what went wrong with it. */
struct http_call {
	struct http_call *next;
	struct http *http;
	struct http_request request; /* headers are the list below */
	char *method, *url;
	char *proxy; /* "": none */
	struct http_url to;
	struct curl_slist *headers, *connect_to;
	CURL *easy;
	bool under_way, done;
	int64_t begun_ms;
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

/* Why a call failed, into its error. */
void call_explain(struct http_call *c, CURLcode code);

#endif
