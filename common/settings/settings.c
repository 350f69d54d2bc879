/* SPDX-License-Identifier: MIT */
#include "settings/settings.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "settings/keys.h"
#include "source/source.h"

extern char **environ;

static bool is_text(const struct key *k)
{
	return k->type == T_TEXT || k->type == T_SECRET;
}

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
	    {T_SIZE, (int64_t)1 << 40, "TB"}, {T_SIZE, 1 << 30, "GB"},
	    {T_SIZE, 1 << 20, "MB"}};

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
	case T_SECRET:
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

/* Of one source, or of all but the sources. */
static void set_defaults(void *base, bool source)
{
	struct err unused;

	for (size_t i = 0; i < key_count; i++) {
		if (keys[i].def != NULL &&
		    (strcmp(keys[i].section, "source") == 0) == source)
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
	set_defaults(entry, true);
	return entry;
}

static void list_keys(const char *section, struct buf *b)
{
	for (size_t i = 0; i < key_count; i++) {
		if (strcmp(keys[i].section, section) == 0)
			buf_printf(b, "%s%s", b->len ? ", " : "", keys[i].name);
	}
}

static const struct key *key_named(const char *section, const char *name)
{
	for (size_t i = 0; i < key_count; i++) {
		if (strcmp(keys[i].section, section) == 0 &&
		    strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

static int set_key(struct settings *s, const char *section, const char *name,
    const char *key, const char *value, struct err *e)
{
	const struct key *k = key_named(section, key);
	struct buf known;

	if (k != NULL)
		return set(
		    k, name ? (void *)source_entry(s, name) : s, value, e);
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

static bool section_known(const char *section)
{
	for (size_t i = 0; i < key_count; i++) {
		if (strcmp(keys[i].section, section) == 0)
			return strcmp(section, "source") != 0;
	}
	return false;
}

static void remember(char **list, const char *name, size_t len)
{
	char *old = *list;

	*list = mem_printf(
	    "%s%s%.*s", old ? old : "", old ? " " : "", (int)len, name);
	free(old);
}

/* Libraries look for these themselves. */
static bool is_library_variable(const char *name)
{
	return strncmp(name, "PG", 2) == 0 || strncmp(name, "AWS_", 4) == 0 ||
	       strncmp(name, "HOME}", 5) == 0;
}

/* A connection string holds a password when it says so. */
static bool holds_secret(const struct key *k, const struct conf_item *item)
{
	bool connection = strcmp(k->name, "conninfo") == 0;
	char *password =
	    connection ? source_conninfo_password(item->value) : NULL;
	bool yes = connection ? password != NULL
		   : strcmp(k->name, "proxy") == 0
		       ? strchr(item->value, '@') != NULL
		       : *item->value != '\0';

	if (password != NULL)
		explicit_bzero(password, strlen(password));
	free(password);
	return yes;
}

/* Where secrets come from: the environment, or the file itself. */
static void note_secret(struct settings *s, const struct conf_item *item)
{
	const char *section = strncmp(item->section, "source.", 7) == 0
				  ? "source"
				  : item->section;
	const struct key *k = key_named(section, item->key);
	bool expanded = false;

	if (k == NULL || k->type != T_SECRET || !holds_secret(k, item))
		return;
	for (const char *at = item->raw; (at = strstr(at, "${")) != NULL;) {
		at += 2;
		expanded = true;
		if (!is_library_variable(at))
			remember(&s->secret_variables, at, strcspn(at, "}"));
	}
	if (!expanded && s->secret_in_file == NULL)
		s->secret_in_file =
		    mem_printf("[%s] %s", item->section, item->key);
}

static int take(void *arg, const struct conf_item *item, struct err *e)
{
	struct settings *s = arg;

	note_secret(s, item);
	if (strncmp(item->section, "source.", 7) == 0)
		return set_source_key(
		    s, item->section + 7, item->key, item->value, e);
	if (section_known(item->section))
		return set_key(
		    s, item->section, NULL, item->key, item->value, e);
	if (*item->section == '\0')
		return err_set(e, ERR_PERMANENT,
		    "\"%s\" stands before the first [section]", item->key);
	return err_set(e, ERR_PERMANENT,
	    "unknown section [%s]; known: [reportd], [queue], [source.NAME], "
	    "[http], [aws], [s3], [smtp], [sns], [slack], [webhook], [notify]",
	    item->section);
}

/* REPORTD_SOURCE_<NAME>_<KEY>: both may hold `_`, so the longest key that it
 * ends in is taken. */
static int take_source_variable(
    struct settings *s, const char *rest, const char *value, struct err *e)
{
	size_t len = strlen(rest), longest = 0;
	const char *key = NULL;
	struct buf known;
	char *name;
	int rc;

	for (size_t i = 0; i < key_count; i++) {
		size_t n = strlen(keys[i].name);

		if (strcmp(keys[i].section, "source") == 0 && n > longest &&
		    len >= n + 2 && rest[len - n - 1] == '_' &&
		    strcmp(rest + len - n, keys[i].name) == 0) {
			key = keys[i].name;
			longest = n;
		}
	}
	if (key == NULL) {
		buf_init(&known, 4096);
		list_keys("source", &known);
		err_set(e, ERR_PERMANENT,
		    "must be REPORTD_SOURCE_NAME_KEY with a key of %s",
		    known.data);
		buf_free(&known);
		return -1;
	}
	name = mem_strndup(rest, len - longest - 1);
	rc = set_source_key(s, name, key, value, e);
	free(name);
	return rc;
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
	char *key = strchr(lower, '_');
	/* [section] is forgotten easily where it is the program's own name. */
	if (key_named("reportd", lower) != NULL)
		rc = err_set(e, ERR_PERMANENT,
		    "is no setting; %s of [reportd] is REPORTD_%s here", lower,
		    name);
	if (key != NULL)
		*key++ = '\0';
	if (rc == 0 && key != NULL && section_known(lower))
		rc = set_key(s, lower, NULL, key, equals + 1, e);
	else if (rc == 0 && key != NULL && strcmp(lower, "source") == 0)
		rc = take_source_variable(s, key, equals + 1, e);
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

static int check_url(const char *key, const char *url, struct err *e)
{
	if (url == NULL || strncasecmp(url, "https://", 8) == 0 ||
	    strncasecmp(url, "http://", 7) == 0)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "%s = %s: must be a URL that begins with https:// or http://", key,
	    url);
}

/* The message repeats no secret. */
static int check_secrets(const char *list, struct err *e)
{
	int number = 1;

	for (; list != NULL && *list != '\0'; number++) {
		size_t n = strcspn(list, ", \t"), host = strcspn(list, "=, \t");

		if (n > 0 && (host == 0 || host + 1 >= n))
			return err_set(e, ERR_PERMANENT,
			    "[webhook] secrets: number %d must be HOST=SECRET, "
			    "such as hooks.example.com=${HOOK_SECRET}, without "
			    "blanks and commas in it",
			    number);
		list += n;
		list += strspn(list, ", \t");
	}
	return 0;
}

/* It is a part of a command: a name, or an address as [192.0.2.1]. */
static int check_helo(const char *helo, struct err *e)
{
	static const char hex[] = "0123456789abcdefABCDEF:.IPv";
	const char *c = helo;
	size_t n = 0;

	if (helo == NULL)
		return 0;
	while (isalnum((unsigned char)*c) || (*c != '\0' && strchr("-._", *c)))
		c++;
	if (helo[0] == '[')
		n = strspn(helo + 1, hex);
	if ((c > helo && *c == '\0') ||
	    (n > 0 && strcmp(helo + 1 + n, "]") == 0))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "[smtp] helo = %s: must be a host's name such as "
	    "reports.example.com, or an address such as [192.0.2.1]",
	    helo);
}

static int check_services(const struct settings *s, struct err *e)
{
	if (check_url("[s3] endpoint", s->s3_endpoint, e) != 0 ||
	    check_url("[aws] endpoint", s->aws_endpoint, e) != 0 ||
	    check_url("[sns] endpoint", s->sns_endpoint, e) != 0 ||
	    check_url("[http] proxy", s->http_proxy, e) != 0)
		return -1;
	if (check_secrets(s->webhook_secrets, e) != 0 ||
	    check_helo(s->smtp_helo, e) != 0)
		return -1;
	if (s->smtp_host != NULL && s->smtp_from == NULL)
		return err_set(e, ERR_PERMANENT,
		    "[smtp] from is missing; write for example from = Reports "
		    "<reports@example.com>");
	if (s->smtp_password != NULL && s->smtp_secret_arn != NULL)
		return err_set(e, ERR_PERMANENT,
		    "[smtp] has password and secret_arn; leave one of them "
		    "out");
	if (s->smtp_user != NULL && s->smtp_tls == SMTP_PLAIN)
		return err_set(e, ERR_PERMANENT,
		    "[smtp] tls = none would send the password in the clear; "
		    "write tls = starttls or implicit, or leave user out");
	return 0;
}

/* Where a source's login comes from, and what only Redshift has. */
static int check_login(const struct source_settings *one, struct err *e)
{
	bool redshift = strcmp(one->type, "redshift") == 0;
	const char *only = one->cluster     ? "cluster"
			   : one->workgroup ? "workgroup"
			   : one->unload_to ? "unload_to"
					    : NULL;

	if (only != NULL && !redshift)
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] %s: needs type = redshift", one->name, only);
	if ((one->secret_arn != NULL) + (one->cluster != NULL) +
		(one->workgroup != NULL) >
	    1)
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] has more than one of secret_arn, cluster and "
		    "workgroup; leave one of them",
		    one->name);
	if (one->database_user != NULL && one->cluster == NULL)
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] database_user: needs cluster", one->name);
	if (one->unload_to != NULL &&
	    (strncmp(one->unload_to, "s3://", 5) != 0 ||
		one->unload_role == NULL))
		return err_set(e, ERR_PERMANENT,
		    "[source.%s] unload_to: must be s3://bucket/prefix/, with "
		    "unload_role beside it",
		    one->name);
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
	if (s->output_root != NULL && *s->output_root != '/')
		return err_set(e, ERR_PERMANENT,
		    "[reportd] output_root = %s: must be an absolute path",
		    s->output_root);
	if (s->adhoc_workers >= s->workers)
		return err_set(e, ERR_PERMANENT,
		    "[reportd] adhoc_workers = %lld: must leave at least one "
		    "of the %lld workers for SCHEDULED reports",
		    (long long)s->adhoc_workers, (long long)s->workers);
	if (check_services(s, e) != 0)
		return -1;
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
		if (check_login(one, e) != 0)
			return -1;
	}
	if (s->queue_conninfo != NULL &&
	    source_check_conninfo(s->queue_conninfo, e) != 0)
		return err_wrap(e, "[queue] conninfo");
	return 0;
}

