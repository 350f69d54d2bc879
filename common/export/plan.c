/* SPDX-License-Identifier: MIT */
#include "export/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "encode/text/charset.h"
#include "export/option.h"
#include "source/sqltext.h"

/* All outputs are open at once, and the files of a partitioned output stay open
 * until they are published. */
#define OUTPUTS_MAX 100
#define PARTITIONS_MAX 1000

struct format {
	const struct encoder_type *type;
	json_t *options;
};

struct formats {
	struct format list[16];
	int count;
};

static int add_format(
    struct formats *f, const char *name, size_t len, struct err *e)
{
	const struct encoder_type *type;
	char word[32];

	snprintf(word, sizeof(word), "%.*s", (int)len, name);
	type = encoder_type_named(word);
	if (type == NULL) {
		struct buf known;

		buf_init(&known, 1024);
		for (int i = 0; encoder_type_at(i) != NULL; i++)
			buf_printf(&known, "%s%s", i ? ", " : "",
			    encoder_type_at(i)->name);
		err_set(e, ERR_PERMANENT,
		    "there is no format \"%s\"; known here: %s", word,
		    known.data);
		buf_free(&known);
		return -1;
	}
	for (int i = 0; i < f->count; i++) {
		if (f->list[i].type == type)
			return err_set(e, ERR_PERMANENT,
			    "output_format names %s twice", type->name);
	}
	f->list[f->count++].type = type;
	return 0;
}

/* Reads a list such as "CSV, XLSX". No format can occur twice, so the list is
 * short. */
static int read_formats(struct formats *f, const char *text, struct err *e)
{
	for (const char *s = text;; s++) {
		size_t len;

		s += strspn(s, " ");
		len = strcspn(s, ", ");
		if (add_format(f, s, len, e) != 0)
			return -1;
		s += len;
		s += strspn(s, " ");
		if (*s == '\0')
			return 0;
	}
}

/* Returns the format of the list whose name or alias is the key, or NULL. */
static struct format *named(struct formats *f, const char *key)
{
	for (int i = 0; i < f->count; i++) {
		const struct encoder_type *t = f->list[i].type;

		if (strcmp(t->name, key) == 0 ||
		    (t->alias != NULL && strcmp(t->alias, key) == 0))
			return &f->list[i];
	}
	return NULL;
}

/* Checks an option that is meant for all formats: at least one must know it and
 * find it sound. */
static int check_shared(
    const struct formats *f, const char *key, json_t *value, struct err *e)
{
	struct err last;
	bool known = false;

	for (int i = 0; i < f->count; i++) {
		const struct encoder_type *t = f->list[i].type;
		json_t *one = json_pack("{sO}", key, value);
		json_t *own = export_known_options(t, one);
		int rc = json_object_size(own) == 0
			     ? 1
			     : export_check_keys(t, one, &last);

		json_decref(own);
		json_decref(one);
		known |= rc <= 0;
		if (rc == 0)
			return 0;
	}
	if (!known)
		return err_set(e, ERR_PERMANENT,
		    "output_options: none of the formats has an option \"%s\"",
		    key);
	*e = last;
	return -1;
}

/* Distributes the options among several formats: each gets the shared ones that
 * it knows, and then its own. */
static int share_options(
    struct formats *f, const json_t *options, struct err *e)
{
	json_t *shared = json_object(), *value;
	const char *key;
	int rc = 0;

	json_object_foreach((json_t *)(uintptr_t)options, key, value)
	{
		if (rc != 0)
			break;
		if (named(f, key) != NULL) {
			rc = export_check_own(key, value, e);
			continue;
		}
		json_object_set(shared, key, value);
		rc = check_shared(f, key, value, e);
	}
	for (int i = 0; i < f->count; i++)
		f->list[i].options =
		    export_known_options(f->list[i].type, shared);
	json_decref(shared);
	json_object_foreach((json_t *)(uintptr_t)options, key, value)
	{
		struct format *format = named(f, key);

		if (rc == 0 && format != NULL)
			json_object_update_recursive(format->options, value);
	}
	return rc;
}

static int take_options(struct formats *f, const json_t *options, struct err *e)
{
	if (f->count == 1)
		f->list[0].options = json_deep_copy(options);
	else if (share_options(f, options, e) != 0)
		return -1;
	for (int i = 0; i < f->count; i++) {
		if (export_check_options(
			f->list[i].type, f->list[i].options, e) != 0)
			return f->count == 1
				   ? -1
				   : err_wrap(e, "%s", f->list[i].type->name);
		if (f->count > 1 && charset_is_raw(json_str(
					f->list[i].options, "encoding", "")))
			return err_set(e, ERR_PERMANENT,
			    "output_options: encoding SQL_ASCII passes bytes "
			    "that other formats cannot take; CSV must be the "
			    "only format with it");
	}
	return 0;
}

