/* SPDX-License-Identifier: MIT */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads the head of an HTTP/1.1 request (RFC 9112): the request line and the
 * fields up to the empty line. It takes the strict form alone and refuses
 * whatever a proxy in front could read in another way: a bare line feed, a
 * folded field, a blank before the colon, a field twice that may stand once,
 * Transfer-Encoding.
 */

/* Bytes: a longer head is refused. */
#define HEAD_MAX (16u << 10)
/* Bytes: a longer target (path and query) is refused. */
#define HEAD_TARGET_MAX (4u << 10)
/* Fields: more are refused. */
#define HEAD_FIELDS_MAX 64

/* METHOD_OTHER is a well-formed method that nothing here knows. */
enum method {
	METHOD_OTHER,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_OPTIONS,
};

/* The strings lie in the bytes that were read. */
struct head {
	size_t size; /* bytes up to and with the empty line */
	enum method method;
	char *path;     /* decoded; begins with / */
	char *query;    /* not decoded; "" when there is none */
	int64_t length; /* bytes of the body that follows */
	bool is_1_1;    /* else HTTP/1.0 */
	bool keep_alive;
	bool expects; /* the client waits for "100 Continue" */
	/* The fields' values, NULL when they are not there. */
	const char *host, *authorization;
	/* Why the request is refused: an HTTP status and a sentence. */
	int status;
	const char *why;
};

/*
 * Reads a head from the start of `len` bytes, which it changes. Returns 1 with
 * *h filled, 0 when more bytes are needed (nothing is changed then), or -1 with
 * h->status and h->why.
 */
int head_read(char *data, size_t len, struct head *h);

/* Takes the next NAME=VALUE of a query, decoded in place. Returns 1, 0 at the
 * end, or -1 when it cannot be decoded. */
int head_next_pair(char **query, char **name, char **value);

/* Returns the method's name; "" for METHOD_OTHER. */
const char *head_method(enum method method);

#endif
