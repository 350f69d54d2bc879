/* SPDX-License-Identifier: MIT */
#include "encode/parquet/text_parse.h"

#include "encode/text/json_check.h"

INLINE int hex(char c)
{
	return digit(c)               ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Reads hexadecimal digits; `out` has room for len / 2 bytes. */
static enum parsed hex_bytes(const char *s, int32_t len, char *out)
{
	for (int32_t i = 0; i + 1 < len; i += 2) {
		int high = hex(s[i]), low = hex(s[i + 1]);

		if ((high | low) < 0)
			return BROKEN;
		*out++ = (char)(high << 4 | low);
	}
	return len % 2 == 0 ? PARSED : BROKEN;
}

static enum parsed bytes(
    const struct parquet_type *t, const struct value *v, char *out)
{
	(void)t;
	if (v->len < 2 || v->data[0] != '\\' || v->data[1] != 'x')
		return BROKEN;
	return hex_bytes(v->data + 2, v->len - 2, out);
}

static enum parsed uuid(
    const struct parquet_type *t, const struct value *v, char *out)
{
	static const int groups[] = {8, 4, 4, 4, 12};
	const char *s = v->data;

	(void)t;
	if (v->len != 36)
		return BROKEN;
	for (int i = 0; i < 5; i++) {
		if ((i > 0 && *s++ != '-') ||
		    hex_bytes(s, groups[i], out) != PARSED)
			return BROKEN;
		s += groups[i];
		out += groups[i] / 2;
	}
	return PARSED;
}

/* Writes a decimal in two's complement, the highest byte first. */
static enum parsed wide_decimal(
    const struct parquet_type *t, const struct value *v, char *out)
{
	parquet_uint128 n;
	enum parsed result = parquet_decimal_digits(t, v, &n);

	if (result != PARSED)
		return result;
	if (v->data[0] == '-')
		n = -n;
	for (int i = t->width; i-- > 0; n >>= 8)
		out[i] = (char)n;
	return PARSED;
}

static int too_large(const struct parquet_type *t, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "Parquet: column \"%s\": a value does not fit into memory",
	    t->name);
}

typedef enum parsed parse_bytes(
    const struct parquet_type *, const struct value *, char *);

INLINE int each_ref(const struct parquet_type *t, const struct parquet_cells *c,
    parse_bytes *parse, struct value *refs, struct buf *scratch, struct err *e)
{
	const struct value *v = c->values;
	size_t room = 0;
	char *out;
	int n = 0;

	for (int i = 0; i < c->count; i++, v += c->step)
		room += v->len < 0      ? 0
			: t->width != 0 ? (size_t)t->width
					: (size_t)v->len / 2;
	buf_clear(scratch);
	out = buf_reserve(scratch, room);
	if (out == NULL)
		return too_large(t, e);
	v = c->values;
	for (int i = 0; i < c->count; i++, v += c->step) {
		enum parsed result;

		c->levels[i] = c->present - 1;
		if (v->len < 0)
			continue;
		result = parse(t, v, out);
		if (result != PARSED) {
			if (parquet_text_refuse(t, v, result, e) != 0)
				return -1;
			continue;
		}
		c->levels[i]++;
		refs[n].data = out;
		refs[n].len = t->width != 0 ? t->width : v->len / 2 - 1;
		out += refs[n++].len;
	}
	return n;
}

/* Makes refs that point to the texts. */
static int each_text(const struct parquet_cells *c, struct value *refs)
{
	const struct value *v = c->values;
	int n = 0;

	for (int i = 0; i < c->count; i++, v += c->step) {
		c->levels[i] = c->present - (v->len < 0);
		refs[n] = *v;
		n += v->len >= 0;
	}
	return n;
}

/* Copies the texts that have half a surrogate pair to `to`, mended. */
static int mend_each(struct value *refs, int n, char *to)
{
	struct json_seen seen;
	struct err unused;

	for (int i = 0; i < n; i++) {
		if (json_check(&refs[i], &seen, &unused) != 0 ||
		    seen.halves == 0)
			continue;
		json_mend(&refs[i], to);
		refs[i].data = to;
		to += refs[i].len;
	}
	return n;
}

/* Checks json values. Refs point to the texts unless a text needs mending. */
static int each_json(const struct parquet_type *t,
    const struct parquet_cells *c, struct value *refs, struct buf *scratch,
    struct err *e)
{
	const struct value *v = c->values;
	struct json_seen seen;
	size_t room = 0;
	char *to;

	for (int i = 0; i < c->count; i++, v += c->step) {
		if (v->len < 0)
			continue;
		if (json_check(v, &seen, e) != 0)
			return err_wrap(e, "Parquet: column \"%s\"", t->name);
		*t->halves += (int64_t)seen.halves;
		room += seen.halves > 0 ? (size_t)v->len : 0;
	}
	if (room == 0)
		return each_text(c, refs);
	buf_clear(scratch);
	to = buf_reserve(scratch, room);
	if (to == NULL)
		return too_large(t, e);
	return mend_each(refs, each_text(c, refs), to);
}

int parquet_text_refs(const struct parquet_type *t,
    const struct parquet_cells *c, struct value *refs, struct buf *scratch,
    struct err *e)
{
	switch (t->kind) {
	case KIND_BYTES:
		return each_ref(t, c, bytes, refs, scratch, e);
	case KIND_UUID:
		return each_ref(t, c, uuid, refs, scratch, e);
	case KIND_JSON:
		return each_json(t, c, refs, scratch, e);
	case KIND_DECIMAL:
		return each_ref(t, c, wide_decimal, refs, scratch, e);
	default:
		return each_text(c, refs);
	}
}
