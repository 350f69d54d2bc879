/* SPDX-License-Identifier: MIT */
#include "settings/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/source.h"

extern char **environ;

enum type { T_INT, T_TIME, T_SIZE, T_MODE, T_BOOL, T_TEXT, T_WORD, T_LEVEL };

struct key {
	const char *section; /* "source" stands for every [source.NAME] */
	const char *name;
	enum type type;
	size_t offset;
	const char *def;   /* NULL: none */
	int64_t min, max;  /* T_INT, T_TIME, T_SIZE */
	const char *words; /* T_WORD: "a|b|c", the place counts; T_LEVEL */
	const char *about;
};

#define IN(member) offsetof(struct settings, member)
#define OF(member) offsetof(struct source_settings, member)
#define MINUTE 60000
#define HOUR (60 * (int64_t)MINUTE)
#define DAY (24 * HOUR)

/* `workers` is filled in when it is 0, see defaults(). */
static const struct key keys[] = {
    {"reportd", "workers", T_INT, IN(workers), "0", 0, 256, NULL,
	"reports that run at once; 0: one a processor, at least 2"},
    {"reportd", "adhoc_workers", T_INT, IN(adhoc_workers), "0", 0, 255, NULL,
	"how many of them are kept for ADHOC reports"},
    {"reportd", "worker_memory", T_SIZE, IN(worker_memory), "1GB", 64 << 20,
	(int64_t)1 << 40, NULL, "memory limit of one worker"},
    {"reportd", "poll_interval", T_TIME, IN(poll_interval), "30s", 100, HOUR,
	NULL, "how often the queue is looked at when nothing is notified"},
    {"reportd", "lease", T_TIME, IN(lease), "60s", 1000, DAY, NULL,
	"a daemon silent for so long has lost its jobs to the others"},
    {"reportd", "shutdown_grace", T_TIME, IN(shutdown_grace), "30s", 0, DAY,
	NULL, "how long running reports may take to end after SIGTERM"},
    {"reportd", "cancel_grace", T_TIME, IN(cancel_grace), "10s", 100, HOUR,
	NULL, "a worker that does not stop for so long is killed"},
    {"reportd", "job_timeout", T_TIME, IN(job_timeout), "6h", 0, 30 * DAY, NULL,
	"limit of a report without a timeout of its own; 0: none"},
    {"reportd", "retry_backoff", T_TIME, IN(retry_backoff), "10s", 0, DAY, NULL,
	"wait before the first retry; doubles with each, with jitter"},
    {"reportd", "retry_backoff_max", T_TIME, IN(retry_backoff_max), "10min", 0,
	DAY, NULL, "the longest wait before a retry"},
    {"reportd", "ageing", T_TIME, IN(ageing), "10min", 1000, 365 * DAY, NULL,
	"waiting for so long is worth one level of priority"},
    {"reportd", "misfire_grace", T_TIME, IN(misfire_grace), "60s", 1000, DAY,
	NULL, "a schedule fired later than this has missed its time"},
    {"reportd", "retention", T_TIME, IN(retention), "90d", 0, 36500 * DAY, NULL,
	"age at which runs and finished ADHOC reports are forgotten; 0: never"},
    {"reportd", "log_level", T_LEVEL, IN(log_level), "info", 0, 0,
	"debug|info|warn|error", "lines below this level are not written"},
    {"reportd", "log_target", T_WORD, IN(log_target), "auto", 0, 0,
	"auto|stderr|syslog", "where the log goes; auto: standard error"},
    {"reportd", "log_format", T_WORD, IN(log_format), "text", 0, 0, "text|json",
	"key=value text or one JSON object a line"},
    {"reportd", "output_root", T_TEXT, IN(output_root), NULL, 0, 0, NULL,
	"the directory that holds all local output; absolute"},
    {"reportd", "output", T_TEXT, IN(output),
	"{report_name}/{report_name}_%Y%m%dT%H%M%S_{config_id}.{ext}", 0, 0,
	NULL, "output_path of reports that give none"},
    {"reportd", "file_mode", T_MODE, IN(file_mode), "0640", 0, 0777, NULL,
	"permissions of output files, octal"},
    {"reportd", "fsync", T_BOOL, IN(fsync), "on", 0, 0, NULL,
	"off: output files may be lost when the machine crashes"},
    {"queue", "conninfo", T_TEXT, IN(queue_conninfo), NULL, 0, 0, NULL,
	"libpq connection string of the database with the reportd schema"},
    {"queue", "listen", T_BOOL, IN(listen), "on", 0, 0, NULL,
	"off: poll only, for a transaction pooler in between"},
    {"queue", "timeout", T_TIME, IN(queue_timeout), "0", 0, HOUR, NULL,
	"an unanswered queue statement means a dead connection; 0: a quarter "
	"of the lease"},
    {"source", "type", T_TEXT, OF(type), "postgres", 0, 0, NULL,
	"postgres or redshift"},
    {"source", "conninfo", T_TEXT, OF(conninfo), NULL, 0, 0, NULL,
	"libpq connection string; source.default falls back to the queue's"},
    {"source", "max_running", T_INT, OF(max_running), "0", 0, 100000, NULL,
	"reports of this source at once, over all daemons; 0: no limit"},
    {"source", "statement_timeout", T_TIME, OF(statement_timeout), "0", 0,
	30 * DAY, NULL, "limit of one SQL statement; 0: the report's timeout"},
};
#define KEYS (sizeof(keys) / sizeof(*keys))