static int split(struct export_plan *p, const char *sql, struct err *e)
{
	struct sqltext_part part;
	const char *open;

	if (sql == NULL)
		return 0;
	open = sqltext_unclosed(sql);
	if (open != NULL)
		return err_set(e, ERR_PERMANENT,
		    "export_sql: a quote or a comment is not closed: %.*s", 40,
		    open);
	while (sqltext_next(&sql, &part)) {
		p->statements = mem_realloc(p->statements,
		    (size_t)p->statement_count + 1, sizeof(*p->statements));
		p->statements[p->statement_count++] =
		    mem_strndup(part.text, part.len);
	}
	return p->statement_count > 0
		   ? 0
		   : err_set(e, ERR_PERMANENT, "the query is empty");
}

static void forget_statements(struct export_plan *p)
{
	for (int i = 0; i < p->statement_count; i++)
		free(p->statements[i]);
	free(p->statements);
	p->statements = NULL;
	p->statement_count = 0;
}

int export_plan_set_sql(struct export_plan *p, const char *sql, struct err *e)
{
	int before = p->statement_count;

	forget_statements(p);
	if (split(p, sql, e) != 0)
		return -1;
	if (p->statement_count != before)
		return err_set(e, ERR_PERMANENT,
		    "a parameter changes the number of statements");
	return 0;
}

static int check_sections(
    struct export_plan *p, const json_t *names, struct err *e)
{
	size_t n;

	if (names == NULL)
		return 0;
	n = json_array_size(names);
	if (n != (size_t)p->statement_count)
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"sections\" has %zu name%s for %d "
		    "statement%s",
		    n, n == 1 ? "" : "s", p->statement_count,
		    p->statement_count == 1 ? "" : "s");
	p->section_names = names;
	return 0;
}

/* Says whether the output is a manifest of the objects that the source
 * writes itself, which is never compressed. */
static bool unloads(const json_t *options)
{
	return json_bool(options, "unload", false);
}

const struct compression *export_compression(const struct export_output *o)
{
	return unloads(o->options) ? NULL : compression_of(o->options);
}

static void add_output(
    struct export_plan *p, const struct format *format, int part)
{
	struct export_output *o = &p->outputs[p->count++];
	const struct compression *c;

	o->type = format->type;
	o->options = json_incref(format->options);
	o->part = part;
	o->partition_by = json_object_get(o->options, "partition_by");
	if (json_array_size(o->partition_by) == 0)
		o->partition_by = NULL;
	c = export_compression(o);
	snprintf(o->extension_text, sizeof(o->extension_text), "%s%s",
	    unloads(format->options) ? "manifest" : o->type->extension,
	    c ? c->extension : "");
	o->extension = o->extension_text;
}

static int add_outputs(
    struct export_plan *p, const struct formats *f, struct err *e)
{
	bool partitions = false;
	int n = 0;

	for (int i = 0; i < f->count; i++) {
		n += f->list[i].type->one_section && p->statement_count > 0
			 ? p->statement_count
			 : 1;
		partitions |=
		    json_object_get(f->list[i].options, "partition_by") != NULL;
	}
	if (n > OUTPUTS_MAX)
		return err_set(e, ERR_PERMANENT,
		    "export_sql has %d statements: that would be %d outputs, "
		    "and %d are allowed",
		    p->statement_count, n, OUTPUTS_MAX);
	p->room = n + (partitions ? PARTITIONS_MAX : 0);
	p->outputs = mem_zalloc((size_t)p->room * sizeof(*p->outputs));
	for (int i = 0; i < f->count; i++) {
		bool parts =
		    f->list[i].type->one_section && p->statement_count > 1;

		for (int k = 0; k < (parts ? p->statement_count : 1); k++)
			add_output(p, &f->list[i], parts ? k + 1 : 0);
	}
	return 0;
}

