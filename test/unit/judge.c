/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "encode/table/format.h"
#include "export/plan.h"
#include "net/http/url.h"
#include "notice/http.h"
#include "notice/mail_text.h"
#include "notice/mail_url.h"
#include "place/scheme.h"
#include "place/template.h"

/*
 * Judges columns of report_config as the programs do when a report runs: reads
 * one JSON object per line from standard input and writes one JSON value per
 * line to standard output, the text of the error or null. The test compares
 * them with the checks of the INSERT. Members of a line: "format_code";
 * "notice", a URL; or "output_format" with "output_options", "export_sql",
 * "output_path" and "parameters".
 */

static int judge_code(const char *code, struct err *e)
{
	struct format *f = format_open(code, e);

	format_close(f);
	return f != NULL ? 0 : -1;
}

static int expand(const struct notice *n, const char *what,
    const char *template, struct err *e)
{
	struct buf text;
	int rc;

	buf_init(&text, 1 << 20);
	rc = template ? mail_text_expand(n, what, template, &text, e) : 0;
	buf_free(&text);
	return rc;
}

static int judge_notice(const char *url, struct err *e)
{
	struct notice n;
	struct mail_url m;
	struct http_url parts;
	char host[256];
	json_t *body;
	int rc;

	if (strncasecmp(url, "slack:", 6) == 0)
		url += 6;
	if (strncasecmp(url, "mailto:", 7) != 0) {
		if (notice_host(url, host, sizeof(host)) != 0)
			return err_set(e, ERR_PERMANENT, "no sound host");
		return url_parse(url, &parts, e);
	}
	if (mail_url_parse(url, &m, e) != 0)
		return -1;
	body = json_object();
	notice_open(&n, body);
	rc = expand(&n, "subject", m.subject, e) != 0
		 ? -1
		 : expand(&n, "body", m.body, e);
	notice_free(&n);
	json_decref(body);
	mail_url_free(&m);
	return rc;
}

/* Returns the address of an output, which the caller frees; NULL on error. */
static char *address_of(const struct export_plan *plan,
    const struct export_output *o, const char *path, const json_t *parameters,
    struct err *e)
{
	const char *section = export_section(plan, o), *name;
	char part[16];
	const struct template_value known[] = {{"report_name", "report"},
	    {"owner", "owner"}, {"run_id", "1"}, {"config_id", "2"},
	    {"request_id", "3"}, {"scheduled_for", "20260301T093000"},
	    {"ext", o->extension}, {"part", part}, {"section", section}};
	size_t n = sizeof(known) / sizeof(*known);
	struct template_value *values = mem_zalloc(
	    (n + 1 + json_object_size(parameters)) * sizeof(*values));
	struct tm time = {.tm_year = 126, .tm_mon = 2, .tm_mday = 1};
	char *address;
	json_t *v;

	snprintf(part, sizeof(part), "%d", export_part(o));
	memcpy(values, known, sizeof(known));
	json_object_foreach((json_t *)(uintptr_t)parameters, name, v)
	{
		values[n++] =
		    (struct template_value){name, json_string_value(v)};
	}
	address =
	    template_path(&(struct template_options){.root = "/srv/out",
			      .template = path,
			      .values = values,
			      .time = &time,
			      .partition = o->partition_by ? "k=1" : NULL},
		e);
	free(values);
	return address;
}

static int judge_output(const struct export_plan *plan, struct export_output *o,
    const char *path, const json_t *parameters, struct err *e)
{
	o->place = address_of(plan, o, path, parameters, e);
	if (o->place == NULL ||
	    place_check_format(o->place, o->type->name, e) != 0)
		return -1;
	for (struct export_output *other = plan->outputs; other < o; other++) {
		if (strcmp(other->place, o->place) == 0 &&
		    !json_bool(o->options, "unload", false))
			return err_set(
			    e, ERR_PERMANENT, "two outputs are one file");
	}
	return place_check(o->place, o->options, e);
}

static int judge_plan(const json_t *line, struct err *e)
{
	const char *path = json_str(line, "output_path", "x.{ext}");
	struct export_plan plan;
	int rc = export_plan_open(&plan,
	    json_str(line, "export_sql", "select 1 as k"),
	    json_str(line, "output_format", "CSV"),
	    json_object_get(line, "output_options"), e);

	if (rc == 0)
		rc = export_plan_check_name(&plan, path, e);
	for (int i = 0; rc == 0 && i < plan.count; i++)
		rc = judge_output(&plan, &plan.outputs[i], path,
		    json_object_get(line, "parameters"), e);
	export_plan_free(&plan);
	return rc;
}

static int judge(const json_t *line, struct err *e)
{
	const char *code = json_str(line, "format_code", NULL);
	const char *url = json_str(line, "notice", NULL);

	return code != NULL  ? judge_code(code, e)
	       : url != NULL ? judge_notice(url, e)
			     : judge_plan(line, e);
}

int main(void)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&text, &size, stdin)) > 0) {
		json_t *line = json_loadb(text, (size_t)len, 0, NULL), *answer;
		struct err e;

		if (line == NULL)
			return 1;
		answer =
		    judge(line, &e) == 0 ? json_null() : json_string(e.text);
		json_dumpf(answer, stdout, JSON_ENCODE_ANY);
		putchar('\n');
		json_decref(answer);
		json_decref(line);
	}
	free(text);
	return 0;
}
