/* SPDX-License-Identifier: MIT */
#include "encode/text/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "encode/text/charset.h"

/* Bytes handed to the sink at once: enough that the cost of system calls is
 * small. */
#define CHUNK (256u << 10)
/* A field of PostgreSQL has at most 1 GB; quoting may double it. */
#define ROW_MAX ((size_t)3 << 30)

static const char byte_order_mark[] = "\xEF\xBB\xBF";

enum quote_policy {
	QUOTE_MINIMAL,
	QUOTE_ALL,
	QUOTE_NONNUMERIC,
};

struct dialect {
	const char *null;
	const char *encoding;
	const char *line_end;
	char delimiter; /* NUL: the delimiter is not one byte */
	bool header, bom, decimal_comma, formula_guard;
	enum quote_policy quote;
};

struct csv {
	struct encoder base;
	struct dialect dialect;
	char *null;
	struct sink *sink;
	struct charset *charset; /* NULL: UTF-8 is written unchanged */
	struct buf out;
	struct buf scratch; /* holds a value that the dialect changes */
	const struct schema *schema;
	bool special[256]; /* bytes for which a field needs quotes */
};

static enum quote_policy quote_named(const char *name)
{
	return strcmp(name, "all") == 0          ? QUOTE_ALL
	       : strcmp(name, "nonnumeric") == 0 ? QUOTE_NONNUMERIC
						 : QUOTE_MINIMAL;
}

static const char *line_end_named(const char *name)
{
	return strcmp(name, "crlf") == 0 ? "\r\n" : "\n";
}

/* Reads the dialect from checked options. */
static struct dialect dialect_of(const json_t *o)
{
	const char *delimiter = json_str(o, "delimiter", ",");
	struct dialect d = {
	    .null = json_str(o, "null", ""),
	    .encoding = json_str(o, "encoding", "UTF8"),
	    .line_end = line_end_named(json_str(o, "line_ending", "lf")),
	    .delimiter = strlen(delimiter) == 1 ? *delimiter : '\0',
	    .header = json_bool(o, "header", true),
	    .bom = json_bool(o, "bom", false),
	    .decimal_comma = json_bool(o, "decimal_comma", false),
	    .formula_guard = json_bool(o, "formula_guard", false),
	    .quote = quote_named(json_str(o, "quote", "minimal")),
	};

	return d;
}

static int check_dialect(const struct dialect *d, struct err *e)
{
	if (d->delimiter == '\0' || d->delimiter == '"' ||
	    d->delimiter == '\n' || d->delimiter == '\r')
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"delimiter\" must be one character, no "
		    "quote and no line break");
	if (strpbrk(d->null, "\"\r\n") != NULL ||
	    strchr(d->null, d->delimiter) != NULL)
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"null\" must not hold the delimiter, a "
		    "quote or a line break");
	if (d->decimal_comma && d->delimiter == ',')
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"decimal_comma\" needs another "
		    "delimiter, such as \";\"");
	if (d->bom && !charset_is_utf8(d->encoding))
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"bom\" belongs to UTF8, not to %s",
		    d->encoding);
	return charset_check(d->encoding, e);
}

static int check(const json_t *options, struct err *e)
{
	struct dialect d = dialect_of(options);

	return check_dialect(&d, e);
}

static struct encoder *csv_open(const struct encoder_options *o, struct err *e)
{
	struct csv *c = mem_zalloc(sizeof(*c));
	struct dialect *d = &c->dialect;

	*d = dialect_of(o->options);
	c->null = mem_strdup(d->null);
	d->null = c->null;
	c->sink = o->sink;
	buf_init(&c->out, ROW_MAX);
	buf_init(&c->scratch, ROW_MAX);
	c->special['"'] = c->special['\n'] = c->special['\r'] = true;
	c->special[(unsigned char)d->delimiter] = true;
	if (!charset_is_utf8(d->encoding)) {
		c->charset = charset_open(d->encoding, e);
		if (c->charset == NULL)
			goto failed;
	}
	if (d->bom)
		buf_str(&c->out, byte_order_mark);
	return &c->base;
failed:
	encoder_csv.free(&c->base);
	return NULL;
}

/* Empties the buffer. The memory of a huge row is freed, that of an ordinary
 * row kept. */
