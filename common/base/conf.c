/* SPDX-License-Identifier: MIT */
#include "base/conf.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define LINE_MAX_BYTES 65536
/* inih silently cuts longer names (its MAX_SECTION and MAX_NAME are 50). */
#define NAME_MAX_BYTES 48

/* A key that has been read, to detect a repetition. */
struct seen {
	char *section, *key;
	int line;
};

struct reader {
	FILE *file;
	const char *name;
	int line;
	conf_handler *handler;
	void *arg;
	struct err *err;
	bool failed;
	struct seen *seen;
	size_t seen_count;
};

/* Expands `${NAME}` from the environment; `$$` stands for `$`. A variable that
 * is not set is an error. The caller frees the result; NULL on error. */
static char *expand(const char *value, struct err *e)
{
	struct buf b;

	buf_init(&b, LINE_MAX_BYTES * 4);
	while (*value != '\0') {
		const char *found, *end = NULL;
		char *name;

		if (strncmp(value, "$$", 2) == 0) {
			buf_char(&b, '$');
			value += 2;
			continue;
		}
		if (strncmp(value, "${", 2) == 0)
			end = strchr(value, '}');
		if (end == NULL) {
			buf_char(&b, *value++);
			continue;
		}
		name = mem_strndup(value + 2, (size_t)(end - value - 2));
		found = getenv(name);
		if (found == NULL) {
			err_set(e, ERR_PERMANENT,
			    "the environment has no variable \"%s\"; set it, "
			    "or write $$ for a plain $",
			    name);
			free(name);
			buf_free(&b);
			return NULL;
		}
		free(name);
		buf_str(&b, found);
		value = end + 1;
	}
	buf_str(&b, "");
	if (b.overflow) {
		err_set(e, ERR_PERMANENT, "the value is longer than %zu bytes",
		    b.max);
		buf_free(&b);
	}
	return b.data;
}

static char *read_line(char *to, int size, void *arg)
{
	struct reader *r = arg;
	size_t len;

	if (r->failed || fgets(to, size, r->file) == NULL)
		return NULL;
	r->line++;
	len = strlen(to);
	if (len + 1 >= (size_t)size && to[len - 1] != '\n') {
		r->failed = true;
		err_set(r->err, ERR_PERMANENT,
		    "the line is longer than %d "
		    "bytes; is this a settings file?",
		    size - 1);
		return NULL;
	}
	return to;
}

/* Refuses a repeated key, because nobody can tell which of the two was
 * meant. */
static int note_key(struct reader *r, const char *section, const char *key)
{
	for (size_t i = 0; i < r->seen_count; i++) {
		const struct seen *s = &r->seen[i];

		if (strcmp(s->section, section) == 0 &&
		    strcmp(s->key, key) == 0)
			return err_set(r->err, ERR_PERMANENT,
			    "%s of [%s] is set a second time, after line %d; "
			    "leave one of them out",
			    key, section, s->line);
	}
	r->seen = mem_realloc(r->seen, r->seen_count + 1, sizeof(*r->seen));
	r->seen[r->seen_count++] = (struct seen){.section = mem_strdup(section),
	    .key = mem_strdup(key),
	    .line = r->line};
	return 0;
}

static void free_seen(struct reader *r)
{
	for (size_t i = 0; i < r->seen_count; i++) {
		free(r->seen[i].section);
		free(r->seen[i].key);
	}
	free(r->seen);
}

static int take_item(
    void *arg, const char *section, const char *key, const char *value)
{
	struct reader *r = arg;
	struct conf_item item = {.section = section,
	    .key = key,
	    .raw = value,
	    .file = r->name,
	    .line = r->line};
	char *expanded;

	if (r->failed)
		return 0;
	if (strlen(section) > NAME_MAX_BYTES || strlen(key) > NAME_MAX_BYTES) {
		r->failed = true;
		err_set(r->err, ERR_PERMANENT,
		    "the name \"%s\" is longer than %d bytes",
		    strlen(key) > NAME_MAX_BYTES ? key : section,
		    NAME_MAX_BYTES);
		return 0;
	}
	r->failed = note_key(r, section, key) != 0;
	if (r->failed)
		return 0;
	expanded = expand(value, r->err);
	item.value = expanded;
	r->failed = expanded == NULL || r->handler(r->arg, &item, r->err) != 0;
	free(expanded);
	return !r->failed;
}

int conf_read(
    FILE *f, const char *name, conf_handler *handler, void *arg, struct err *e)
{
	struct reader r = {
	    .file = f, .name = name, .handler = handler, .arg = arg, .err = e};
	int bad;

	ini_max_line = LINE_MAX_BYTES;
	ini_use_stack = false;
	ini_initial_alloc = LINE_MAX_BYTES;
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_stop_on_first_error = true;
	bad = ini_parse_stream(read_line, &r, take_item, &r);
	free_seen(&r);
	if (ferror(f))
		return err_errno(e, errno, "reading %s", name);
	if (bad == 0 && !r.failed)
		return 0;
	if (!r.failed)
		err_set(e, ERR_PERMANENT,
		    "expected `[section]`, `key = value` "
		    "or a comment that starts with #");
	return err_wrap(e, "%s:%d", name, r.line);
}
