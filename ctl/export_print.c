/* SPDX-License-Identifier: MIT */
#include "ctl/export_print.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "ctl/lib/human.h"
#include "ctl/lib/table.h"
#include "export/outputs.h"
#include "place/stdout.h"
#include "sink/digest.h"

static void print_text(const struct export_plan *plan)
{
	char many[HUMAN_SIZE];

	for (int i = 0; i < plan->count; i++) {
		const struct export_output *o = &plan->outputs[i];

		if (o->sink == NULL)
			continue;
		if (plan->count > 1)
			fprintf(stderr, "%s: ", o->place);
		fprintf(stderr, "%s, %lld bytes, sha256 %s\n",
		    human_rows(many, o->rows),
		    (long long)digest_bytes(o->digest),
		    digest_sha256(o->digest));
		if (o->remark != NULL)
			table_say(stderr, o->remark);
	}
	if (plan->remark != NULL)
		table_say(stderr, plan->remark);
}

static const char *name_of(const struct export_output *o)
{
	return strcmp(o->place, STDOUT_ADDRESS) == 0 ? "-" : o->place;
}

static json_t *describe(const struct export_output *o)
{
	return outputs_describe(o, json_pack("{ss}", "output", name_of(o)));
}

/* A single output is printed as an object, several as a list. */
static void print_json(const struct export_plan *plan, int64_t rows)
{
	FILE *f =
	    strcmp(name_of(export_first(plan)), "-") == 0 ? stderr : stdout;
	json_t *answer;

	if (plan->count == 1) {
		answer = describe(&plan->outputs[0]);
	} else {
		json_t *list = json_array();

		for (int i = 0; i < plan->count; i++) {
			const struct export_output *o = &plan->outputs[i];

			if (o->sink != NULL)
				json_array_append_new(list, describe(o));
		}
		answer = json_pack(
		    "{sI so}", "rows", (json_int_t)rows, "outputs", list);
	}
	if (plan->remark != NULL)
		json_object_set_new(
		    answer, "remark", json_string(plan->remark));
	json_dumpf(answer, f, JSON_INDENT(2));
	fputc('\n', f);
	json_decref(answer);
}

void export_print(const struct export_plan *plan, int64_t rows, bool json)
{
	if (outputs_none(plan, rows))
		fputs(json ? "{\"rows\": 0, \"output\": null}\n"
			   : "no rows: no output was made\n",
		    json ? stdout : stderr);
	else if (json)
		print_json(plan, rows);
	else
		print_text(plan);
}