struct settings *settings_read(FILE *f, const char *name, struct err *e)
{
	struct settings *s = mem_zalloc(sizeof(*s));

	set_defaults(s, false);
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

int settings_require_queue(const struct settings *s, struct err *e)
{
	if (s->queue_conninfo != NULL)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "[queue] conninfo is missing; write for example conninfo = "
	    "host=/run/postgresql dbname=reports");
}

int settings_require_output(const struct settings *s, struct err *e)
{
	if (s->output_root != NULL || strncmp(s->output, "s3://", 5) == 0)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "[reportd] output_root is missing; write for example output_root "
	    "= /var/lib/reportd/output, or give output an s3:// URL");
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

/* A password may be among them. */
static void free_text(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* The texts of one section's struct: of a source, or of all the others. */
static void free_texts(void *base, bool source)
{
	for (size_t i = 0; i < key_count; i++) {
		if (is_text(&keys[i]) &&
		    (strcmp(keys[i].section, "source") == 0) == source)
			free_text(
			    *(char **)(void *)((char *)base + keys[i].offset));
	}
}

void settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < s->source_count; i++) {
		free(s->sources[i].name);
		free_texts(&s->sources[i], true);
	}
	free(s->sources);
	free(s->secret_variables);
	free(s->secret_in_file);
	free_texts(s, false);
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