static int word_index(const char *words, const char *value)
{
	size_t len = strlen(value);

	for (int i = 0;; i++) {
		size_t n = strcspn(words, "|");

		if (n == len && strncasecmp(words, value, n) == 0)
			return i;
		if (words[n] == '\0')
			return -1;
		words += n + 1;
	}
}

static int parse_mode(const char *s, int64_t *out)
{
	char *end;
	long v = strtol(s, &end, 8);

	if (end == s || *end != '\0')
		return -1;
	*out = v;
	return 0;
}

/* A limit as people write it: the largest unit that leaves no rest. */
static const char *as_limit(enum type type, int64_t v, char *to, size_t size)
{
	static const struct {
		enum type type;
		int64_t factor;
		const char *unit;
	} units[] = {{T_TIME, DAY, "d"}, {T_TIME, HOUR, "h"},
	    {T_TIME, MINUTE, "min"}, {T_TIME, 1000, "s"}, {T_TIME, 1, "ms"},
	    {T_SIZE, 1 << 30, "GB"}, {T_SIZE, 1 << 20, "MB"}};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (units[i].type == type && v != 0 &&
		    v % units[i].factor == 0) {
			snprintf(to, size, "%lld%s",
			    (long long)(v / units[i].factor), units[i].unit);
			return to;
		}
	}
	snprintf(to, size, type == T_MODE ? "%04llo" : "%lld", (long long)v);
	return to;
}

static int refuse_number(const struct key *k, const char *value, struct err *e)
{
	static const char *const forms[] = {
	    [T_INT] = "a whole number",
	    [T_TIME] = "a time such as 500ms, 30s, 10min, 2h or 7d",
	    [T_SIZE] = "a size such as 64MB or 1GB",
	    [T_MODE] = "an octal number",
	};
	char min[32], max[32];

	return err_set(e, ERR_PERMANENT, "%s = %s: must be %s from %s to %s",
	    k->name, value, forms[k->type],
	    as_limit(k->type, k->min, min, sizeof(min)),
	    as_limit(k->type, k->max, max, sizeof(max)));
}

static int set_number(
    const struct key *k, int64_t *to, const char *value, struct err *e)
{
	int64_t v;
	int rc = k->type == T_INT    ? str_to_i64(value, &v)
		 : k->type == T_TIME ? str_to_ms(value, &v)
		 : k->type == T_SIZE ? str_to_bytes(value, &v)
				     : parse_mode(value, &v);

	if (rc != 0 || v < k->min || v > k->max)
		return refuse_number(k, value, e);
	*to = v;
	return 0;
}

static int set_word(
    const struct key *k, int64_t *to, const char *value, struct err *e)
{
	enum log_level level;
	int word = word_index(k->words, value);

	/* The log knows more spellings than are listed. */
	if (k->type == T_LEVEL && log_level_parse(value, &level) == 0)
		word = (int)level;
	if (word < 0)
		return err_set(e, ERR_PERMANENT, "%s = %s: must be one of %s",
		    k->name, value, k->words);
	*to = word;
	return 0;
}

static int set(
    const struct key *k, void *base, const char *value, struct err *e)
{
	char *at = (char *)base + k->offset;

	switch (k->type) {
	case T_TEXT: /* an empty one is the default */
		free(*(char **)(void *)at);
		*(char **)(void *)at = mem_strdup(*value ? value : k->def);
		return 0;
	case T_BOOL:
		if (str_to_bool(value, (bool *)at) != 0)
			return err_set(e, ERR_PERMANENT,
			    "%s = %s: must be on or off", k->name, value);
		return 0;
	case T_WORD:
	case T_LEVEL:
		return set_word(k, (int64_t *)(void *)at, value, e);
	default:
		return set_number(k, (int64_t *)(void *)at, value, e);
	}
}

static void set_defaults(const char *section, void *base)
{
	struct err unused;

	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].section, section) == 0 && keys[i].def)
			set(&keys[i], base, keys[i].def, &unused);
	}
}

