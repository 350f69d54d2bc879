/* SPDX-License-Identifier: MIT */
#include "settings/inbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Cuts the blanks at both ends of a text. */
static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	n = strlen(text);
	while (n > 0 && strchr(" \t", text[n - 1]) != NULL)
		n--;
	text[n] = '\0';
	return text;
}

static const char **special(struct inbox_columns *c, const char *ours)
{
	return strcmp(ours, "external_id") == 0     ? &c->id
	       : strcmp(ours, "status") == 0        ? &c->status
	       : strcmp(ours, "error_message") == 0 ? &c->message
	       : strcmp(ours, "output_url") == 0    ? &c->output
						    : NULL;
}

static int add(struct inbox_columns *c, char *ours, char *theirs, struct err *e)
{
	const char **at = special(c, ours);

	if (*ours == '\0' || *theirs == '\0' || str_has_control(theirs))
		return err_set(e, ERR_PERMANENT,
		    "[inbox] columns: \"%s=%s\" must be a column of "
		    "report_config, =, and its name there",
		    ours, theirs);
	if (strcmp(ours, "owner") == 0)
		return err_set(e, ERR_PERMANENT,
		    "[inbox] columns: a row cannot choose its owner; all "
		    "reports of the inbox belong to [inbox] owner");
	for (int i = 0; i < c->count; i++) {
		if (strcmp(c->list[i].ours, ours) == 0)
			return err_set(e, ERR_PERMANENT,
			    "[inbox] columns: %s stands there twice", ours);
	}
	c->list = mem_realloc(c->list, (size_t)c->count + 1, sizeof(*c->list));
	c->list[c->count] =
	    (struct inbox_column){mem_strdup(ours), mem_strdup(theirs)};
	if (at != NULL)
		*at = c->list[c->count].theirs;
	c->count++;
	return 0;
}

static int check_needed(const struct inbox_columns *c, struct err *e)
{
	const struct {
		const char *ours, *there, *example;
	} needed[] = {{"external_id", c->id, "CONFIG_ID"},
	    {"status", c->status, "STATUS"},
	    {"error_message", c->message, "ERROR_MESSAGE"}};

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (needed[i].there == NULL)
			return err_set(e, ERR_PERMANENT,
			    "[inbox] columns: %s is missing; write for "
			    "example %s=%s",
			    needed[i].ours, needed[i].ours, needed[i].example);
	}
	return 0;
}

int inbox_columns_read(
    const char *text, struct inbox_columns *columns, struct err *e)
{
	char *copy = mem_strdup(text ? text : ""), *rest = copy;
	int rc = 0;

	*columns = (struct inbox_columns){0};
	for (char *one; rc == 0 && (one = strsep(&rest, ",")) != NULL;) {
		char *ours = strsep(&one, "=");

		ours = trim(ours);
		if (*ours != '\0' || one != NULL)
			rc = add(columns, ours, one ? trim(one) : ours, e);
	}
	free(copy);
	return rc == 0 ? check_needed(columns, e) : -1;
}

void inbox_columns_free(struct inbox_columns *columns)
{
	for (int i = 0; i < columns->count; i++) {
		free(columns->list[i].ours);
		free(columns->list[i].theirs);
	}
	free(columns->list);
	*columns = (struct inbox_columns){0};
}

bool inbox_is_field(
    const struct inbox_columns *c, const struct inbox_column *one)
{
	return one->theirs != c->id && one->theirs != c->status &&
	       one->theirs != c->message && one->theirs != c->output;
}

void inbox_fields_array(const struct inbox_columns *columns, struct buf *out)
{
	bool any = false;

	buf_char(out, '{');
	for (int i = 0; i < columns->count; i++) {
		const char *c = columns->list[i].ours;

		if (!inbox_is_field(columns, &columns->list[i]))
			continue;
		buf_str(out, any ? ",\"" : "\"");
		for (; *c != '\0'; c++) {
			if (*c == '"' || *c == '\\')
				buf_char(out, '\\');
			buf_char(out, *c);
		}
		buf_char(out, '"');
		any = true;
	}
	buf_char(out, '}');
}

int inbox_check(const struct settings *s, struct err *e)
{
	const struct {
		const char *key, *value, *example;
	} needed[] = {{"source", s->inbox_source, "source = warehouse"},
	    {"table", s->inbox_table, "table = REPORTING.PUBLIC.REPORT_CONFIG"},
	    {"columns", s->inbox_columns,
		"columns = external_id=CONFIG_ID, status=STATUS, "
		"error_message=ERROR_MESSAGE, report_name=REPORT_NAME, "
		"export_sql=EXPORT_SQL"},
	    {"owner", s->inbox_owner, "owner = sales"}};
	const struct source_settings *source;
	struct inbox_columns columns;
	bool any = false;
	int rc;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		any = any || needed[i].value != NULL;
	for (size_t i = 0; any && i < sizeof(needed) / sizeof(*needed); i++) {
		if (needed[i].value == NULL || needed[i].value[0] == '\0')
			return err_set(e, ERR_PERMANENT,
			    "[inbox] %s is missing; write for example %s",
			    needed[i].key, needed[i].example);
	}
	if (!any)
		return 0;
	source = settings_source(s, s->inbox_source);
	if (source == NULL)
		return err_set(e, ERR_PERMANENT,
		    "[inbox] source = %s: there is no [source.%s]",
		    s->inbox_source, s->inbox_source);
	if (source_type_check(source->config, SOURCE_INBOX, e) != 0)
		return -1;
	rc = inbox_columns_read(s->inbox_columns, &columns, e);
	inbox_columns_free(&columns);
	return rc;
}

char *inbox_name(const struct settings *s)
{
	return mem_printf("%s:%s", s->inbox_source, s->inbox_table);
}