int export_plan_open(struct export_plan *p, const char *sql,
    const char *formats, const json_t *options, struct err *e)
{
	struct formats f = {.count = 0};
	int rc = -1;

	*p = (struct export_plan){0};
	if (read_formats(&f, formats, e) == 0 &&
	    take_options(&f, options, e) == 0 && split(p, sql, e) == 0 &&
	    add_outputs(p, &f, e) == 0 &&
	    check_sections(p, json_object_get(options, "sections"), e) == 0)
		rc = 0;
	p->max_rows = json_int(options, "max_rows", 0);
	p->skip_if_empty = json_bool(options, "skip_if_empty", false);
	for (int i = 0; i < f.count; i++)
		json_decref(f.list[i].options);
	return rc;
}

void export_plan_free(struct export_plan *p)
{
	forget_statements(p);
	for (int i = 0; i < p->count; i++) {
		struct export_output *o = &p->outputs[i];

		sink_free(o->sink);
		json_decref(o->options);
		free(o->place);
		free(o->remark);
	}
	free(p->outputs);
	free(p->remark);
	free(p->result);
	*p = (struct export_plan){0};
}

const struct export_output *export_first(const struct export_plan *p)
{
	for (int i = 0; i < p->count; i++) {
		if (p->outputs[i].sink != NULL)
			return &p->outputs[i];
	}
	return NULL;
}

struct export_output *export_add_partition(struct export_plan *p,
    const struct export_output *of, int part, struct err *e)
{
	struct export_output *o = &p->outputs[p->count];

	if (p->count == p->room) {
		err_set(e, ERR_PERMANENT,
		    "\"partition_by\" makes more than %d files; choose "
		    "columns with fewer values",
		    PARTITIONS_MAX);
		return NULL;
	}
	p->count++;
	o->type = of->type;
	o->options = json_incref(of->options);
	o->part = part;
	o->added = true;
	o->extension = of->extension;
	return o;
}

const char *export_own_address(
    const struct export_plan *p, const struct export_output *o)
{
	return p->count > 1 ? json_str(json_object_get(o->options, "table"),
				  "into", NULL)
			    : NULL;
}

int export_part(const struct export_output *output)
{
	return output->part > 0 ? output->part : 1;
}

const char *export_section(
    const struct export_plan *p, const struct export_output *o)
{
	if (o->part == 0 && p->statement_count > 1)
		return NULL;
	return json_string_value(
	    json_array_get(p->section_names, (size_t)export_part(o) - 1));
}

/* {section} is the name of a file. */
static int check_section_names(const struct export_plan *p, struct err *e)
{
	size_t count = json_array_size(p->section_names);

	if (count == 0)
		return err_set(e, ERR_PERMANENT,
		    "output_path has {section}: name the result of each "
		    "statement in the option \"sections\"");
	for (size_t i = 0; i < count; i++) {
		const char *name =
		    json_string_value(json_array_get(p->section_names, i));

		if (strchr(name, '/') != NULL)
			return err_set(e, ERR_PERMANENT,
			    "output_options: the name \"%s\" in \"sections\" "
			    "cannot be {section}, because it has a slash",
			    name);
	}
	return 0;
}

int export_plan_check_name(
    const struct export_plan *p, const char *template, struct err *e)
{
	const struct encoder_type *first = NULL;
	bool named = strstr(template, "{section}") != NULL;

	if (named && check_section_names(p, e) != 0)
		return -1;
	for (int i = 0; i < p->count; i++) {
		const struct export_output *o = &p->outputs[i];

		/* Its place has addresses of its own. */
		if (export_own_address(p, o) != NULL)
			continue;
		first = first ? first : o->type;
		if (o->part > 0 && !named && strstr(template, "{part}") == NULL)
			return err_set(e, ERR_PERMANENT,
			    "export_sql has %d statements and a %s file holds "
			    "the result of one: put {part} or {section} into "
			    "output_path",
			    p->statement_count, o->type->name);
		if (named && o->part == 0 && p->statement_count > 1)
			return err_set(e, ERR_PERMANENT,
			    "output_path has {section}, and a %s file holds "
			    "the results of all statements",
			    o->type->name);
		if (o->partition_by != NULL &&
		    strstr(template, "{partition}") == NULL)
			return err_set(e, ERR_PERMANENT,
			    "\"partition_by\" makes a file for each value: put "
			    "{partition} into output_path");
		if (o->type != first && strstr(template, "{ext}") == NULL)
			return err_set(e, ERR_PERMANENT,
			    "output_format names several formats: put {ext} "
			    "into output_path");
	}
	return 0;
}

const char *export_media_type(const struct export_output *o)
{
	const struct compression *c = export_compression(o);

	return unloads(o->options) ? "application/json"
	       : c != NULL         ? c->media_type
				   : o->type->media_type;
}
