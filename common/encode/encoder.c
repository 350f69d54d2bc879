/* SPDX-License-Identifier: MIT */
#include "encode/encoder.h"

#include <string.h>
#include <strings.h>

#include "encode/csv.h"

static const struct encoder_type *const types[] = {
    &encoder_csv,
};
#define TYPES ((int)(sizeof(types) / sizeof(*types)))

const struct encoder_type *encoder_type_at(int i)
{
	return i < TYPES ? types[i] : NULL;
}

const struct encoder_type *encoder_type_named(const char *format)
{
	for (int i = 0; i < TYPES; i++) {
		const char *alias = types[i]->alias;

		if (strcasecmp(types[i]->name, format) == 0 ||
		    (alias != NULL && strcasecmp(alias, format) == 0))
			return types[i];
	}
	return NULL;
}

static int refuse_key(
    const struct encoder_type *type, const char *key, struct err *e)
{
	struct buf known;

	buf_init(&known, 4096);
	for (const struct encoder_option *o = type->options; o->name; o++)
		buf_printf(&known, "%s%s", known.len ? ", " : "", o->name);
	err_set(e, ERR_PERMANENT,
	    "output_options: %s has no option \"%s\"; known: %s", type->name,
	    key, known.data);
	buf_free(&known);
	return -1;
}

static bool is_allowed(const char *allowed, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = allowed; *at != '\0';) {
		size_t n = strcspn(at, "|");

		if (n == len && strncmp(at, word, n) == 0)
			return true;
		at += n + (at[n] == '|');
	}
	return false;
}

static int check_value(
    const struct encoder_option *o, const json_t *value, struct err *e)
{
	bool boolean = o->type == JSON_TRUE;

	if (boolean ? !json_is_boolean(value) : json_typeof(value) != o->type)
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"%s\" must be a %s", o->name,
		    boolean ? "boolean" : "string");
	if (o->allowed != NULL &&
	    !is_allowed(o->allowed, json_string_value(value)))
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"%s\" must be one of %s", o->name,
		    o->allowed);
	return 0;
}

int encoder_check_options(
    const struct encoder_type *type, const json_t *options, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)options, key, value)
	{
		const struct encoder_option *o = type->options;

		while (o->name != NULL && strcmp(o->name, key) != 0)
			o++;
		if (o->name == NULL)
			return refuse_key(type, key, e);
		if (check_value(o, value, e) != 0)
			return -1;
	}
	return 0;
}

struct encoder *encoder_open(const struct encoder_type *type,
    const struct encoder_options *options, struct err *e)
{
	struct encoder *enc;

	if (encoder_check_options(type, options->options, e) != 0)
		return NULL;
	enc = type->open(options, e);
	if (enc != NULL) {
		enc->type = type;
		enc->options = options->options;
	}
	return enc;
}

int encoder_begin(
    struct encoder *enc, const struct section *section, struct err *e)
{
	layout_free(&enc->layout);
	if (layout_open(&enc->layout, enc->options, section->schema, e) != 0)
		return -1;
	enc->sections++;
	return enc->type->begin(enc, section, e);
}

int encoder_rows(struct encoder *enc, const struct batch *b, struct err *e)
{
	return enc->type->rows(enc, b, e);
}

int encoder_end(struct encoder *enc, struct err *e)
{
	return enc->type->end(enc, e);
}

int encoder_finish(struct encoder *enc, struct err *e)
{
	return enc->type->finish(enc, e);
}

void encoder_free(struct encoder *enc)
{
	if (enc == NULL)
		return;
	layout_free(&enc->layout);
	enc->type->free(enc);
}