static void empty(struct buf *b)
{
	if (b->cap > 4 * CHUNK)
		buf_free(b);
	else
		buf_clear(b);
}

static int flush(struct csv *c, struct err *e)
{
	int rc;

	if (c->out.overflow)
		return err_set(
		    e, ERR_PERMANENT, "CSV: a row does not fit into memory");
	rc = c->charset ? charset_write(
			      c->charset, c->out.data, c->out.len, c->sink, e)
			: sink_write(c->sink, c->out.data, c->out.len, e);
	empty(&c->out);
	empty(&c->scratch);
	return rc;
}

static bool needs_quotes(
    const struct csv *c, const struct value *v, bool alone_on_line)
{
	size_t null_len = strlen(c->dialect.null);

	if ((size_t)v->len == null_len &&
	    memcmp(v->data, c->dialect.null, null_len) == 0)
		return true;
	/* COPY FROM would take a lone \. for the end of the data. */
	if (alone_on_line && v->len == 2 && memcmp(v->data, "\\.", 2) == 0)
		return true;
	for (int32_t i = 0; i < v->len; i++) {
		if (c->special[(unsigned char)v->data[i]])
			return true;
	}
	return false;
}

static void add_quoted(struct buf *b, const struct value *v)
{
	const char *s = v->data, *end = s + v->len, *q;

	buf_char(b, '"');
	while ((q = memchr(s, '"', (size_t)(end - s))) != NULL) {
		buf_add(b, s, (size_t)(q - s) + 1);
		buf_char(b, '"');
		s = q + 1;
	}
	buf_add(b, s, (size_t)(end - s));
	buf_char(b, '"');
}

/* Returns whether a spreadsheet would run the value as a formula. A value that
 * is not text (a number, money such as -$1.50, an interval) may begin with a
 * minus, as no part of a formula can follow it. */
static bool is_formula(const struct column *column, const struct value *v)
{
	static const char first[] = "=+-@\t\r";
	size_t len = (size_t)v->len;

	if (len == 0 || memchr(first, v->data[0], sizeof(first) - 1) == NULL)
		return false;
	return column->kind == KIND_TEXT ||
	       (column->kind == KIND_OTHER && !column->number) ||
	       v->data[0] != '-' || memchr(v->data, '(', len) != NULL ||
	       memchr(v->data, '|', len) != NULL ||
	       memchr(v->data, '!', len) != NULL;
}

static bool numeric(enum column_kind kind)
{
	return kind == KIND_INTEGER || kind == KIND_DECIMAL ||
	       kind == KIND_FLOAT;
}

/* Returns the value as the dialect writes it: unchanged, or changed in
 * scratch. */
static struct value adapt(
    struct csv *c, struct value v, const struct column *column)
{
	struct buf *b = &c->scratch;
	const char *point;
	size_t len = (size_t)v.len;

	if (c->dialect.decimal_comma && numeric(column->kind) &&
	    (point = memchr(v.data, '.', len)) != NULL) {
		buf_clear(b);
		buf_add(b, v.data, (size_t)(point - v.data));
		buf_char(b, ',');
		buf_add(b, point + 1, len - (size_t)(point + 1 - v.data));
	} else if (c->dialect.formula_guard && is_formula(column, &v)) {
		buf_clear(b);
		buf_char(b, '\'');
		buf_add(b, v.data, len);
	} else {
		return v;
	}
	if (!b->overflow)
		return (struct value){b->data, (int32_t)b->len};
	c->out.overflow = true;
	return v;
}

static void add_field(struct csv *c, const struct value *value,
    const struct column *column, bool force, bool alone)
{
	struct value v;

	if (value->len < 0) {
		buf_str(&c->out, c->dialect.null);
		return;
	}
	v = adapt(c, *value, column);
	if (force || needs_quotes(c, &v, alone))
		add_quoted(&c->out, &v);
	else
		buf_add(&c->out, v.data, (size_t)v.len);
}

static void end_line(struct csv *c)
{
	buf_str(&c->out, c->dialect.line_end);
}

static int csv_begin(
    struct encoder *enc, const struct section *section, struct err *e)
{
	struct csv *c = (struct csv *)enc;
	const struct schema *schema = section->schema;
	static const struct column header = {.kind = KIND_TEXT};

