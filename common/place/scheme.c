/* SPDX-License-Identifier: MIT */
#include "place/scheme.h"

#include <limits.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "place/file/scheme.h"
#include "place/https/scheme.h"
#include "place/s3/scheme.h"
#include "place/stdout.h"
#include "place/table/scheme.h"

/* The order of lookup: the scheme with the empty prefix must be the last. */
static const struct place_scheme *const schemes[] = {
    &place_scheme_s3,
    &place_scheme_https,
    &place_scheme_table,
    &place_scheme_stdout,
    &place_scheme_file,
};
#define SCHEMES ((int)(sizeof(schemes) / sizeof(*schemes)))

const struct place_scheme *place_scheme_at(int i)
{
	return i < SCHEMES ? schemes[i] : NULL;
}

static bool begins_with(const char *text, const char *prefix)
{
	while (*prefix != '\0' && *text == *prefix) {
		text++;
		prefix++;
	}
	return *prefix == '\0';
}

const struct place_scheme *place_scheme_of(const char *address)
{
	int i = 0;

	while (!begins_with(address, schemes[i]->prefix))
		i++;
	return schemes[i];
}

char *place_forms(const struct place_scheme *but)
{
	struct buf b;

	buf_init(&b, PATH_MAX);
	buf_str(&b, "");
	for (int i = SCHEMES - 1; i >= 0; i--) {
		if (schemes[i]->form != NULL && schemes[i] != but)
			buf_printf(&b, "%s%s", b.len > 0 ? " or " : "",
			    schemes[i]->form);
	}
	return b.data;
}

bool place_is_file(const char *address)
{
	return place_scheme_of(address) == &place_scheme_file;
}

bool place_is(const char *address, const char *name)
{
	return strcmp(place_scheme_of(address)->name, name) == 0;
}

char *place_target(const char *address)
{
	const struct place_scheme *s = place_scheme_of(address);

	return s->target ? s->target(address) : NULL;
}

/* ---- URLs ---- */

char *place_url(const char *address)
{
	struct buf b;
	size_t len;

	buf_init(&b, 4 * PATH_MAX);
	buf_str(&b, place_scheme_of(address)->url_prefix);
	for (; *address != '\0'; address += len) {
		/* RFC 3986: these characters would end or break the path. */
		if (str_hidden(address, &len) == 0 &&
		    strchr(" %#?\"<>", *address) == NULL) {
			buf_add(&b, address, len);
			continue;
		}
		for (size_t i = 0; i < len; i++)
			buf_printf(&b, "%%%02X", (unsigned char)address[i]);
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

char *place_of_url(const char *url)
{
	struct buf b;

	for (int i = 0; i < SCHEMES; i++) {
		const char *prefix = schemes[i]->url_prefix;

		if (*prefix != '\0' && begins_with(url, prefix)) {
			url += strlen(prefix);
			break;
		}
	}
	buf_init(&b, PATH_MAX);
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

/* ---- checks ---- */

/* Returns the place that this format belongs to; NULL: to all others. */
static const struct place_scheme *place_of_format(const char *format)
{
	for (int i = 0; i < SCHEMES; i++) {
		if (schemes[i]->format != NULL &&
		    strcmp(schemes[i]->format, format) == 0)
			return schemes[i];
	}
	return NULL;
}

bool place_takes(const struct place_scheme *scheme, const char *format)
{
	const struct place_scheme *own = place_of_format(format);

	return own != NULL ? own == scheme : scheme->format == NULL;
}

int place_check_format(const char *address, const char *format, struct err *e)
{
	const struct place_scheme *own = place_of_format(format);

	if (place_takes(place_scheme_of(address), format))
		return 0;
	return own != NULL
		   ? err_set(e, ERR_PERMANENT,
			 "\"%s\": the format %s goes to an address that "
			 "begins with %s",
			 address, format, own->prefix)
		   : err_set(e, ERR_PERMANENT,
			 "\"%s\" takes the format %s, not %s", address,
			 place_scheme_of(address)->format, format);
}

/* Refuses the options of another place: either they or the address are a
 * mistake. */
static int refuse_others(
    const struct place_scheme *scheme, const json_t *options, struct err *e)
{
	for (int i = 0; i < SCHEMES; i++) {
		const char *name = schemes[i]->name;

		if (schemes[i] != scheme &&
		    json_object_get(options, name) != NULL)
			return err_set(e, ERR_PERMANENT,
			    "output_options: \"%s\" is for an output_path that "
			    "%s%s",
			    name,
			    *schemes[i]->prefix ? "begins with "
						: "is a local file",
			    schemes[i]->prefix);
	}
	return 0;
}

int place_check(const char *address, const json_t *options, struct err *e)
{
	const struct place_scheme *s = place_scheme_of(address);

	return refuse_others(s, options, e) != 0
		   ? -1
		   : s->check(address, json_object_get(options, s->name), e);
}
