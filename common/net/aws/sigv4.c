/* SPDX-License-Identifier: MIT */
#include "net/aws/sigv4.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "net/http/http.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define MAC 32
/* The limit for the head of one request, in bytes; every server refuses a
 * larger one. */
#define HEAD_MAX ((size_t)1 << 20)
/* Length of 20260131T235959Z with its NUL. */
#define STAMP 17
#define DAY_LEN 8

void sigv4_sha256(const void *data, size_t len, char hex[static SIGV4_HEX])
{
	unsigned char sum[SHA256_DIGEST_LENGTH];

	SHA256(len ? data : "", len, sum);
	str_hex(hex, sum, sizeof(sum));
}

/* ---- sorted lists ---- */

struct item {
	char *name, *value; /* in the form that is sorted and signed */
	int at;             /* position in the request, for a stable sort */
};

struct list {
	struct item *items;
	int count;
};

static void list_add(struct list *l, char *name, char *value)
{
	l->items =
	    mem_realloc(l->items, (size_t)l->count + 1, sizeof(*l->items));
	l->items[l->count] =
	    (struct item){.name = name, .value = value, .at = l->count};
	l->count++;
}

static void list_free(struct list *l)
{
	for (int i = 0; i < l->count; i++) {
		free(l->items[i].name);
		free(l->items[i].value);
	}
	free(l->items);
}

static int by_name_and_value(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int by_name = strcmp(x->name, y->name);

	return by_name != 0 ? by_name : strcmp(x->value, y->value);
}

static int by_name_as_they_came(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int by_name = strcmp(x->name, y->name);

	return by_name != 0 ? by_name : x->at - y->at;
}

static void list_sort(struct list *l, int (*order)(const void *, const void *))
{
	if (l->count > 0)
		qsort(l->items, (size_t)l->count, sizeof(*l->items), order);
}

/* ---- path ---- */

static char *escaped(const char *text, bool slash)
{
	struct buf b;

	buf_init(&b, HEAD_MAX);
	http_escape(&b, text, strlen(text), slash);
	return b.data ? b.data : mem_strdup("");
}

/* Resolves `.`, `..` and doubled slashes in the path; a slash at the end
 * stays. */
static char *normalised(const char *path)
{
	char *out = mem_alloc(strlen(path) + 2), *end = out;
	size_t len = strlen(path);
	bool folder = len > 0 && path[len - 1] == '/';

	for (; *path != '\0'; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && memcmp(path, "..", 2) == 0) {
			while (end > out && *--end != '/')
				continue;
		} else if (len > 0 && !(len == 1 && *path == '.')) {
			*end++ = '/';
			memcpy(end, path, len);
			end += len;
		}
	}
	if (end == out || folder)
		*end++ = '/';
	*end = '\0';
	return out;
}

static char *sent_path(const struct sigv4_request *r)
{
	return r->path_is_escaped ? mem_strdup(r->path)
				  : escaped(r->path, true);
}

static char *signed_path(const struct sigv4_request *r)
{
	char *sent = sent_path(r), *plain, *twice;

	if (r->s3)
		return sent;
	plain = normalised(sent);
	twice = escaped(plain, true);
	free(sent);
	free(plain);
	return twice;
}

/* ---- query ---- */

static void add_parameter(
    struct list *query, const char *name, const char *value)
{
	list_add(query, escaped(name, false), escaped(value, false));
}

static void add_query(struct list *query, const struct sigv4_request *r)
{
	for (int i = 0; i < r->query_count; i++)
		add_parameter(query, r->query[i].name, r->query[i].value);
}

static void write_query(struct buf *to, struct list *query)
{
	list_sort(query, by_name_and_value);
	for (int i = 0; i < query->count; i++)
		buf_printf(to, "%s%s=%s", i ? "&" : "", query->items[i].name,
		    query->items[i].value);
}

static void write_target(
    struct buf *to, const struct sigv4_request *r, struct list *query)
{
	char *path = sent_path(r);

