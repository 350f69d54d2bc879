/* SPDX-License-Identifier: MIT */
#include "worker/inputs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "settings/folders.h"

const char *inputs_text(const json_t *file, size_t member)
{
	return json_string_value(json_array_get(file, member));
}

/* ---- files that are not read ---- */

int inputs_check_words(struct job *job, struct err *e)
{
	const json_t *input;
	size_t i;

	json_array_foreach(job->asked.inputs, i, input)
	{
		const char *fault = json_str(input, "fault", NULL);

		if (fault != NULL)
			return err_set(e, ERR_PERMANENT, "input \"%s\": %s",
			    json_str(input, "name", ""), fault);
		job_add_remark(job, json_str(input, "remark", NULL));
	}
	return 0;
}

void inputs_note_aside(struct job *job, const json_t *input)
{
	size_t n = (size_t)json_int(input, "aside", 0);
	const json_t *spec = json_object_get(input, "spec"),
		     *all = job->outcome.aside,
		     *last = json_array_get(all, json_array_size(all) - 1);
	char *text;

	if (n == 0 || strcmp(json_str(spec, "use", ""), "all") != 0)
		return;
	text = mem_printf("%zu file%s of input \"%s\" left out: %s", n,
	    n > 1 ? "s" : "", json_str(input, "name", ""),
	    json_string_value(json_array_get(last, 2)));
	job_add_remark(job, text);
	free(text);
}

/* ---- names of columns ---- */

static json_t *set_of(const json_t *names)
{
	json_t *set = json_object(), *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		json_object_set(set, json_string_value(name), name);
	}
	return set;
}

/* Returns the first of the names that the set lacks, or NULL. */
static const char *missing_in(const json_t *names, const json_t *set)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		if (json_object_get(set, json_string_value(name)) == NULL)
			return json_string_value(name);
	}
	return NULL;
}

static int refuse_names(
    const json_t *one, const json_t *other, const char *name, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "%s has a column \"%s\", which %s lacks; files of one request go "
	    "into the same columns: give the input \"batch\": 1",
	    inputs_text(one, INPUT_ADDRESS), name,
	    inputs_text(other, INPUT_ADDRESS));
}

/* Returns the names as elements of `known`. */
static json_t *share(const json_t *names, const json_t *known)
{
	json_t *own = json_array();
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		json_array_append(
		    own, json_object_get(known, json_string_value(name)));
	}
	return own;
}

/* Compares with the names of the first file. */
static int add_same(
    const json_t *first, json_t *file, const json_t *names, struct err *e)
{
	json_t *firsts = json_array_get(first, INPUT_NAMES);
	json_t *known = set_of(firsts), *own = set_of(names);
	const char *more = missing_in(names, known);
	const char *less = missing_in(firsts, own);
	int rc = more   ? refuse_names(file, first, more, e)
		 : less ? refuse_names(first, file, less, e)
			: 0;

	if (rc == 0)
		json_array_append_new(file, share(names, known));
	json_decref(known);
	json_decref(own);
	return rc;
}

int inputs_add_names(
    const json_t *input, json_t *file, json_t *names, struct err *e)
{
	json_t *first = json_array_get(json_object_get(input, "files"), 0);
	json_t *firsts = json_array_get(first, INPUT_NAMES);

	if (firsts != NULL && !json_equal(firsts, names))
		return add_same(first, file, names, e);
	json_array_append(file, firsts ? firsts : names);
	return 0;
}

/* ---- reading ---- */

int inputs_lend(const struct job *job, const json_t *input, const json_t *file,
    struct inputs_lent *lent, struct err *e)
{
	const char *address = inputs_text(file, INPUT_ADDRESS);
	const struct settings *set = services_settings(job->lent.services);

	*lent = (struct inputs_lent){.places.services = job->lent.services,
	    .places.readable = inputs_readable(input)};
	if (*address != '/')
		return place_allow_read(&lent->places, address, e);
	lent->root = folders_holding(set->inputs_folders, address);
	lent->places.root = lent->root;
	lent->places.no_links = true;
	if (lent->root != NULL)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "%s lies in no folder of [inputs] folders in the settings",
	    address);
}

static const json_t *find_input(
    const struct job *job, const char *name, size_t len)
{
	const json_t *one;
	size_t i;

	json_array_foreach(job->asked.inputs, i, one)
	{
		const char *own = json_str(one, "name", "");

		if (strlen(own) == len && memcmp(own, name, len) == 0)
			return one;
	}
	return NULL;
}

bool inputs_is_answer(const json_t *input)
{
	return json_str(json_object_get(input, "spec"), "items", NULL) != NULL;
}

const json_t *inputs_readable(const json_t *input)
{
	const json_t *prefixes = json_object_get(input, "readable");

	return json_is_array(prefixes) ? prefixes : NULL;
}

const json_t *inputs_named(const struct job *job, const char *name)
{
	return find_input(job, name, strlen(name));
}

static json_t *all_addresses(const json_t *files)
{
	json_t *list = json_array(), *text;
	const json_t *file;
	char *dump;
	size_t i;

	json_array_foreach(files, i, file)
	{
		json_array_append(list, json_array_get(file, 1));
	}
	dump = json_dumps(list, JSON_COMPACT);
	text = json_string(dump);
	free(dump);
	json_decref(list);
	return text;
}

static int only_address(
    const char *parameter, const json_t *files, json_t **value, struct err *e)
{
	size_t n = json_array_size(files);

	if (n > 1)
		return err_set(e, ERR_PERMANENT,
		    "parameter :'%s': the input has %zu files; take "
		    ":'%.*s__files', a JSON array, or give the input "
		    "\"batch\": "
		    "1",
		    parameter, n, (int)strlen(parameter) - 5, parameter);
	*value = n == 0
		     ? json_null()
		     : json_incref(json_array_get(json_array_get(files, 0), 1));
	return 1;
}

int inputs_parameter(
    const struct job *job, const char *parameter, json_t **value, struct err *e)
{
	const char *end = strstr(parameter, "__");
	const json_t *input =
	    end ? find_input(job, parameter, (size_t)(end - parameter)) : NULL;
	const json_t *files = json_object_get(input, "files");

	if (input == NULL)
		return 0;
	if (strcmp(end, "__url") == 0)
		return only_address(parameter, files, value, e);
	if (strcmp(end, "__files") != 0)
		return 0;
	*value = all_addresses(files);
	return 1;
}