static struct source_settings *source_entry(
    struct settings *s, const char *name)
{
	struct source_settings *entry =
	    (struct source_settings *)(uintptr_t)settings_source(s, name);

	if (entry != NULL)
		return entry;
	s->sources = mem_realloc(
	    s->sources, (size_t)s->source_count + 1, sizeof(*s->sources));
	entry = &s->sources[s->source_count++];
	*entry = (struct source_settings){.name = mem_strdup(name)};
	set_defaults("source", entry);
	return entry;
}

static void list_keys(const char *section, struct buf *b)
{
	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].section, section) == 0)
			buf_printf(b, "%s%s", b->len ? ", " : "", keys[i].name);
	}
}

static int set_key(struct settings *s, const char *section, const char *name,
    const char *key, const char *value, struct err *e)
{
	struct buf known;

	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].section, section) == 0 &&
		    strcmp(keys[i].name, key) == 0)
			return set(&keys[i],
			    name ? (void *)source_entry(s, name) : s, value, e);
	}
	buf_init(&known, 4096);
	list_keys(section, &known);
	err_set(e, ERR_PERMANENT, "unknown key \"%s\" in [%s%s%s]; known: %s",
	    key, section, name ? "." : "", name ? name : "", known.data);
	buf_free(&known);
	return -1;
}

static bool name_ok(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (!islower((unsigned char)*s) &&
		    !isdigit((unsigned char)*s) && *s != '_')
			return false;
	}
	return true;
}

static int set_source_key(struct settings *s, const char *name, const char *key,
    const char *value, struct err *e)
{
	if (!name_ok(name))
		return err_set(e, ERR_PERMANENT,
		    "[source.%s]: a source's name is made of a-z, 0-9 and _",
		    name);
	return set_key(s, "source", name, key, value, e);
}

static int take(void *arg, const struct conf_item *item, struct err *e)
{
	struct settings *s = arg;

	if (strncmp(item->section, "source.", 7) == 0)
		return set_source_key(
		    s, item->section + 7, item->key, item->value, e);
	if (strcmp(item->section, "reportd") == 0 ||
	    strcmp(item->section, "queue") == 0)
		return set_key(
		    s, item->section, NULL, item->key, item->value, e);
	if (*item->section == '\0')
		return err_set(e, ERR_PERMANENT,
		    "\"%s\" stands before the first [section]", item->key);
	return err_set(e, ERR_PERMANENT,
	    "unknown section [%s]; known: [reportd], [queue], [source.NAME]",
	    item->section);
}

/* REPORTD_SOURCE_<NAME>_<KEY>: both may hold `_`, so the key is looked for at
 * the end. No key is the end of another. */
static int take_source_variable(
    struct settings *s, const char *rest, const char *value, struct err *e)
{
	for (size_t i = 0; i < KEYS; i++) {
		size_t key_len = strlen(keys[i].name), len = strlen(rest);
		char *name;
		int rc;

		if (strcmp(keys[i].section, "source") != 0 ||
		    len < key_len + 2 || rest[len - key_len - 1] != '_' ||
		    strcmp(rest + len - key_len, keys[i].name) != 0)
			continue;
		name = mem_strndup(rest, len - key_len - 1);
		rc = set_source_key(s, name, keys[i].name, value, e);
		free(name);
		return rc;
	}
	return err_set(e, ERR_PERMANENT,
	    "must end in _TYPE, _CONNINFO, _MAX_RUNNING or _STATEMENT_TIMEOUT");
}

/* Variables of other make (REPORTD_PORT, which container platforms set for a
 * service of that name) are not ours and pass. */
static int take_variable(
    struct settings *s, const char *variable, struct err *e)
{
	const char *equals = strchr(variable, '=');
	char *name = mem_strndup(variable, (size_t)(equals - variable));
	char *lower = mem_strdup(name + strlen("REPORTD_"));
	int rc = 0;

