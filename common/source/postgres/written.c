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
    {"standard_conforming_strings", "on"},
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

int written_compare(
    const struct pg_rows *answer, const char *zone, struct err *e)
{
	const char *first = NULL;
	struct buf names;
	int rc = 0;

	buf_init(&names, NAMES_MAX);
	for (size_t i = 0; i < SETTINGS; i++) {
		const struct written *s = &settings[i];

		if (is(pg_rows_get(answer, 0, (int)i),
			s->value ? s->value : zone))
			continue;
		buf_printf(&names, "%s%s", first ? ", " : "", s->name);
		first = first ? first : s->name;
	}
	if (first != NULL)
		rc = written_refuse(names.data, first, e);
	buf_free(&names);
	return rc;
}
