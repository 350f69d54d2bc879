/* SPDX-License-Identifier: MIT */
#include "ctl/export_name.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "place/scheme.h"

/* Returns the format that alone goes to such an address; NULL: a file's name
 * tells its format. */
static const char *format_of_place(const char *name)
{
	return place_scheme_of(name)->format;
}

static const struct encoder_type *type_of_extension(const char *extension)
{
	const struct encoder_type *t;

	for (int i = 0; (t = encoder_type_at(i)) != NULL; i++) {
		if (strcasecmp(t->extension, extension) == 0)
			return t;
	}
	return NULL;
}

/* Returns the extension of the file's name, after the last dot and without that
 * of a compression; "": none. The caller frees it. */
static char *extension_of(const char *output)
{
	const char *name = strrchr(output, '/'), *dot;
	char *text = mem_strdup(name ? name + 1 : output), *ending;

	if (compression_of_name(text) != NULL)
		*strrchr(text, '.') = '\0';
	dot = strrchr(text, '.');
	ending = mem_strdup(dot && dot > text ? dot + 1 : "");
	free(text);
	return ending;
}

int export_name_check(const char *name, const struct export_plan *plan,
    const char *formats, struct err *e)
{
	char *extension = extension_of(name);
	const struct encoder_type *promised = type_of_extension(extension);
	int rc = 0;

	if (format_of_place(name) != NULL)
		promised = NULL;
	for (int i = 0; promised != NULL && i < plan->count; i++) {
		const char *has = plan->outputs[i].type->extension;

		if (rc == 0 && strcasecmp(has, promised->extension) != 0)
			rc = err_set(e, ERR_PERMANENT,
			    "%s ends in .%s, and the format is %s; name it "
			    ".%s, or give --format %s",
			    name, extension, formats, has, promised->name);
	}
	free(extension);
	return rc;
}

static int refuse_extension(
    const char *name, const char *extension, struct err *e)
{
	const struct encoder_type *t;
	struct buf known;

	buf_init(&known, 1024);
	for (int i = 0; (t = encoder_type_at(i)) != NULL; i++)
		buf_printf(&known, "%s.%s", i ? ", " : "", t->extension);
	err_set(e, ERR_PERMANENT,
	    "%s: .%s is the extension of no format (%s); name it otherwise, or "
	    "give --format",
	    name, extension, known.data);
	buf_free(&known);
	return -1;
}

const char *export_name_format(const char *name, struct err *e)
{
	char *extension = extension_of(name);
	const struct encoder_type *t = type_of_extension(extension);
	const char *own = format_of_place(name);
	const char *format = own ? own : t ? t->name : "CSV";

	if (own == NULL && t == NULL && *extension != '\0') {
		refuse_extension(name, extension, e);
		format = NULL;
	}
	free(extension);
	return format;
}

char *export_name_absolute(const char *output, struct err *e)
{
	char *path = NULL, *here;
	struct stat st;

	if (stat(output, &st) == 0) {
		if (!S_ISREG(st.st_mode)) {
			err_set(e, ERR_PERMANENT,
			    "%s is not a regular file; to write into it use "
			    "-o - and the shell's >",
			    output);
			return NULL;
		}
		path = realpath(output, NULL);
	} else if (*output == '/') {
		path = mem_strdup(output);
	} else if ((here = realpath(".", NULL)) != NULL) {
		path = mem_printf("%s/%s", here, output);
		free(here);
	}
	if (path == NULL)
		err_errno(e, errno, "%s", output);
	return path;
}

char *export_name_fill(const struct export_plan *plan, const char *template,
    const struct export_output *o, const char *partition)
{
	char *name = mem_strdup(template), part[16];
	const char *section = export_section(plan, o);
	const struct {
		const char *key, *value;
	} pairs[] = {{"{ext}", o->extension}, {"{part}", part},
	    {"{section}", section ? section : ""}, {"{partition}", partition}};

	snprintf(part, sizeof(part), "%d", export_part(o));
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		char *at;

		while ((at = strstr(name, pairs[i].key)) != NULL) {
			char *old = name;

			name = mem_printf("%.*s%s%s", (int)(at - name), name,
			    pairs[i].value, at + strlen(pairs[i].key));
			free(old);
		}
	}
	return name;
}