	buf_str(to, path);
	if (query->count > 0)
		buf_char(to, '?');
	write_query(to, query);
	free(path);
}

void sigv4_target(const struct sigv4_request *request, struct buf *target)
{
	struct list query = {0};

	add_query(&query, request);
	write_target(target, request, &query);
	list_free(&query);
}

/* ---- headers ---- */

/* Removes the blanks around the value and makes each run of blanks inside
 * one. */
static char *one_spaced(const char *value)
{
	char *out = mem_alloc(strlen(value) + 1), *end = out;

	for (; *value != '\0'; value++) {
		if (!isspace((unsigned char)*value))
			*end++ = *value;
		else if (end > out && end[-1] != ' ')
			*end++ = ' ';
	}
	while (end > out && end[-1] == ' ')
		end--;
	*end = '\0';
	return out;
}

static char *lower(const char *name)
{
	char *out = mem_strdup(name);

	for (char *c = out; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return out;
}

static void add_line(struct buf *lines, const char *name, const char *value)
{
	buf_printf(lines, "%s: %s", name, value);
	buf_add(lines, "", 1);
}

/* Adds a header to the signed list and, when `lines` is not NULL, to the lines
 * that are sent. */
static void add_header(struct list *headers, struct buf *lines,
    const char *name, const char *value)
{
	char *plain = one_spaced(value);

	if (lines != NULL)
		add_line(lines, name, plain);
	list_add(headers, lower(name), plain);
}

static void add_headers(
    struct list *headers, struct buf *lines, const struct sigv4_request *r)
{
	add_header(headers, lines, "Host", r->host);
	for (int i = 0; i < r->header_count; i++)
		add_header(
		    headers, lines, r->headers[i].name, r->headers[i].value);
}

/* Writes the values of equal names as one line, in their original order. */
static void write_headers(struct buf *to, const struct list *headers)
{
	for (int i = 0; i < headers->count; i++) {
		const struct item *h = &headers->items[i];

		if (i > 0 && strcmp(h[-1].name, h->name) == 0)
			buf_printf(to, ",%s", h->value);
		else
			buf_printf(
			    to, "%s%s:%s", i ? "\n" : "", h->name, h->value);
	}
	buf_char(to, '\n');
}

static void write_names(struct buf *to, const struct list *headers)
{
	for (int i = 0; i < headers->count; i++) {
		const struct item *h = &headers->items[i];

		if (i == 0 || strcmp(h[-1].name, h->name) != 0)
			buf_printf(to, "%s%s", i ? ";" : "", h->name);
	}
}

/* ---- the signature ---- */

struct signing {
	const struct sigv4_key *key;
	const struct sigv4_request *request;
	char stamp[STAMP];
	struct buf scope; /* date/region/service/aws4_request */
	struct list query, headers;
	struct buf names; /* names of the signed headers */
};

static void begin(struct signing *s, const struct sigv4_key *key,
    const struct sigv4_request *r)
{
	struct tm tm;

	*s = (struct signing){.key = key, .request = r};
	gmtime_r(&r->now, &tm);
	strftime(s->stamp, sizeof(s->stamp), "%Y%m%dT%H%M%SZ", &tm);
	buf_init(&s->scope, HEAD_MAX);
	buf_init(&s->names, HEAD_MAX);
	buf_printf(&s->scope, "%.*s/%s/%s/aws4_request", DAY_LEN, s->stamp,
	    r->region, r->service);
}

static void end(struct signing *s)
{
	buf_free(&s->scope);
	buf_free(&s->names);
	list_free(&s->query);
	list_free(&s->headers);
}

static void sort_headers(struct signing *s)
{
	list_sort(&s->headers, by_name_as_they_came);
	write_names(&s->names, &s->headers);
}

static void canonical(struct signing *s, struct buf *to)
{
	char *path = signed_path(s->request);

	buf_printf(to, "%s\n%s\n", s->request->method, path);
	write_query(to, &s->query);
	buf_char(to, '\n');
	write_headers(to, &s->headers);
	buf_printf(to, "\n%s\n%s", s->names.data, s->request->payload_sha256);
	free(path);
}

static void mac(const void *key, size_t key_len, const char *text, size_t len,
    unsigned char to[MAC])
{
	unsigned char out[EVP_MAX_MD_SIZE];

	HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, len,
	    out, NULL);
	memcpy(to, out, MAC);
	OPENSSL_cleanse(out, sizeof(out));
}