	for (char *c = lower; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	if (strncmp(lower, "reportd_", 8) == 0)
		rc = set_key(s, "reportd", NULL, lower + 8, equals + 1, e);
	else if (strncmp(lower, "queue_", 6) == 0)
		rc = set_key(s, "queue", NULL, lower + 6, equals + 1, e);
	else if (strncmp(lower, "source_", 7) == 0)
		rc = take_source_variable(s, lower + 7, equals + 1, e);
	if (rc != 0)
		err_wrap(e, "environment: %s", name);
	free(lower);
	free(name);
	return rc;
}

static int take_environment(struct settings *s, struct err *e)
{
	const char *level = getenv("LOG_LEVEL");

	if (level != NULL && *level != '\0' &&
	    set_key(s, "reportd", NULL, "log_level", level, e) != 0)
		return err_wrap(e, "environment: LOG_LEVEL");
	for (char **v = environ; *v != NULL; v++) {
		if (strncmp(*v, "REPORTD_", 8) == 0 &&
		    strchr(*v, '=') != NULL && take_variable(s, *v, e) != 0)
			return -1;
	}
	return 0;
}

/* What no single key can tell; said with the file's name alone. */
static int check_whole(struct settings *s, struct err *e)
{
	const char *known;

	if (s->workers == 0) {
		s->workers = sysconf(_SC_NPROCESSORS_ONLN);
		s->workers = s->workers < 2 ? 2 : s->workers;
	}
	if (s->queue_conninfo == NULL)
		return err_set(e, ERR_PERMANENT,
		    "[queue] conninfo is missing; write for example "
		    "conninfo = host=/run/postgresql dbname=reports");
	if (s->output_root != NULL && *s->output_root != '/')
		return err_set(e, ERR_PERMANENT,
		    "[reportd] output_root = %s: must be an absolute path",
		    s->output_root);
	if (s->adhoc_workers >= s->workers)
		return err_set(e, ERR_PERMANENT,
		    "[reportd] adhoc_workers = %lld: must leave at least one "
		    "of the %lld workers for SCHEDULED reports",
		    (long long)s->adhoc_workers, (long long)s->workers);
	if (s->queue_timeout == 0)
		s->queue_timeout = s->lease / 4;
	if (s->queue_timeout > s->lease / 2)
		return err_set(e, ERR_PERMANENT,
		    "[queue] timeout: must be at most half of [reportd] lease, "
		    "or a slow answer would cost the daemon its jobs");
	source_entry(s, "default");
	for (int i = 0; i < s->source_count; i++) {
		const struct source_settings *one = &s->sources[i];

		if (!source_type_known(one->type, &known))
			return err_set(e, ERR_PERMANENT,
			    "[source.%s] type = %s: must be one of %s",
			    one->name, one->type, known);
		if (one->conninfo == NULL && strcmp(one->name, "default") != 0)
			return err_set(e, ERR_PERMANENT,
			    "[source.%s] conninfo is missing", one->name);
		if (one->conninfo != NULL &&
		    source_check_conninfo(one->conninfo, e) != 0)
			return err_wrap(e, "[source.%s] conninfo", one->name);
	}
	if (source_check_conninfo(s->queue_conninfo, e) != 0)
		return err_wrap(e, "[queue] conninfo");
	return 0;
}

struct settings *settings_read(FILE *f, const char *name, struct err *e)
{
	struct settings *s = mem_zalloc(sizeof(*s));

	set_defaults("reportd", s);
	set_defaults("queue", s);
	if (f != NULL && conf_read(f, name, take, s, e) != 0)
		goto failed;
	if (take_environment(s, e) != 0)
		goto failed;
	if (check_whole(s, e) != 0) {
		err_wrap(e, "%s", f ? name : "environment");
		goto failed;
	}
	return s;
failed:
	settings_free(s);
	return NULL;
}

int settings_require_output(const struct settings *s, struct err *e)
{
	if (s->output_root != NULL)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "[reportd] output_root is missing; write for example output_root "
	    "= /var/lib/reportd/output");
}

struct settings *settings_load(const char *path, struct err *e)
{
	FILE *f = path ? fopen(path, "re") : NULL;
	struct settings *s;

	if (path != NULL && f == NULL) {
		err_errno(e, errno, "settings file %s", path);
		e->kind = ERR_PERMANENT;
		return NULL;
	}
	s = settings_read(f, path, e);
	if (f != NULL)
		fclose(f);
	return s;
}

void settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < s->source_count; i++) {
		free(s->sources[i].name);
		free(s->sources[i].type);
		free(s->sources[i].conninfo);
	}
	free(s->sources);
	free(s->output_root);
	free(s->output);
	free(s->queue_conninfo);
	free(s);
}

const struct source_settings *settings_source(
    const struct settings *s, const char *name)
{
	for (int i = 0; i < s->source_count; i++) {
		if (strcmp(s->sources[i].name, name) == 0)
			return &s->sources[i];
	}
	return NULL;
}

const char *settings_conninfo(
    const struct settings *s, const struct source_settings *source)
{
	return source->conninfo ? source->conninfo : s->queue_conninfo;
}

struct log settings_log(const struct settings *s)
{
	return (struct log){
	    .level = (enum log_level)s->log_level,
	    .target = (enum log_target)s->log_target,
	    .format = (enum log_format)s->log_format,
	};
}

void settings_describe(FILE *out)
{
	for (size_t i = 0; i < KEYS; i++)
		fprintf(out, "%s\t%s\t%s\t%s\n", keys[i].section, keys[i].name,
		    keys[i].def ? keys[i].def : "", keys[i].about);
}
