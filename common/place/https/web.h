/* SPDX-License-Identifier: MIT */
#ifndef PLACE_HTTPS_WEB_H
#define PLACE_HTTPS_WEB_H

#include "net/http/http.h"
#include "place/place.h"

/*
 * Requests of URLs that reports name. Every URL that is asked, also after a
 * redirect, lies below a prefix of [inputs] urls and below one that the owner of
 * the report may read (place_lent.readable); its server has a public address or
 * one of [inputs] allow. The headers of [inputs] headers are sent to URLs below
 * their prefix alone. For the files of this folder only.
 */
struct web_request {
	const char *method, *url;
	const char *if_match; /* an ETag with its quotes; NULL: none */
	/* 408, 425, 429, 5xx and broken connections are tried this often in
	 * all, with a wait between that the server may choose up to a minute. */
	int tries;
	/* Called before each try; NULL: nothing is to be begun. */
	int (*begin)(void *arg, struct err *e);
	/* Takes the body of an answer of 2xx in pieces; NULL: nobody does. */
	int (*take)(void *arg, const char *data, size_t len, struct err *e);
	void *arg;
};

/* Returns 0 with an answer of any status but a redirect: its status and headers.
 * The caller frees the reply, also on error. */
int web_send(const struct place_lent *lent, const struct web_request *r,
    struct http_reply *reply, struct err *e);
/* Checks whether reports may read the URL. */
int web_allow(const struct place_lent *lent, const char *url, struct err *e);
/* Fills *e for an answer that is not what was asked for, and returns -1. */
int web_refuse(const char *url, int status, struct err *e);

#endif