static void signing_key(const struct signing *s, unsigned char key[MAC])
{
	const struct sigv4_request *r = s->request;
	size_t len = strlen(s->key->secret_key) + 4;
	char *first = mem_printf("AWS4%s", s->key->secret_key);

	mac(first, len, s->stamp, DAY_LEN, key);
	mac(key, MAC, r->region, strlen(r->region), key);
	mac(key, MAC, r->service, strlen(r->service), key);
	mac(key, MAC, "aws4_request", 12, key);
	OPENSSL_cleanse(first, len);
	free(first);
}

static void sign(struct signing *s, char hex[static SIGV4_HEX])
{
	unsigned char key[MAC];
	char hash[SIGV4_HEX];
	struct buf text;

	buf_init(&text, HEAD_MAX);
	canonical(s, &text);
	sigv4_sha256(text.data, text.len, hash);
	buf_clear(&text);
	buf_printf(
	    &text, ALGORITHM "\n%s\n%s\n%s", s->stamp, s->scope.data, hash);
	signing_key(s, key);
	mac(key, MAC, text.data, text.len, key);
	str_hex(hex, key, MAC);
	OPENSSL_cleanse(key, sizeof(key));
	buf_free(&text);
}

void sigv4_sign(const struct sigv4_key *key,
    const struct sigv4_request *request, struct buf *lines)
{
	struct signing s;
	char signature[SIGV4_HEX];

	begin(&s, key, request);
	add_query(&s.query, request);
	add_headers(&s.headers, lines, request);
	add_header(&s.headers, lines, "X-Amz-Date", s.stamp);
	if (key->session_token != NULL)
		add_header(&s.headers, lines, "X-Amz-Security-Token",
		    key->session_token);
	if (request->s3)
		add_header(&s.headers, lines, "X-Amz-Content-Sha256",
		    request->payload_sha256);
	sort_headers(&s);
	sign(&s, signature);
	buf_printf(lines,
	    "Authorization: " ALGORITHM
	    " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
	    key->access_key, s.scope.data, s.names.data, signature);
	buf_add(lines, "", 1);
	end(&s);
}

void sigv4_presign(const struct sigv4_key *key,
    const struct sigv4_request *request, int64_t expires, struct buf *target)
{
	struct signing s;
	char signature[SIGV4_HEX], *credential, seconds[24];

	begin(&s, key, request);
	add_headers(&s.headers, NULL, request);
	sort_headers(&s);
	credential = mem_printf("%s/%s", key->access_key, s.scope.data);
	snprintf(seconds, sizeof(seconds), "%lld", (long long)expires);
	add_query(&s.query, request);
	add_parameter(&s.query, "X-Amz-Algorithm", ALGORITHM);
	add_parameter(&s.query, "X-Amz-Credential", credential);
	add_parameter(&s.query, "X-Amz-Date", s.stamp);
	add_parameter(&s.query, "X-Amz-Expires", seconds);
	add_parameter(&s.query, "X-Amz-SignedHeaders", s.names.data);
	if (key->session_token != NULL)
		add_parameter(
		    &s.query, "X-Amz-Security-Token", key->session_token);
	sign(&s, signature);
	write_target(target, request, &s.query);
	buf_printf(target, "&X-Amz-Signature=%s", signature);
	free(credential);
	end(&s);
}
