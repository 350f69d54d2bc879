/* SPDX-License-Identifier: MIT */
#include "ctl/lib/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define FILE_MAX ((size_t)4 << 20)
/* The byte order mark that some editors put before UTF-8; servers refuse it. */
#define BOM "\xEF\xBB\xBF"

int options_columns(void)
{
	struct winsize w;

	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0
		   ? w.ws_col
		   : 80;
}

void options_usage(const struct command *command, FILE *out)
{
	fprintf(out,
	    "Usage: reportctl %s%s%s\n\n%s.\n\n%s%s"
	    "  -c, --config FILE     settings file; without it the environment "
	    "alone\n"
	    "      --json            answer in JSON\n"
	    "  -h, --help            this text\n",
	    command->name, *command->arguments ? " " : "", command->arguments,
	    command->summary, command->details, *command->details ? "\n" : "");
}

int options_next(struct ctl *c, int argc, char **argv, const char *letters,
    const struct option *table)
{
	char all[32];
	int o;

	snprintf(all, sizeof(all), "c:h%s", letters);
	for (;;) {
		o = getopt_long(argc, argv, all, table, NULL);
		if (o == 'c') {
			c->conf = optarg;
		} else if (o == 'j') {
			c->json = true;
		} else if (o == 'h') {
			options_usage(c->command, stdout);
			c->on_error = CTL_OK;
			return '?';
		} else {
			if (o == '?')
				c->on_error = CTL_USAGE;
			return o;
		}
	}
}

int options_refuse(struct ctl *c, struct err *e, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	c->on_error = CTL_USAGE;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(e, ERR_PERMANENT, "%s: %s", c->command->name, text);
}

int options_number(struct ctl *c, const char *name, const char *text,
    const int64_t limits[2], int64_t *out, struct err *e)
{
	if (str_to_i64(text, out) != 0 || *out < limits[0] || *out > limits[1])
		return options_refuse(c, e,
		    "%s %s: must be a whole number from %lld to %lld", name,
		    text, (long long)limits[0], (long long)limits[1]);
	return 0;
}

const char *options_word(const char *const *list, const char *word)
{
	while (*list != NULL && strcasecmp(word, *list) != 0)
		list++;
	return *list;
}

int options_check_id(struct ctl *c, const char *text, struct err *e)
{
	int64_t id;
	bool key =
	    (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');

	if (!key && str_to_i64(text, &id) != 0)
		return options_refuse(c, e,
		    "\"%s\" is not a report's ID or key; see `reportctl "
		    "status` or "
		    "`reportctl runs`",
		    text);
	return 0;
}

int options_one_id(
    struct ctl *c, int argc, char **argv, const char **id, struct err *e)
{
	*id = optind < argc ? argv[optind] : NULL;
	if (argc - optind > 1)
		return options_refuse(
		    c, e, "takes one ID, not %d arguments", argc - optind);
	return *id ? options_check_id(c, *id, e) : 0;
}

static json_t *value_of(const char *text, bool json)
{
	json_t *v = json ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	if (v != NULL && !json_is_null(v))
		return v;
	json_decref(v);
	return json_string(text);
}

int options_pair(
    struct ctl *c, json_t *object, const char *pair, bool json, struct err *e)
{
	const char *equals = strchr(pair, '=');
	char *name;
	int rc;

	if (equals == NULL || equals == pair)
		return options_refuse(
		    c, e, "\"%s\" is not of the form NAME=VALUE", pair);
	name = mem_strndup(pair, (size_t)(equals - pair));
	/* jansson refuses text that is not UTF-8. */
	rc = json_object_set_new(object, name, value_of(equals + 1, json));
	free(name);
	if (rc != 0)
		return options_refuse(c, e, "\"%s\" is not valid UTF-8", pair);
	return 0;
}

static int read_all(FILE *f, struct buf *b)
{
	char chunk[16384];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(b, chunk, n);
	return ferror(f) ? -1 : 0;
}

char *options_read_file(const char *path, struct err *e)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *f = standard ? stdin : fopen(path, "re");
	char *text = NULL;
	struct buf b;

	buf_init(&b, FILE_MAX);
	buf_str(&b, "");
	if (f == NULL || read_all(f, &b) != 0)
		err_errno(
		    e, errno, "reading %s", standard ? "standard input" : path);
	else if (b.overflow)
		err_set(e, ERR_PERMANENT, "%s is larger than %zu MiB", path,
		    FILE_MAX >> 20);
	else if (b.len >= 2 && (strncmp(b.data, "\xFF\xFE", 2) == 0 ||
				   strncmp(b.data, "\xFE\xFF", 2) == 0))
		err_set(e, ERR_PERMANENT,
		    "%s is UTF-16; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)",
		    path);
	else if (strlen(b.data) != b.len)
		err_set(e, ERR_PERMANENT,
		    "%s holds a NUL byte, so it is no SQL text", path);
	else
		text = mem_strdup(
		    b.data +
		    (strncmp(b.data, BOM, strlen(BOM)) == 0 ? strlen(BOM) : 0));
	buf_free(&b);
	if (f != NULL && !standard)
		fclose(f);
	return text;
}
