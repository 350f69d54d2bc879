/* SPDX-License-Identifier: MIT */
#include "base/option.h"

#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* Bytes of the path of a key, such as "columns.amount". */
#define PATH_MAX_BYTES 512

const char *option_type(const struct option_rule *rule)
{
	switch (rule->type) {
	case JSON_TRUE:
		return "boolean";
	case JSON_INTEGER:
		return "integer";
	case JSON_REAL:
		return "number";
	case JSON_ARRAY:
		return "array";
	case JSON_OBJECT:
		return "object";
	default:
		return "string";
	}
}

const struct option_rule *option_find(
    const struct option_rule *rules, const char *key)
{
	for (; rules->name != NULL; rules++) {
		if (strcmp(rules->name, "*") == 0 ||
		    strcmp(rules->name, key) == 0)
			return rules;
	}
	return NULL;
}

const struct option_rule *option_find_owned(
    const struct option_owner *const *owners, const char *key)
{
	const struct option_rule *rule = NULL;

	for (; rule == NULL && *owners != NULL; owners++)
		rule = option_find((*owners)->rules, key);
	return rule;
}

static int refuse_key(const char *who, const struct option_owner *const *owners,
    const char *key, struct err *e)
{
	struct buf known;

	buf_init(&known, 4096);
	for (; *owners != NULL; owners++) {
		for (const struct option_rule *o = (*owners)->rules; o->name;
		     o++)
			buf_printf(
			    &known, "%s%s", known.len ? ", " : "", o->name);
	}
	err_set(e, ERR_PERMANENT,
	    "output_options: %s has no option \"%s\"; known: %s", who, key,
	    known.data);
	buf_free(&known);
	return -1;
}

static bool is_allowed(const char *allowed, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = allowed; *at != '\0';) {
		size_t n = strcspn(at, "|");

		if (n == len && strncmp(at, word, n) == 0)
			return true;
		at += n + (at[n] == '|');
	}
	return false;
}

/* Says whether x lies in the range of a rule, such as "1..100". */
static bool in_range(const char *allowed, double x)
{
	char *end;
	double least = strtod(allowed, &end);

	return x >= least && x <= strtod(end + strspn(end, "."), NULL);
}

static bool matches(const char *pattern, const char *text)
{
	regex_t regex;
	bool rc;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	rc = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return rc;
}

static int check_allowed(const char *path, const struct option_rule *rule,
    const json_t *value, struct err *e)
{
	const char *allowed = rule->allowed, *text = json_string_value(value);

	if (json_is_number(value))
		return in_range(allowed, json_number_value(value))
			   ? 0
			   : err_set(e, ERR_PERMANENT,
				 "output_options: \"%s\" must be within %s",
				 path, allowed);
	if (strcmp(allowed, "1..") == 0)
		return json_array_size(value) > 0 ||
			       (text != NULL && *text != '\0')
			   ? 0
			   : err_set(e, ERR_PERMANENT,
				 "output_options: \"%s\" must not be empty",
				 path);
	if (*allowed == '~')
		return matches(allowed + 1, text)
			   ? 0
			   : err_set(e, ERR_PERMANENT,
				 "output_options: \"%s\" cannot be \"%s\"; it "
				 "is %s",
				 path, text, rule->about);
	return is_allowed(allowed, text)
		   ? 0
		   : err_set(e, ERR_PERMANENT,
			 "output_options: \"%s\" must be one of %s", path,
			 allowed);
}

static bool has_type(const json_t *value, json_type type)
{
	if (type == JSON_TRUE)
		return json_is_boolean(value);
	if (type == JSON_REAL)
		return json_is_number(value);
	return json_typeof(value) == type;
}

static int check_type(const char *path, const struct option_rule *rule,
    const json_t *value, struct err *e)
{
	const char *type = option_type(rule);

	if (!has_type(value, rule->type))
		return err_set(e, ERR_PERMANENT,
		    "output_options: \"%s\" must be %s %s", path,
		    strchr("aeiou", *type) ? "an" : "a", type);
	return rule->allowed ? check_allowed(path, rule, value, e) : 0;
}

static int check_value(const char *path, const struct option_rule *rule,
    const json_t *value, struct err *e);

/* Checks the keys of an object inside of an option, which belong to that option
 * only. */
static int check_inside(const char *path, const struct option_rule *rules,
    const json_t *object, struct err *e)
{
	const struct option_owner owner = {.rules = rules};
	const struct option_owner *const owners[] = {&owner, NULL};
	char below[PATH_MAX_BYTES], quoted[PATH_MAX_BYTES + 3];
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		const struct option_rule *rule = option_find(rules, key);

		snprintf(quoted, sizeof(quoted), "\"%s\"", path);
		if (rule == NULL)
			return refuse_key(quoted, owners, key, e);
		if (*key == '\0')
			return err_set(e, ERR_PERMANENT,
			    "output_options: %s has an entry without a name",
			    quoted);
		snprintf(below, sizeof(below), "%s.%s", path, key);
		if (check_value(below, rule, value, e) != 0)
			return -1;
	}
	return 0;
}

static int check_value(const char *path, const struct option_rule *rule,
    const json_t *value, struct err *e)
{
	char below[PATH_MAX_BYTES];
	const json_t *element;
	size_t i;

	if (check_type(path, rule, value, e) != 0)
		return -1;
	if (rule->inside == NULL)
		return 0;
	if (rule->type == JSON_OBJECT)
		return check_inside(path, rule->inside, value, e);
	json_array_foreach(value, i, element)
	{
		snprintf(below, sizeof(below), "%s[%zu]", path, i);
		if (check_value(below, rule->inside, element, e) != 0)
			return -1;
	}
	return 0;
}

/* Checks all options; with a NULL `who`, keys without an owner are skipped. */
static int check(const char *who, const struct option_owner *const *owners,
    const json_t *options, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)options, key, value)
	{
		const struct option_rule *rule = option_find_owned(owners, key);

		if (rule == NULL && who == NULL)
			continue;
		if (rule == NULL)
			return refuse_key(who, owners, key, e);
		if (check_value(key, rule, value, e) != 0)
			return -1;
	}
	return 0;
}

int option_check_keys(const char *who, const struct option_owner *const *owners,
    const json_t *options, struct err *e)
{
	return check(who, owners, options, e);
}

int option_check_values(const struct option_owner *const *owners,
    const json_t *options, struct err *e)
{
	return check(NULL, owners, options, e);
}

int option_check_together(const struct option_owner *const *owners,
    const json_t *options, struct err *e)
{
	for (; *owners != NULL; owners++) {
		if ((*owners)->check != NULL &&
		    (*owners)->check(options, e) != 0)
			return -1;
	}
	return 0;
}
