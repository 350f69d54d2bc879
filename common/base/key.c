/* SPDX-License-Identifier: MIT */
#include "base/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

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

/* Writes a limit in the largest unit that divides it. */
static const char *as_limit(
    enum key_type type, int64_t v, char *to, size_t size)
{
	static const struct {
		enum key_type type;
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

	/* Log levels have more spellings than the list shows. */
	if (k->type == T_LEVEL && log_level_parse(value, &level) == 0)
		word = (int)level;
	if (word < 0)
		return err_set(e, ERR_PERMANENT, "%s = %s: must be one of %s",
		    k->name, value, k->words);
	*to = word;
	return 0;
}

int key_set(const struct key *k, void *base, const char *value, struct err *e)
{
	char *at = (char *)base + k->offset;

	switch (k->type) {
	case T_SECRET:
	case T_TEXT: /* an empty text stands for the default */
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

void key_set_default(const struct key *k, void *base)
{
	struct err unused;

	if (k->def != NULL)
		key_set(k, base, k->def, &unused);
}

void key_free(const struct key *k, void *base)
{
	char **text = (char **)(void *)((char *)base + k->offset);

	if (!is_text(k))
		return;
	mem_wipe(*text);
	*text = NULL;
}

static json_t *pack_text(const char *text)
{
	char *clean = text ? mem_strdup(text) : NULL;
	json_t *packed;

	if (clean != NULL)
		str_clean_utf8(clean);
	packed = clean ? json_string(clean) : NULL;
	free(clean);
	return packed;
}

json_t *key_pack(const struct key *k, const void *base)
{
	const char *at = (const char *)base + k->offset;

	if (is_text(k))
		return pack_text(*(const char *const *)(const void *)at);
	return k->type == T_BOOL
		   ? json_boolean(*(const bool *)at)
		   : json_integer(*(const int64_t *)(const void *)at);
}

void key_unpack(const struct key *k, void *base, const json_t *packed)
{
	char *at = (char *)base + k->offset;

	if (is_text(k)) {
		key_free(k, base);
		*(char **)(void *)at =
		    packed ? mem_strdup(json_string_value(packed)) : NULL;
	} else if (k->type == T_BOOL) {
		*(bool *)at = json_is_true(packed);
	} else {
		*(int64_t *)(void *)at = json_integer_value(packed);
	}
}
