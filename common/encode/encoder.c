/* SPDX-License-Identifier: MIT */
#include "encode/encoder.h"

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
		if (strcasecmp(types[i]->name, format) == 0)
			return types[i];
	}
	return NULL;
}

struct encoder *encoder_open(const struct encoder_type *type,
    const struct encoder_options *options, struct err *e)
{
	struct encoder *enc = type->open(options, e);

	if (enc != NULL)
		enc->type = type;
	return enc;
}

int encoder_begin(struct encoder *enc, const struct schema *s, struct err *e)
{
	return enc->type->begin(enc, s, e);
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
	if (enc != NULL)
		enc->type->free(enc);
}
