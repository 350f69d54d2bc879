/* SPDX-License-Identifier: MIT */
#include "place/s3/object.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define SMALL_PARTS 4000
#define DOUBLES_EVERY 600
#define TEXT_MAX (64u << 10)

int64_t s3_part_size(int64_t base, int number)
{
	int64_t size = base;

	for (int n = SMALL_PARTS; n < number; n += DOUBLES_EVERY)
		size *= 2;
	return size < S3_PART_MAX ? size : S3_PART_MAX;
}

void s3_pairs_add(struct s3_pairs *p, const char *name, const char *value)
{
	p->list = mem_realloc(p->list, (size_t)p->count + 1, sizeof(*p->list));
	p->list[p->count++] =
	    (struct sigv4_pair){mem_strdup(name), mem_strdup(value)};
}

void s3_pairs_free(struct s3_pairs *p)
{
	for (int i = 0; i < p->count; i++) {
		free((char *)(uintptr_t)p->list[i].name);
		free((char *)(uintptr_t)p->list[i].value);
	}
	free(p->list);
	*p = (struct s3_pairs){0};
}

static bool is_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 0x20 || *text > 0x7E)
			return false;
	}
	return true;
}

void s3_metadata_value(struct buf *to, const char *text)
{
	size_t len = strlen(text);
	char *at;

	if (is_printable(text) && strstr(text, "=?") == NULL) {
		buf_str(to, text);
		return;
	}
	buf_str(to, "=?UTF-8?B?");
	at = buf_reserve(to, 4 * (len + 2) / 3 + 4);
	if (at != NULL)
		to->len += (size_t)EVP_EncodeBlock(
		    (unsigned char *)at, (const unsigned char *)text, (int)len);
	buf_str(to, "?=");
}

void s3_disposition(struct buf *to, const char *type, const char *key)
{
	const char *slash = strrchr(key, '/');
	char *name = mem_strdup(slash ? slash + 1 : key);

	str_mask_hidden(name);
	buf_printf(to, "%s; filename=\"", type);
	for (const char *c = name; *c != '\0'; c++)
		buf_char(to,
		    *c < 0x20 || *c > 0x7E || strchr("\"\\%", *c) ? '_' : *c);
	buf_char(to, '"');
	if (!is_printable(name) || strpbrk(name, "\"\\%") != NULL) {
		buf_str(to, "; filename*=UTF-8''");
		http_escape(to, name, strlen(name), false);
	}
	free(name);
}

static void add_tags(const json_t *tags, struct s3_pairs *headers)
{
	const char *key;
	struct buf text;
	json_t *value;

	if (json_object_size(tags) == 0)
		return;
	buf_init(&text, TEXT_MAX);
	json_object_foreach((json_t *)(uintptr_t)tags, key, value)
	{
		if (text.len > 0)
			buf_char(&text, '&');
		http_escape(&text, key, strlen(key), false);
		buf_char(&text, '=');
		http_escape(&text, json_string_value(value),
		    json_string_length(value), false);
	}
	s3_pairs_add(headers, "x-amz-tagging", text.data);
	buf_free(&text);
}

static void add_metadata(
    struct s3_pairs *headers, const char *name, const char *text)
{
	char *header;
	struct buf value;

	if (text == NULL || *text == '\0')
		return;
	header = mem_printf("x-amz-meta-%s", name);
	buf_init(&value, TEXT_MAX);
	s3_metadata_value(&value, text);
	s3_pairs_add(headers, header, value.data);
	buf_free(&value);
	free(header);
}

static void add(struct s3_pairs *headers, const char *name, const char *value)
{
	if (value != NULL)
		s3_pairs_add(headers, name, value);
}

static void add_disposition(struct s3_pairs *headers, const char *key,
    const char *media_type, const json_t *options)
{
	/* Browsers display HTML and PDF; other formats are for saving. */
	bool shown = strncmp(media_type, "text/html", 9) == 0 ||
		     strcmp(media_type, "application/pdf") == 0;
	struct buf text;

	buf_init(&text, TEXT_MAX);
	s3_disposition(&text,
	    json_str(options, "content_disposition",
		shown ? "inline" : "attachment"),
	    key);
	s3_pairs_add(headers, "content-disposition", text.data);
	buf_free(&text);
}

void s3_add_encryption(struct s3_pairs *headers, const struct s3_store *store,
    const json_t *options)
{
	const char *sse = json_str(options, "sse", store->sse);
	/* The key of the settings applies only when the settings also choose
	 * the kind of encryption. */
	const char *key = json_str(options, "kms_key",
	    json_str(options, "sse", NULL) ? NULL : store->kms_key);

	add(headers, "x-amz-server-side-encryption", sse);
	if (sse != NULL && strncmp(sse, "aws:kms", 7) == 0)
		add(headers, "x-amz-server-side-encryption-aws-kms-key-id",
		    key);
}

void s3_object_headers(const struct s3_store *store, const char *key,
    const struct s3_about *about, struct s3_pairs *headers)
{
	const json_t *o = about->options;
	const char *name;
	json_t *value;

	add(headers, "content-type",
	    json_str(o, "content_type", about->media_type));
	add_disposition(headers, key, about->media_type, o);
	add(headers, "cache-control", json_str(o, "cache_control", NULL));
	add(headers, "x-amz-storage-class",
	    json_str(o, "storage_class", store->storage_class));
	add(headers, "x-amz-acl", json_str(o, "acl", store->acl));
	s3_add_encryption(headers, store, o);
	add_tags(json_object_get(o, "tags"), headers);
	add_metadata(headers, "run-id", about->run_id);
	add_metadata(headers, "report", about->report);
	add_metadata(headers, "report-id", about->report_id);
	add_metadata(headers, "request-id", about->request_id);
	add_metadata(headers, "scheduled-for", about->scheduled_for);
	json_object_foreach(json_object_get(o, "metadata"), name, value)
	{
		add_metadata(headers, name, json_string_value(value));
	}
}

void s3_complete_body(struct buf *to, char *const *etags, int count)
{
	buf_str(to, "<CompleteMultipartUpload "
		    "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (int i = 0; i < count; i++) {
		buf_printf(
		    to, "<Part><PartNumber>%d</PartNumber><ETag>", i + 1);
		for (const char *c = etags[i]; *c != '\0'; c++) {
			if (*c == '&' || *c == '<')
				buf_str(to, *c == '&' ? "&amp;" : "&lt;");
			else
				buf_char(to, *c);
		}
		buf_str(to, "</ETag></Part>");
	}
	buf_str(to, "</CompleteMultipartUpload>");
}
