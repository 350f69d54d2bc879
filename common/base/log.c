/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log_journal.h"
#include "base/mem.h"
#include "base/str.h"

static const struct {
	const char *name;
	int priority;
} levels[] = {
    [LVL_DEBUG] = {"debug", LOG_DEBUG},
    [LVL_INFO] = {"info", LOG_INFO},
    [LVL_WARN] = {"warn", LOG_WARNING},
    [LVL_ERROR] = {"error", LOG_ERR},
};

int log_level_parse(const char *name, enum log_level *level)
{
	if (strcasecmp(name, "warning") == 0)
		name = "warn";
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
		if (strcasecmp(name, levels[i].name) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -1;
}

/* Bytes: a longer field is cut, so that lines stay readable. */
#define FIELD_MAX 8192

/* Writes \uXXXX as JSON does: two surrogates for a character above U+FFFF. */
static void add_escape(struct buf *b, uint32_t c)
{
	if (c < 0x10000)
		buf_printf(b, "\\u%04x", c);
	else
		buf_printf(b, "\\u%04x\\u%04x", 0xD800 + ((c - 0x10000) >> 10),
		    0xDC00 + ((c - 0x10000) & 0x3FF));
}

/* Quotes as JSON does; readers of key=value lines understand this, too. */
static void add_quoted(struct buf *b, const char *text)
{
	char *clean = mem_strndup(text, FIELD_MAX + 1);
	size_t len;

	str_cut_utf8(clean, FIELD_MAX);
	str_clean_utf8(clean);
	buf_char(b, '"');
	for (const char *s = clean; *s != '\0'; s += len) {
		unsigned char c = (unsigned char)*s;
		uint32_t hidden;

		len = 1;
		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n')
			buf_str(b, "\\n");
		else if (c < 0x20 || c == 0x7F)
			buf_printf(b, "\\u%04x", c);
		else if ((hidden = str_hidden(s, &len)) != 0)
			add_escape(b, hidden);
		else
			buf_add(b, s, len);
	}
	buf_char(b, '"');
	free(clean);
}

static bool plain(const char *s)
{
	size_t n = strnlen(s, FIELD_MAX + 1), len;

	if (n == 0 || n > FIELD_MAX || !str_is_utf8(s, n))
		return false;
	for (; *s != '\0'; s += len) {
		if ((unsigned char)*s <= ' ' || *s == '"' || *s == '\\' ||
		    *s == '=' || *s == 0x7F || str_hidden(s, &len) != 0)
			return false;
	}
	return true;
}

static void add_time(struct buf *b)
{
	int64_t us = clock_wall_us();
	time_t sec = us / 1000000;
	struct tm tm;
	char text[32];

	gmtime_r(&sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(b, "%s.%06dZ", text, (int)(us % 1000000));
}

static void add_text(struct buf *b, const struct log_field *f)
{
	for (const char *gap = ""; f->key != NULL; f++, gap = " ") {
		buf_str(b, gap);
		if (strcmp(f->key, "msg") != 0)
			buf_printf(b, "%s=", f->key);
		if (f->str == NULL)
			buf_printf(b, "%lld", (long long)f->num);
		else if (strcmp(f->key, "msg") != 0 && plain(f->str))
			buf_str(b, f->str);
		else
			add_quoted(b, f->str);
	}
}

static void add_json(
    struct buf *b, enum log_level level, const struct log_field *f)
{
	buf_str(b, "{\"time\":\"");
	add_time(b);
	buf_printf(b, "\",\"level\":\"%s\"", levels[level].name);
	for (; f->key != NULL; f++) {
		buf_printf(b, ",\"%s\":", f->key);
		if (f->str == NULL)
			buf_printf(b, "%lld", (long long)f->num);
		else
			add_quoted(b, f->str);
	}
	buf_char(b, '}');
}

/* Says whether stderr is the journal's socket: JOURNAL_STREAM holds its
 * device:inode, see systemd.exec(5). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char mine[64];

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(mine, sizeof(mine), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	return strcmp(stream, mine) == 0;
}

/* Returns whether the journal has taken it, with its fields. */
static bool write_journal(enum log_level level, const struct log_field *fields)
{
	struct buf b;
	int rc;

	if (!stderr_is_journal())
		return false;
	buf_init(&b, 1 << 20);
	add_text(&b, fields);
	rc = journal_send(levels[level].priority, b.data, fields);
	buf_free(&b);
	return rc == 0;
}

void log_write(
    const struct log *log, enum log_level level, const struct log_field *fields)
{
	struct buf b;
	ssize_t unused;

	if (level < log->level)
		return;
	if (log->format == LOG_FORMAT_TEXT &&
	    log->target != LOG_TARGET_SYSLOG && write_journal(level, fields))
		return;
	buf_init(&b, 1 << 20);
	if (log->format == LOG_FORMAT_JSON) {
		add_json(&b, level, fields);
	} else if (log->target == LOG_TARGET_SYSLOG) {
		add_text(&b, fields);
	} else if (stderr_is_journal()) {
		buf_printf(&b, "<%d>", levels[level].priority);
		add_text(&b, fields);
	} else {
		add_time(&b);
		buf_printf(&b, " %s ", levels[level].name);
		add_text(&b, fields);
	}
	if (log->target == LOG_TARGET_SYSLOG) {
		syslog(LOG_DAEMON | levels[level].priority, "%s", b.data);
	} else {
		/* A line is written at once, so that lines of different
		 * processes do not mix. */
		buf_char(&b, '\n');
		unused = write(STDERR_FILENO, b.data, b.len);
		(void)unused;
	}
	buf_free(&b);
}
