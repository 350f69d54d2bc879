/* SPDX-License-Identifier: MIT */
#include "source/postgres/written.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define NAMES_MAX 256

/* In the order of WRITTEN_ASK. */
static const struct written {
	const char *name;
	const char *value; /* NULL: the job's time zone */
} settings[] = {
    {"TimeZone", NULL},
    {"DateStyle", "ISO"},
    {"IntervalStyle", "postgres"},
    {"bytea_output", "hex"},
    {"extra_float_digits", "3"},
};
#define SETTINGS (sizeof(settings) / sizeof(*settings))

/* The server answers "ISO, MDY" where "ISO" was set. */
static bool is(const char *value, const char *wanted)
{
	size_t len = strlen(wanted);

	return value != NULL && strncasecmp(value, wanted, len) == 0 &&
	       (value[len] == '\0' || value[len] == ',');
}

int written_refuse(const char *names, const char *first, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "the query changed %s while it ran, by set_config() or a function "
	    "that sets it, so its values would not all be written alike; give "
	    "the function a setting of its own (alter function ... set %s), "
	    "which ends with it",
	    names, first);
}

int written_compare(const struct pg *pg, const char *zone, struct err *e)
{
	const char *first = NULL;
	struct buf names;
	int rc = 0;

	buf_init(&names, NAMES_MAX);
	for (size_t i = 0; i < SETTINGS; i++) {
		const struct written *s = &settings[i];

		if (is(pg_answer(pg, (int)i), s->value ? s->value : zone))
			continue;
		buf_printf(&names, "%s%s", first ? ", " : "", s->name);
		first = first ? first : s->name;
	}
	if (first != NULL)
		rc = written_refuse(names.data, first, e);
	buf_free(&names);
	return rc;
}

int written_readable(struct pg *pg, bool raw, struct err *e)
{
	const char *by;

	if (!pg_in_transaction(pg))
		return 0;
	by = pg_misread_by(pg, raw ? "SQL_ASCII" : "UTF8");
	if (by == NULL)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "a query before this one changed %s while it ran, by set_config() "
	    "or a function that sets it, so this one would be read "
	    "differently; give the function a setting of its own (alter "
	    "function ... set %s), which ends with it",
	    by, by);
}
