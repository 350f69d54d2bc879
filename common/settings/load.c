/* SPDX-License-Identifier: MIT */
#include "settings/load.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/mem.h"
#include "base/str.h"
#include "settings/check.h"
#include "settings/inbox.h"
#include "settings/settings_keys.h"
#include "settings/settings_sources.h"
#include "settings/short.h"
#include "source/postgres/conninfo.h"

extern char **environ;

static void set_defaults(struct settings *s)
{
	for (size_t i = 0; i < key_count; i++) {
		if (!keys_is_of_sources(&keys[i]))
			key_set_default(&keys[i], s);
	}
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

static int set_key(struct settings *s, const char *section, const char *key,
    const char *value, struct err *e)
{
	const struct key *k = key_named(section, key);
	struct buf known;

	if (k != NULL)
		return key_set(k, s, value, e);
	buf_init(&known, 4096);
	list_keys(section, &known);
	err_set(e, ERR_PERMANENT, "unknown key \"%s\" in [%s]; known: %s", key,
	    section, known.data);
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

static int set_source_key(
    struct settings *s, const struct sources_key *given, struct err *e)
{
	struct buf known;
	int rc;

	if (!name_ok(given->name))
		return err_set(e, ERR_PERMANENT,
		    "[%s.%s]: a %s's name is made of a-z, 0-9 and _",
		    given->kind, given->name, given->kind);
	rc = sources_set(s, given, e);
	if (rc <= 0)
		return rc;
	buf_init(&known, 4096);
	sources_list_keys(given->kind, &known);
	err_set(e, ERR_PERMANENT, "unknown key \"%s\" in [%s.%s]; known: %s",
	    given->key, given->kind, given->name, known.data);
	buf_free(&known);
	return -1;
}

static bool section_known(const char *section)
{
	for (size_t i = 0; i < key_count; i++) {
		if (strcmp(keys[i].section, section) == 0)
			return !keys_is_of_sources(&keys[i]);
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

/* Says whether libraries read this variable by themselves. */
static bool is_library_variable(const char *name)
{
	return strncmp(name, "PG", 2) == 0 || strncmp(name, "AWS_", 4) == 0 ||
	       strncmp(name, "HOME}", 5) == 0;
}

static bool holds_secret(const struct key *k, const char *value)
{
	char *password;
	bool yes;

	if (strcmp(k->name, "proxy") == 0)
		return strchr(value, '@') != NULL;
	if (strcmp(k->name, "conninfo") != 0)
		return *value != '\0';
	password = conninfo_get(value, "password");
	yes = password != NULL;
	conninfo_free(password);
	return yes;
}

static bool item_holds_secret(const struct conf_item *item)
{
	const struct key *k;
	const char *name;

	if (sources_kind(item->section, &name) != NULL)
		return sources_holds_secret(item->key, item->value);
	k = key_named(item->section, item->key);
	return k != NULL && k->type == T_SECRET && holds_secret(k, item->value);
}

/* Notes the origin of a secret: the environment variable it comes from, or the
 * key of the file that holds it. */
static void note_secret(struct settings *s, const struct conf_item *item)
{
	bool expanded = false;

	if (!item_holds_secret(item))
		return;
	for (const char *at = item->raw; (at = strstr(at, "${")) != NULL;) {
		at += 2;
		expanded = true;
		if (!is_library_variable(at))
			remember(&s->secret_variables, at, strcspn(at, "}"));
	}
	if (!expanded && s->secret_bare == NULL)
		s->secret_bare =
		    mem_printf("[%s] %s", item->section, item->key);
}

static int take_of_source(struct settings *s, const char *kind,
    const char *name, const struct conf_item *item, struct err *e)
{
	char *place = mem_printf("%s:%d", item->file, item->line);
	int rc = set_source_key(s,
	    &(struct sources_key){kind, name, item->key, item->value, place},
	    e);

	free(place);
	return rc;
}

static int refuse_section(const char *section, struct err *e)
{
	const char *last = "";
	struct buf known;

	buf_init(&known, 4096);
	buf_str(&known, "[source.NAME], [target.NAME]");
	for (size_t i = 0; i < key_count; i++) {
		if (!keys_is_of_sources(&keys[i]) &&
		    strcmp(keys[i].section, last) != 0)
			buf_printf(&known, ", [%s]", keys[i].section);
		last = keys[i].section;
	}
	err_set(e, ERR_PERMANENT, "unknown section [%s]; known: %s", section,
	    known.data);
	buf_free(&known);
	return -1;
}

/* Notes the variable that a key of the file has. */
static void note_key(struct settings *s, const struct conf_item *item)
{
	char *variable = mem_printf("REPORTD_%s_%s", item->section, item->key);

	for (char *c = variable; *c != '\0'; c++)
		*c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
	remember(&s->in_file, variable, strlen(variable));
	free(variable);
}

/* Notes that a variable was taken, and whether the file has the key `of` it. */
static void note_variable(struct settings *s, const char *name, const char *of)
{
	char *list, *rest;
	bool twice = false;

	list = rest = mem_strdup(s->in_file ? s->in_file : "");
	for (char *one; !twice && (one = strsep(&rest, " ")) != NULL;)
		twice = strcmp(one, of) == 0;
	free(list);
	remember(&s->variables, name, strlen(name));
	if (twice)
		remember(&s->winners, name, strlen(name));
}

static int take(void *arg, const struct conf_item *item, struct err *e)
{
	struct settings *s = arg;
	const char *name, *kind = sources_kind(item->section, &name);

	note_key(s, item);
	note_secret(s, item);
	if (kind != NULL)
		return take_of_source(s, kind, name, item, e);
	if (section_known(item->section))
		return set_key(s, item->section, item->key, item->value, e);
	if (*item->section == '\0')
		return err_set(e, ERR_PERMANENT,
		    "\"%s\" stands before the first [section]", item->key);
	return refuse_section(item->section, e);
}

/* Takes REPORTD_SOURCE_<NAME>_<KEY>, and the same with TARGET. Both parts may
 * contain `_`, so the longest known key at the end decides. */
static int take_source_variable(struct settings *s, const char *variable,
    const struct sources_key *rest, struct err *e)
{
	const char *key = sources_key_at_end(rest->kind, rest->name);
	struct sources_key given = *rest;
	struct buf known;
	char *name, *place;
	int rc;

	if (key == NULL) {
		buf_init(&known, 4096);
		sources_list_keys(rest->kind, &known);
		err_set(e, ERR_PERMANENT,
		    "must be REPORTD_%s_NAME_KEY with a key of %s",
		    strcmp(rest->kind, "target") == 0 ? "TARGET" : "SOURCE",
		    known.data);
		buf_free(&known);
		return -1;
	}
	name = mem_strndup(rest->name, strlen(rest->name) - strlen(key) - 1);
	place = mem_printf("environment: %s", variable);
	given.name = name;
	given.key = key;
	given.place = place;
	rc = set_source_key(s, &given, e);
	free(place);
	free(name);
	return rc;
}

/* Takes one variable. Variables of other origin are ignored, such as
 * REPORTD_PORT, which container platforms set for a service named reportd. */
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
	/* Section and program have the same name, so the section is easily
	 * forgotten. */
	if (key_named("reportd", lower) != NULL)
		rc = err_set(e, ERR_PERMANENT,
		    "is no setting; %s of [reportd] is REPORTD_%s here", lower,
		    name);
	if (key != NULL)
		*key++ = '\0';
	bool of_source = key != NULL && (strcmp(lower, "source") == 0 ||
					    strcmp(lower, "target") == 0);
	bool taken = of_source || (key != NULL && section_known(lower));
	if (rc == 0 && of_source)
		rc = take_source_variable(s, name,
		    &(struct sources_key){
			.kind = *lower == 's' ? "source" : "target",
			.name = key,
			.value = equals + 1},
		    e);
	else if (rc == 0 && taken)
		rc = set_key(s, lower, key, equals + 1, e);
	if (rc == 0 && taken)
		note_variable(s, name, name);
	if (rc != 0)
		err_wrap(e, "environment: %s", name);
	free(lower);
	free(name);
	return rc;
}

static int take_environment(struct settings *s, struct err *e)
{
	const char *level = getenv("LOG_LEVEL");

	if (level != NULL && *level != '\0') {
		if (set_key(s, "reportd", "log_level", level, e) != 0)
			return err_wrap(e, "environment: LOG_LEVEL");
		note_variable(s, "LOG_LEVEL", "REPORTD_REPORTD_LOG_LEVEL");
	}
	for (char **v = environ; *v != NULL; v++) {
		if (strncmp(*v, "REPORTD_", 8) == 0 &&
		    strchr(*v, '=') != NULL && take_variable(s, *v, e) != 0)
			return -1;
	}
	if (short_take(s, e) != 0)
		return -1;
	for (const char *const *name = short_names; *name != NULL; name++) {
		const char *value = getenv(*name);

		if (value != NULL && *value != '\0')
			note_variable(s, *name, "");
	}
	return 0;
}

struct settings *settings_read(FILE *f, const char *name, struct err *e)
{
	struct settings *s = mem_zalloc(sizeof(*s));

	set_defaults(s);
	if (f != NULL && conf_read(f, name, take, s, e) != 0)
		goto failed;
	if (take_environment(s, e) != 0)
		goto failed;
	if (f == NULL)
		name = "environment";
	if (settings_check(s, e) != 0) {
		err_wrap(e, "%s", name);
		goto failed;
	}
	if (sources_resolve(s, name, e) != 0)
		goto failed;
	if (inbox_check(s, e) != 0) {
		err_wrap(e, "%s", name);
		goto failed;
	}
	return s;
failed:
	settings_free(s);
	return NULL;
}

/* Forgets which key of the file holds a secret, where the file is closed to other
 * users of the machine. */
static void note_mode(struct settings *s, FILE *f)
{
	struct stat st;

	if (fstat(fileno(f), &st) == 0 && (st.st_mode & 07) != 0)
		return;
	free(s->secret_bare);
	s->secret_bare = NULL;
}

struct settings *settings_load(const char *path, struct err *e)
{
	FILE *f = path ? fopen(path, "re") : NULL;
	struct settings *s;

	if (path != NULL && f == NULL) {
		err_errno(e, errno, "settings file %s", path);
		if (errno == EACCES)
			err_hint(e,
			    "the daemon's group must be able to read it: "
			    "chgrp reportd %s and chmod 0640 %s, as root",
			    path, path);
		e->kind = ERR_PERMANENT;
		return NULL;
	}
	s = settings_read(f, path, e);
	if (s != NULL && f != NULL)
		note_mode(s, f);
	if (f != NULL)
		fclose(f);
	return s;
}