	if (enc->sections > 1)
		return err_set(e, ERR_PERMANENT,
		    "a CSV file holds the result of one query only");
	c->schema = schema;
	if (!c->dialect.header)
		return 0;
	for (int i = 0; i < schema->count; i++) {
		const char *label = enc->layout.columns[i].label;
		struct value name = {label, (int32_t)strlen(label)};

		if (i > 0)
			buf_char(&c->out, c->dialect.delimiter);
		/* COPY does not force quotes on the header, even with
		 * FORCE_QUOTE. */
		add_field(c, &name, &header, false, schema->count == 1);
	}
	end_line(c);
	return 0;
}

static int csv_rows(
    struct encoder *enc, const struct batch *batch, struct err *e)
{
	struct csv *c = (struct csv *)enc;
	const struct schema *s = c->schema;
	const struct value *v = batch->values;

	for (int row = 0; row < batch->rows; row++) {
		for (int i = 0; i < s->count; i++, v++) {
			const struct column *column = &s->columns[i];
			bool force = c->dialect.quote == QUOTE_ALL ||
				     (c->dialect.quote == QUOTE_NONNUMERIC &&
					 !numeric(column->kind));

			if (i > 0)
				buf_char(&c->out, c->dialect.delimiter);
			add_field(c, v, column, force, s->count == 1);
		}
		end_line(c);
		if ((c->out.len >= CHUNK || c->out.overflow) &&
		    flush(c, e) != 0)
			return -1;
	}
	return 0;
}

static int csv_end(struct encoder *enc, struct err *e)
{
	(void)enc;
	(void)e;
	return 0;
}

static int csv_finish(struct encoder *enc, struct err *e)
{
	return flush((struct csv *)enc, e);
}

static void csv_free(struct encoder *enc)
{
	struct csv *c = (struct csv *)enc;

	charset_close(c->charset);
	buf_free(&c->out);
	buf_free(&c->scratch);
	free(c->null);
	free(c);
}

static bool csv_form(const json_t *options, struct csv_form *form)
{
	struct dialect d = dialect_of(options);
	struct err e;

	if (check_dialect(&d, &e) != 0 || strcmp(d.line_end, "\n") != 0 ||
	    !charset_is_exact(d.encoding) || d.decimal_comma ||
	    d.formula_guard || d.quote == QUOTE_NONNUMERIC)
		return false;
	*form = (struct csv_form){.delimiter = d.delimiter,
	    .null = d.null,
	    .encoding = d.encoding,
	    .header = d.header,
	    .quote_all = d.quote == QUOTE_ALL,
	    .before = d.bom ? byte_order_mark : ""};
	return true;
}

static const struct option_rule csv_own[] = {
    {"delimiter", JSON_STRING, NULL, "one character between fields; default ,",
	NULL},
    {"header", JSON_TRUE, NULL, "column names in the first line; default true",
	NULL},
    {"quote", JSON_STRING, "minimal|all|nonnumeric",
	"which fields are quoted; default minimal", NULL},
    {"null", JSON_STRING, NULL, "what stands for NULL; default empty", NULL},
    {"line_ending", JSON_STRING, "lf|crlf", "default lf", NULL},
    {"bom", JSON_TRUE, NULL,
	"start with a byte order mark, for Excel; default false", NULL},
    {"encoding", JSON_STRING, NULL,
	"as PostgreSQL names it, such as LATIN1 or WIN1252; default UTF8",
	NULL},
    {"decimal_comma", JSON_TRUE, NULL,
	"1,5 instead of 1.5; give a delimiter other than , with it; default "
	"false",
	NULL},
    {"formula_guard", JSON_TRUE, NULL,
	"put a single quote before text that a spreadsheet would run as a "
	"formula; default false",
	NULL},
    OPTION_END,
};
static const struct option_owner csv_options = {"CSV", csv_own, check};

const struct encoder_type encoder_csv = {
    .name = "CSV",
    .extension = "csv",
    .media_type = "text/csv",
    .one_section = true,
    .unload = true,
    .text = true,
    .options = {&csv_options, &layout_label_options},
    .open = csv_open,
    .begin = csv_begin,
    .rows = csv_rows,
    .end = csv_end,
    .finish = csv_finish,
    .free = csv_free,
    .form = csv_form,
};
