/* SPDX-License-Identifier: MIT */
#include "worker/links.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define LAST "last__"

static const json_t *values_of(const struct job *job)
{
	return json_object_get(job->asked.linked, "values");
}

static int ask_source(struct job *job, struct err *e)
{
	struct source_horizon h;

	if (job->lent.source == NULL)
		return err_set(e, ERR_PERMANENT,
		    ":'horizon' is a time of the source, and nothing of this "
		    "report reads one");
	if (source_horizon(job->lent.source,
		json_int(job->asked.linked, "overlap_ms", 0), &h, e) != 0)
		return -1;
	str_copy(job->outcome.horizon, sizeof(job->outcome.horizon), h.at);
	job->outcome.holder = h.holder;
	job_add_remark(job, h.remark);
	free(h.remark);
	return 0;
}

/* Times have one form, so their texts compare as they do. */
static int check_order(struct job *job, bool fixed, struct err *e)
{
	const char *last = json_str(job->asked.linked, "last_horizon", NULL);

	if (last == NULL || strcmp(job->outcome.horizon, last) >= 0)
		return 0;
	if (fixed)
		return err_set(e, ERR_PERMANENT,
		    "this request was to read up to %s, and a later one has "
		    "read up to %s, so nothing is left for it; cancel it",
		    job->outcome.horizon, last);
	return err_set(e, ERR_PERMANENT,
	    "the horizon %s lies before %s, up to which the last run has read: "
	    "the source's clock was set back, or it is another server; rows "
	    "written meanwhile may be missing",
	    job->outcome.horizon, last);
}

static int find_horizon(struct job *job, struct err *e)
{
	const char *fixed = json_str(job->asked.linked, "fixed_horizon", NULL);

	if (job->outcome.horizon[0] != '\0')
		return 0;
	if (fixed != NULL)
		str_copy(
		    job->outcome.horizon, sizeof(job->outcome.horizon), fixed);
	else if (ask_source(job, e) != 0)
		return -1;
	return check_order(job, fixed != NULL, e);
}

int links_find(struct job *job, const char *name, json_t **value, struct err *e)
{
	const char *error = json_str(job->asked.linked, "error", NULL);

	if (error != NULL)
		return err_set(e, ERR_PERMANENT, "%s", error);
	if (values_of(job) != NULL && strcmp(name, "horizon") == 0) {
		if (find_horizon(job, e) != 0)
			return -1;
		*value = json_string(job->outcome.horizon);
	} else {
		*value = json_incref(json_object_get(values_of(job), name));
	}
	return *value != NULL;
}

const char *links_missing(const struct job *job, const json_t *row)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)values_of(job), name, v)
	{
		if (strncmp(name, LAST, strlen(LAST)) == 0 &&
		    strcmp(name, "last__horizon") != 0 &&
		    json_object_get(row, name + strlen(LAST)) == NULL)
			return name + strlen(LAST);
	}
	return NULL;
}
