/* SPDX-License-Identifier: MIT */
#include "place/template.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "place/beneath.h"
#include "place/s3/place.h"

static bool has_control(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7F)
			return true;
	}
	return false;
}

/* Whether c would begin the name of a hidden file: a report may be called .NET,
 * but programs keep their own files under such names. */
static bool hides(
    const struct destination_options *o, const struct buf *out, char c)
{
	return c == '.' && !s3_is_place(o->template) &&
	       (out->len == 0 || out->data[out->len - 1] == '/');
}

static int add_value(const struct destination_options *o, const char *name,
    size_t len, struct buf *out, struct err *e)
{
	const struct destination_value *v = o->values;

	if (len == 9 && strncmp(name, "partition", len) == 0 && o->partition) {
		buf_str(out, o->partition);
		return 0;
	}
	while (v->name != NULL &&
	       (strlen(v->name) != len || strncmp(v->name, name, len) != 0))
		v++;
	if (v->name == NULL)
		return err_set(e, ERR_PERMANENT,
		    "output_path: unknown name \"{%.*s}\"; known are "
		    "{report_name}, {config_id}, {request_id}, {run_id}, "
		    "{scheduled_for}, {ext}, {part}, {partition} with the "
		    "option "
		    "\"partition_by\", and the report's parameters",
		    (int)len, name);
	if (v->text == NULL || *v->text == '\0')
		return err_set(e, ERR_PERMANENT,
		    "output_path: \"{%s}\" is empty", v->name);
	if (has_control(v->text))
		return err_set(e, ERR_PERMANENT,
		    "output_path: \"{%s}\" holds a control character", v->name);
	if (strcmp(v->text, "..") == 0 || strcmp(v->text, ".") == 0)
		return err_set(e, ERR_PERMANENT,
		    "output_path: \"{%s}\" is \"%s\", which would leave the "
		    "directory",
		    v->name, v->text);
	for (const char *c = v->text; *c != '\0'; c++)
		buf_char(out, *c == '/' || hides(o, out, *c) ? '_' : *c);
	return 0;
}

static int add_time(const struct destination_options *o, char code,
    struct buf *out, struct err *e)
{
	char format[] = {'%', code, '\0'}, text[128];
	struct tm tm = *o->time;

	if (code == '%') {
		buf_char(out, '%');
		return 0;
	}
	if (code == 's') {
		buf_printf(
		    out, "%lld", (long long)timegm(&tm) - o->time->tm_gmtoff);
		return 0;
	}
	if (code == '\0' || strchr("YmdHMSjybBaAuVGFTz", code) == NULL)
		return err_set(e, ERR_PERMANENT,
		    "output_path: unknown code \"%%%c\"; write %%%% for a "
		    "percent sign",
		    code ? code : ' ');
/* The code was looked up just above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	strftime(text, sizeof(text), format, &tm);
#pragma GCC diagnostic pop
	buf_str(out, text);
	return 0;
}

static int expand(
    const struct destination_options *o, struct buf *out, struct err *e)
{
	for (const char *s = o->template; *s != '\0'; s++) {
		const char *close;

		if (*s == '{') {
			close = strchr(s, '}');
			if (close == NULL)
				return err_set(e, ERR_PERMANENT,
				    "output_path \"%s\": { without }",
				    o->template);
			if (add_value(
				o, s + 1, (size_t)(close - s - 1), out, e) != 0)
				return -1;
			s = close;
		} else if (*s == '%') {
			if (add_time(o, s[1], out, e) != 0)
				return -1;
			s++;
		} else {
			buf_char(out, *s);
		}
	}
	buf_str(out, "");
	if (out->overflow)
		return err_set(e, ERR_PERMANENT,
		    "output_path is longer than %d bytes", PATH_MAX);
	return 0;
}

/* No part of the path may be `..`, which also catches what values joined. */
static bool climbs(const char *path)
{
	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		if (n == 2 && strncmp(path, "..", 2) == 0)
			return true;
		path += n + strspn(path + n, "/");
	}
	return false;
}

/* The first part of the path that begins with a dot, NULL when none does. */
static const char *hidden(const char *path)
{
	for (; *path != '\0'; path += strcspn(path, "/")) {
		path += strspn(path, "/");
		if (*path == '.')
			return path;
	}
	return NULL;
}

/* The length of `s3` in `s3://bucket/key`, 0 for a plain path. */
static size_t scheme_of(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

	return strncmp(text + n, "://", 3) == 0 ? n : 0;
}

static int below_root(
    const char *root, const char *text, char **path, struct err *e)
{
	size_t n = strlen(root);
	const char *below;

	if (strncmp(text, "mailto:", 7) == 0)
		return err_set(e, ERR_PERMANENT,
		    "output_path takes no mailto: address; put it into "
		    "notify_on_completion, and the report goes with the mail");
	if (n == 0)
		return err_set(e, ERR_PERMANENT,
		    "output_path \"%s\" is a local file, and output_root is "
		    "missing in the settings; write s3://bucket/key, or set it",
		    text);
	while (n > 1 && root[n - 1] == '/')
		n--;
	/* With a third slash: what stands before it would be a host. */
	if (strncmp(text, "file:///", 8) == 0)
		text += 7;
	else if (scheme_of(text) > 0)
		return err_set(e, ERR_PERMANENT,
		    "output_path: unknown scheme \"%.*s://\"; write a path "
		    "below the output root, file:///path or s3://bucket/key",
		    (int)scheme_of(text), text);
	if (has_control(text))
		return err_set(
		    e, ERR_PERMANENT, "output_path holds a control character");
	if (climbs(text))
		return err_set(e, ERR_PERMANENT,
		    "output_path \"%s\" climbs out with ..", text);
	if (*text == '\0' || text[strlen(text) - 1] == '/')
		return err_set(
		    e, ERR_PERMANENT, "output_path \"%s\" names no file", text);
	below = *text == '/' ? beneath_part(root, text) : text;
	if (below == NULL)
		return err_set(e, ERR_PERMANENT,
		    "output_path \"%s\" lies outside of output_root \"%s\"",
		    text, root);
	if (hidden(below) != NULL)
		return err_set(e, ERR_PERMANENT,
		    "output_path: the part \"%s\" begins with a dot, as hidden "
		    "files do; begin it with something else",
		    hidden(below));
	*path = mem_printf("%.*s/%s", n > 1 ? (int)n : 0, root, below);
	return 0;
}