int settings_check_source(const struct settings *s,
    const struct source_settings *source, struct err *e)
{
	if (source->trusted ||
	    (source->conninfo != NULL &&
		strcmp(source->conninfo, s->queue_conninfo) != 0))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "source \"%s\" is the queue's own login, which may change every "
	    "report; give [source.%s] a conninfo with a user of its own, or "
	    "write trusted = on there if all who write reports may do that",
	    source->name, source->name);
}

const char *settings_secret_arn(
    const struct settings *s, const struct source_settings *source)
{
	bool own = source->conninfo != NULL || source->secret_arn != NULL ||
		   source->cluster != NULL || source->workgroup != NULL;

	return own ? source->secret_arn : s->queue_secret_arn;
}

bool settings_allows(const char *list, const char *name)
{
	char *copy, *rest;
	bool allowed = false;

	copy = rest = mem_strdup(list ? list : "");
	for (char *one; !allowed && (one = strsep(&rest, ", \t")) != NULL;)
		allowed = *one != '\0' && fnmatch(one, name, FNM_CASEFOLD) == 0;
	free(copy);
	return allowed;
}

bool settings_allows_bucket(const struct settings *s, const char *bucket)
{
	const char *own =
	    strncmp(s->output, "s3://", 5) == 0 ? s->output + 5 : "";
	size_t n = strcspn(own, "/");

	return settings_allows(s->s3_buckets, bucket) ||
	       (n > 0 && strlen(bucket) == n && memcmp(own, bucket, n) == 0);
}

