/* SPDX-License-Identifier: MIT */
#include "place/template.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "place/scheme.h"

/* Returns the scheme of a template. A text such as "stdout:", whose place
 * takes no reports, is treated as the path of a file. */
static const struct place_scheme *place_of_template(const char *text)
{
	const struct place_scheme *place = place_scheme_of(text);

	return place->resolve != NULL ? place : place_scheme_of("/");
}

/* Says whether the character c, appended to out, would begin the name of a
 * hidden file. A report may be called .NET, but programs keep their own
 * files under such names. */
static bool hides(
    const struct template_options *o, const struct buf *out, char c)
{
	return c == '.' && !place_of_template(o->template)->dots &&
	       (out->len == 0 || out->data[out->len - 1] == '/');
}

static int add_value(const struct template_options *o, const char *name,
    size_t len, struct buf *out, struct err *e)
{
	const struct template_value *v = o->values;
	char *text;

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
		    "{owner}, {report_name}, {config_id}, {request_id}, "
		    "{run_id}, {scheduled_for}, {ext}, {part}, {section}, "
		    "{partition} "
		    "with the "
		    "option "
		    "\"partition_by\", and the report's parameters",
		    (int)len, name);
	if (v->text == NULL || *v->text == '\0')
		return err_set(e, ERR_PERMANENT,
		    "output_path: \"{%s}\" is empty", v->name);
	if (str_has_control(v->text))
		return err_set(e, ERR_PERMANENT,
		    "output_path: \"{%s}\" holds a control character", v->name);
	if (strcmp(v->text, "..") == 0 || strcmp(v->text, ".") == 0)
		return err_set(e, ERR_PERMANENT,
		    "output_path: \"{%s}\" is \"%s\", which would leave the "
		    "directory",
		    v->name, v->text);
	text = mem_strdup(v->text);
	str_mask_hidden(text);
	for (const char *c = text; *c != '\0'; c++)
		buf_char(out, *c == '/' || hides(o, out, *c) ? '_' : *c);
	free(text);
	return 0;
}

static int add_time(
    const struct template_options *o, char code, struct buf *out, struct err *e)
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
/* The format cannot be harmful: its code is one of those checked above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	strftime(text, sizeof(text), format, &tm);
#pragma GCC diagnostic pop
	buf_str(out, text);
	return 0;
}

/* Refuses a template whose own text holds characters that nobody sees. */
static int check_seen(const char *template, struct err *e)
{
	size_t len;

	for (const char *s = template; *s != '\0'; s += len) {
		uint32_t c = str_hidden(s, &len);

		if (c != 0 && !str_is_joiner(c))
			return err_set(e, ERR_PERMANENT,
			    "output_path \"%s\" holds the invisible character "
			    "U+%04X; take it out",
			    template, c);
	}
	return 0;
}

/* Says whether the text begins with the name of a place and a colon, as in
 * file:x. */
static bool names_place(const char *text)
{
	const struct place_scheme *place;

	for (int i = 0; (place = place_scheme_at(i)) != NULL; i++) {
		size_t len = strlen(place->name);

		if (place->resolve != NULL && !place->literal &&
		    strncasecmp(text, place->name, len) == 0 &&
		    text[len] == ':')
			return true;
	}
	return false;
}

/* Appends to the error how addresses are written. Returns -1. */
static int say_forms(struct err *e)
{
	char *forms = place_forms(NULL), *wrong = mem_strdup(e->text);

	err_set(e, ERR_PERMANENT,
	    "%s; write a path below the output root, or %s", wrong, forms);
	free(wrong);
	free(forms);
	return -1;
}

/* Refuses the path of a file that looks like another address: its first part
 * ends in a colon, or it begins with a place's name or mailto:. */
static int check_beginning(const char *text, struct err *e)
{
	const struct place_scheme *place = place_of_template(text);
	size_t url = strlen(place->url_prefix);
	int n = (int)strcspn(text, "/");
	bool colon = n > 0 && text[n - 1] == ':' && text[n] == '/';

	if (*place->prefix != '\0' ||
	    (strncmp(text, place->url_prefix, url) == 0 && text[url] == '/'))
		return 0;
	if (strncasecmp(text, "mailto:", 7) == 0)
		return err_set(e, ERR_PERMANENT,
		    "output_path takes no mailto: address; put it into "
		    "notify_on_completion, and the report goes with the mail");
	if (colon && text[n + 1] == '/')
		err_set(e, ERR_PERMANENT,
		    "output_path: unknown scheme \"%.*s//\"", n, text);
	else if (colon || names_place(text))
		err_set(e, ERR_PERMANENT,
		    "output_path \"%s\": two slashes belong after \"%.*s\"",
		    text, (int)strcspn(text, ":") + 1, text);
	else
		return 0;
	return say_forms(e);
}