/* What is allowed to write where is decided by its bucket: no value names it. */
static int check_bucket(const char *template, struct err *e)
{
	const char *bucket = template + strlen("s3://");

	if (strcspn(bucket, "{%") < strcspn(bucket, "/"))
		return err_set(e, ERR_PERMANENT,
		    "output_path \"%s\": the bucket must stand there as it "
		    "is, without {names} and %%codes",
		    template);
	return 0;
}

char *destination_path(const struct destination_options *o, struct err *e)
{
	struct buf text;
	char *path = NULL;

	if (s3_is_place(o->template) && check_bucket(o->template, e) != 0)
		return NULL;
	buf_init(&text, PATH_MAX - 1);
	if (expand(o, &text, e) != 0)
		;
	else if (!s3_is_place(o->template))
		below_root(o->root, text.data, &path, e);
	else if (s3_place_check(text.data, e) != 0)
		err_wrap(e, "output_path");
	else
		path = mem_strdup(text.data);
	buf_free(&text);
	return path;
}

/* Whether all segments of `prefix` stand at the head of `path`; how many slashes
 * are between them does not count. */
static bool within(const char *path, const char *prefix)
{
	for (;;) {
		size_t n, m;

		path += strspn(path, "/");
		prefix += strspn(prefix, "/");
		if (*prefix == '\0')
			return true;
		n = strcspn(prefix, "/");
		m = strcspn(path, "/");
		if (n != m || strncmp(path, prefix, n) != 0)
			return false;
		path += m;
		prefix += n;
	}
}

static bool granted(const char *root, const char *place, const char *prefix)
{
	char *whole;
	bool yes;

	if (*prefix == '\0' || s3_is_place(place) != s3_is_place(prefix))
		return false;
	if (s3_is_place(prefix)) /* a key may hold empty segments */
		return strncmp(place, prefix, strlen(prefix)) == 0 &&
		       within(place, prefix);
	if (strncmp(prefix, "file:///", 8) == 0)
		prefix += 7;
	if (*prefix == '/')
		return within(place, prefix);
	whole = mem_printf("%s/%s", root, prefix);
	yes = within(place, whole);
	free(whole);
	return yes;
}

int destination_check_grant(
    const char *root, const char *place, const json_t *prefixes, struct err *e)
{
	struct buf list;
	const json_t *v;
	size_t i;

	if (prefixes == NULL || json_is_null(prefixes))
		return 0;
	buf_init(&list, 512);
	json_array_foreach((json_t *)(uintptr_t)prefixes, i, v)
	{
		const char *prefix = json_string_value(v);

		if (prefix != NULL && granted(root, place, prefix)) {
			buf_free(&list);
			return 0;
		}
		buf_printf(
		    &list, "%s\"%s\"", i > 0 ? ", " : "", prefix ? prefix : "");
	}
	err_set(e, ERR_PERMANENT,
	    "output_path \"%s\" lies in no place that the report's owner may "
	    "write to (%s); write below one of them, or have an operator grant "
	    "it with reportd.grant_path",
	    place,
	    list.len == 0   ? "none is granted"
	    : list.overflow ? "many are granted"
			    : list.data);
	buf_free(&list);
	return -1;
}

int destination_check(const char *template, struct err *e)
{
	static const struct destination_value values[] = {{"report_name", "r"},
	    {"run_id", "1"}, {"config_id", "1"}, {"request_id", "1"},
	    {"scheduled_for", "1"}, {"ext", "x"}, {"part", "1"}, {NULL, NULL}};
	char *path = destination_path(&(struct destination_options){.root = "/",
					  .partition = "x",
					  .template = template,
					  .values = values,
					  .time = &(struct tm){.tm_mday = 1}},
	    e);

	free(path);
	return path ? 0 : -1;
}

char *destination_url(const char *path)
{
	struct buf b;

	buf_init(&b, 4 * PATH_MAX);
	if (!s3_is_place(path))
		buf_str(&b, "file://");
	for (; *path != '\0'; path++) {
		/* RFC 3986: what would end or break the path. */
		if (strchr(" %#?\"<>", *path) != NULL)
			buf_printf(&b, "%%%02X", (unsigned char)*path);
		else
			buf_char(&b, *path);
	}
	return b.data;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

char *destination_of_url(const char *url)
{
	struct buf b;

	buf_init(&b, PATH_MAX);
	if (strncmp(url, "file://", 7) == 0)
		url += 7;
	for (; *url != '\0'; url++) {
		if (*url == '%' && hex(url[1]) >= 0 && hex(url[2]) >= 0) {
			buf_char(&b, (char)(hex(url[1]) << 4 | hex(url[2])));
			url += 2;
		} else {
			buf_char(&b, *url);
		}
	}
	buf_str(&b, "");
	return b.data;
}