/* The value of `host` in "HOST=VALUE, ...", or the first one's whose HOST is a
 * pattern for it; the parts of `list` are cut. */
static const char *value_for(char *list, const char *host)
{
	const char *found = NULL;

	for (char *one; (one = strsep(&list, ", \t")) != NULL;) {
		char *equals = strchr(one, '=');

		if (equals == NULL)
			continue;
		*equals = '\0';
		if (strcasecmp(one, host) == 0)
			return equals + 1;
		if (found == NULL && fnmatch(one, host, FNM_CASEFOLD) == 0)
			found = equals + 1;
	}
	return found;
}

char *settings_webhook_secret(const struct settings *s, const char *host)
{
	char *copy = mem_strdup(s->webhook_secrets ? s->webhook_secrets : "");
	size_t len = strlen(copy);
	const char *found = value_for(copy, host);
	char *secret = found ? mem_strdup(found) : NULL;

	explicit_bzero(copy, len);
	free(copy);
	return secret;
}

static bool is_for(const struct key *k, enum settings_reader reader)
{
	static const char *const notices[] = {
	    "smtp", "sns", "slack", "webhook", "notify"};

	if (strcmp(k->section, "queue") == 0 ||
	    strcmp(k->section, "source") == 0)
		return false;
	for (size_t i = 0; i < sizeof(notices) / sizeof(*notices); i++) {
		if (strcmp(k->section, notices[i]) == 0)
			return reader == FOR_NOTICES;
	}
	return true;
}

static json_t *pack_value(const struct key *k, const char *at)
{
	switch (k->type) {
	case T_SECRET:
	case T_TEXT:
		return json_string(*(const char *const *)(const void *)at);
	case T_BOOL:
		return json_boolean(*(const bool *)at);
	default:
		return json_integer(*(const int64_t *)(const void *)at);
	}
}

char *settings_pack(const struct settings *s, enum settings_reader reader)
{
	json_t *all = json_object();
	char *text;

	for (size_t i = 0; i < key_count; i++) {
		char name[64];

		if (!is_for(&keys[i], reader))
			continue;
		snprintf(
		    name, sizeof(name), "%s.%s", keys[i].section, keys[i].name);
		/* A text that is not set is no member. */
		json_object_set_new(all, name,
		    pack_value(&keys[i], (const char *)s + keys[i].offset));
	}
	text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	return text;
}

static void unpack_value(const struct key *k, char *at, const json_t *v)
{
	char **text = (char **)(void *)at;

	if (is_text(k)) {
		free(*text);
		*text = v ? mem_strdup(json_string_value(v)) : NULL;
	} else if (k->type == T_BOOL) {
		*(bool *)at = json_is_true(v);
	} else {
		*(int64_t *)(void *)at = json_integer_value(v);
	}
}

struct settings *settings_unpack(const json_t *packed)
{
	struct settings *s = mem_zalloc(sizeof(*s));

	for (size_t i = 0; i < key_count; i++) {
		char name[64];

		if (!is_for(&keys[i], FOR_NOTICES))
			continue;
		snprintf(
		    name, sizeof(name), "%s.%s", keys[i].section, keys[i].name);
		unpack_value(&keys[i], (char *)s + keys[i].offset,
		    json_object_get(packed, name));
	}
	return s;
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
	for (size_t i = 0; i < key_count; i++)
		fprintf(out, "%s\t%s\t%s\t%s\n", keys[i].section, keys[i].name,
		    keys[i].def ? keys[i].def : "", keys[i].about);
}