static int expand(
    const struct template_options *o, struct buf *out, struct err *e)
{
	for (const char *s = o->template; *s != '\0'; s++) {
		const char *close;

		if (*s == '{' || *s == '}') {
			close = *s == '{' ? strchr(s, '}') : NULL;
			if (close == NULL)
				return err_set(e, ERR_PERMANENT,
				    "output_path \"%s\" has a brace without "
				    "its "
				    "partner; write names as {name}",
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

char *template_path(const struct template_options *o, struct err *e)
{
	const struct place_scheme *place = place_of_template(o->template);
	char *address = NULL;
	struct buf text;

	if (place->literal)
		return place->resolve(o->root, o->template, e);
	if (check_seen(o->template, e) != 0 ||
	    check_beginning(o->template, e) != 0 ||
	    (place->check_template != NULL &&
		place->check_template(o->template, e) != 0))
		return NULL;
	buf_init(&text, PATH_MAX - 1);
	if (expand(o, &text, e) == 0)
		address = place->resolve(o->root, text.data, e);
	buf_free(&text);
	return address;
}

static bool granted(const char *root, const char *address, const char *prefix)
{
	const struct place_scheme *place = place_scheme_of(address);

	return *prefix != '\0' && place_of_template(prefix) == place &&
	       place->within != NULL && place->within(root, address, prefix);
}

/* Says whether every address of the template lies below the prefix, whatever
 * values are filled in. This is so when two different names in the
 * template's fixed directory both lie below it. */
static bool leads_below(
    const char *root, const char *template, const char *prefix)
{
	static const char *const names[] = {"a", "b"};
	size_t fixed = strcspn(template, "{%");
	bool below = true;

	while (fixed > 0 && template[fixed - 1] != '/')
		fixed--;
	for (size_t i = 0; i < 2 && below; i++) {
		struct err unused;
		char *text =
		    mem_printf("%.*s%s", (int)fixed, template, names[i]);
		char *address =
		    place_of_template(template)->resolve(root, text, &unused);

		below = address != NULL && granted(root, address, prefix);
		free(address);
		free(text);
	}
	return below;
}

int template_check_default(const char *root, const char *template,
    const char *address, const json_t *prefixes, const json_t *others,
    struct err *e)
{
	struct err unused;
	const json_t *v;
	size_t i;

	if (template_check_grant(root, address, prefixes, &unused) == 0)
		return 0;
	json_array_foreach((json_t *)(uintptr_t)others, i, v)
	{
		const char *prefix = json_string_value(v);

		if (prefix != NULL && granted(root, address, prefix) &&
		    !leads_below(root, template, prefix))
			return err_set(e, ERR_PERMANENT,
			    "output_path \"%s\", where the default path of the "
			    "settings leads this report, lies in a place that "
			    "the report's owner may not write to; give it "
			    "another name, or an output_path that is granted; "
			    "an operator can begin the default path with "
			    "{owner} (output in [reportd] of the settings)",
			    address);
	}
	return 0;
}

int template_check_grant(const char *root, const char *address,
    const json_t *prefixes, struct err *e)
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

		if (prefix != NULL && granted(root, address, prefix)) {
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
	    address,
	    list.len == 0   ? "none is granted"
	    : list.overflow ? "many are granted"
			    : list.data);
	buf_free(&list);
	return -1;
}

int template_check(const char *template, struct err *e)
{
	static const struct template_value values[] = {{"report_name", "r"},
	    {"owner", "o"}, {"run_id", "1"}, {"config_id", "1"},
	    {"request_id", "1"}, {"scheduled_for", "1"}, {"ext", "x"},
	    {"part", "1"}, {"section", "s"}, {NULL, NULL}};
	char *path = template_path(&(struct template_options){.root = "/",
				       .partition = "x",
				       .template = template,
				       .values = values,
				       .time = &(struct tm){.tm_mday = 1}},
	    e);

	free(path);
	return path ? 0 : -1;
}

int template_check_root(const char *template, const char *root, struct err *e)
{
	const struct place_scheme *files = place_scheme_of("/");
	char *others;

	if (root != NULL || place_of_template(template) != files)
		return 0;
	others = place_forms(files);
	err_set(e, ERR_PERMANENT,
	    "[reportd] output_root is missing; write for example output_root "
	    "= /var/lib/reportd/output, or begin output as in %s",
	    others);
	free(others);
	return -1;
}
