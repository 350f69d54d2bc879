/* SPDX-License-Identifier: MIT */
#include "inbox/inbox.h"

#include <stdlib.h>

#include "base/mem.h"
#include "ctl/doctor/doctor.h"
#include "ctl/lib/connect.h"
#include "sql/ctl.h"

/* Milliseconds: a warehouse that has suspended itself may have to start. */
#define TRY_MS 120000
/* Characters of the texts that are written back, at most or nearly always. */
#define TEXT_MAX 1000
#define TOO_SHORT                                             \
	"make it longer; a row for which it is too short is " \
	"told \"see reportd\", or nothing"

static const struct job_session session = {
    .application_name = "reportctl doctor",
    .time_zone = "UTC",
    .statement_timeout_ms = TRY_MS,
};

/* Reports each column that the settings name and the table lacks. Returns their
 * number. */
static int compare(struct doctor *d, const struct settings *s,
    const struct inbox_columns *columns, const json_t *names)
{
	int missing = 0;

	for (int i = 0; i < columns->count; i++) {
		const struct inbox_column *one = &columns->list[i];
		char *mend;

		if (json_has_text(names, one->theirs))
			continue;
		missing++;
		mend = mem_printf("alter table %s add column \"%s\" ..., or "
				  "give %s another name in [inbox] columns; "
				  "names without quotes are in capitals in "
				  "Snowflake, in small letters in PostgreSQL",
		    s->inbox_table, one->theirs, one->ours);
		doctor_say(d, DOCTOR_FAILED, "inbox", mend,
		    "%s has no column \"%s\" for %s", s->inbox_table,
		    one->theirs, one->ours);
		free(mend);
	}
	return missing;
}

/* Reports each column that is too short for the texts that are written back.
 * Returns their number. */
static int measure(struct doctor *d, const struct settings *s,
    const struct inbox *inbox, const struct inbox_columns *columns)
{
	const struct {
		const char *ours, *theirs;
		int64_t needed;
	} all[] = {{"status", columns->status, sizeof("PROCESSING") - 1},
	    {"error_message", columns->message, TEXT_MAX},
	    {"output_url", columns->output, TEXT_MAX}};
	struct err e;
	json_t *lengths = inbox_list_lengths(inbox, &e);
	int found = lengths == NULL;

	if (lengths == NULL)
		doctor_say(d, DOCTOR_WARN, "inbox", NULL,
		    "the lengths of the columns of %s cannot be read: %s",
		    s->inbox_table, e.text);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		const char *name = all[i].theirs ? all[i].theirs : "";
		int64_t has = json_int(lengths, name, all[i].needed);

		if (has >= all[i].needed)
			continue;
		found++;
		doctor_say(d, DOCTOR_WARN, "inbox", TOO_SHORT,
		    "column \"%s\" of %s holds %lld characters; %s may have "
		    "%lld",
		    name, s->inbox_table, (long long)has, all[i].ours,
		    (long long)all[i].needed);
	}
	json_decref(lengths);
	return found;
}

/* A MERGE of no rows asks for the same rights as any other. */
static void try_table(struct doctor *d, const struct settings *s,
    const struct inbox *inbox, const struct inbox_columns *columns)
{
	char *mend = mem_printf("grant select, update on table %s to the role "
				"of [source.%s], and usage on its schema",
	    s->inbox_table, s->inbox_source);
	json_t *none = json_array(), *names = NULL;
	struct inbox_told told = {.aside = NULL};
	struct err e;

	if (source_begin_job(inbox->source, &session, &e) == 0)
		names = inbox_list_columns(inbox, &e);
	if (names == NULL)
		doctor_say(d, DOCTOR_FAILED, "inbox", mend,
		    "%s cannot be read: %s", s->inbox_table, e.text);
	else if (compare(d, s, columns, names) == 0) {
		if (inbox_tell(inbox, none, &told, &e) != 0)
			doctor_say(d, DOCTOR_FAILED, "inbox", mend,
			    "%s cannot be written back: %s", s->inbox_table,
			    e.text);
		else if (measure(d, s, inbox, columns) == 0)
			doctor_say(d, DOCTOR_OK, "inbox", NULL,
			    "%s:%s has all columns, and may be read and "
			    "written back",
			    s->inbox_source, s->inbox_table);
	}
	json_decref(told.aside);
	json_decref(names);
	json_decref(none);
	free(mend);
}

static void say_state(
    struct doctor *d, const struct settings *s, const json_t *state)
{
	const char *fault = json_str(state, "fault", NULL);
	const char *error = json_str(state, "error", NULL);
	const char *remark = json_str(state, "remark", NULL);

	if (fault != NULL)
		doctor_say(d, DOCTOR_FAILED, "inbox owner", NULL, "%s", fault);
	else if (json_bool(state, "mighty", false))
		doctor_say(d, DOCTOR_WARN, "inbox owner",
		    "name a role for this purpose in [inbox] owner, and grant "
		    "it what its reports need",
		    "%s is an operator: a row may use every source and path",
		    s->inbox_owner);
	if (error != NULL)
		doctor_say(d, DOCTOR_FAILED, "inbox turns", NULL,
		    "the last turn failed: %s", error);
	else
		doctor_say(d, remark ? DOCTOR_WARN : DOCTOR_OK, "inbox turns",
		    NULL,
		    "last read %s, last written back %s, %lld changes to "
		    "write back%s%s",
		    json_str(state, "read_at", "never"),
		    json_str(state, "told_at", "never"),
		    (long long)json_int(state, "untold", 0), remark ? "; " : "",
		    remark ? remark : "");
}

static void ask_queue(struct doctor *d, const struct settings *s,
    const struct inbox_columns *columns)
{
	char *name = inbox_name(s);
	struct buf fields;
	json_t *state;
	struct err e;

	buf_init(&fields, 1 << 20);
	inbox_fields_array(columns, &fields);
	state = connect_json(d->c, sql_inbox, 3,
	    (const char *const[]){name, s->inbox_owner, fields.data}, &e);
	if (state == NULL)
		doctor_say(d, DOCTOR_FAILED, "inbox owner", NULL, "%s", e.text);
	else
		say_state(d, s, state);
	json_decref(state);
	buf_free(&fields);
	free(name);
}

void doctor_inbox(struct doctor *d)
{
	const struct settings *s = d->c->settings;
	struct inbox_columns columns;
	struct inbox inbox = {.table = s->inbox_table, .columns = &columns};
	struct err e;

	if (s->inbox_source == NULL ||
	    inbox_columns_read(s->inbox_columns, &columns, &e) != 0)
		return;
	inbox.source =
	    connect_source(d->c, settings_source(s, s->inbox_source), &e);
	if (inbox.source == NULL)
		doctor_say(d, DOCTOR_FAILED, "inbox", NULL, "%s", e.text);
	else
		try_table(d, s, &inbox, &columns);
	source_close(inbox.source);
	if (d->c->queue != NULL)
		ask_queue(d, s, &columns);
	inbox_columns_free(&columns);
}
