/* SPDX-License-Identifier: MIT */
#ifndef NET_HTTP_HTTP_CALL_H
#define NET_HTTP_HTTP_CALL_H

#include <curl/curl.h>

#include "net/http/http.h"
#include "net/http/url.h"

/* An HTTP call: for the files of this folder only. */
struct http_call {
	struct http_call *next;
	struct http *http;
	struct http_request request; /* its headers are the list below */
	char *method, *url;
	char *proxy; /* proxy to use; "": none */
	struct http_url to;
	struct curl_slist *headers, *connect_to;
	CURL *easy;
	bool under_way; /* the call's easy handle is in curl's multi handle */
	bool talking;   /* the request is being sent, or has been */
	bool headed;    /* the headers of the last answer are complete */
	bool done;
	/* With a window: curl waits for room; bytes that http_read has returned
	 * and that are still in the body. */
	bool paused;
	size_t taken;
	bool dropped; /* abandoned by its owner, see give_up() */
	int64_t begun_ms, hop_ms;
	curl_off_t moved; /* bytes sent and received so far */
	int64_t moved_ms; /* boot clock when `moved` last grew */
	char refused[64]; /* the address that the guard refused */
	char detail[CURL_ERROR_SIZE];
	struct http_reply reply;
	int rc; /* result of the call, once it is done */
	struct err error;
};

/* Says whether a header line has this name, in upper or lower case. */
bool header_is(const char *line, const char *name);

/* Sets curl's options for the call. Returns -1 when it cannot be made; its
 * error then says why. */
int call_configure(struct http_call *c);
/* Returns the header lines as curl's list, with entries that suppress the
 * headers that curl would add. */
struct curl_slist *call_headers(const char *const *lines);

/* Puts the reason of a failure into the call's error. */
void call_explain(struct http_call *c, CURLcode code);

#endif
