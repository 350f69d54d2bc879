/* SPDX-License-Identifier: MIT */
#include "worker/inbox.h"

#include <stdlib.h>
#include <string.h>

#include "inbox/inbox.h"

static json_t *read_page(
    const struct inbox *inbox, const json_t *message, struct err *e)
{
	struct inbox_page page = {.after = json_str(message, "after", ""),
	    .pending = json_bool(message, "pending", true)};
	json_t *answer = NULL;

	if (inbox_read(inbox, &page, e) == 0)
		answer = json_pack("{sO ss* sI sb sb sb}", "rows", page.rows,
		    "last", page.last, "nameless", (json_int_t)page.nameless,
		    "unreadable", page.unreadable, "more", page.more, "pending",
		    page.pending);
	json_decref(page.rows);
	free(page.last);
	return answer;
}

static json_t *tell(
    const struct inbox *inbox, const json_t *rows, struct err *e)
{
	struct inbox_told done;
	json_t *told = NULL;

	if (inbox_tell(inbox, rows, &done, e) == 0)
		told = json_array();
	for (size_t i = 0; told != NULL && i < done.count; i++) {
		const json_t *row = json_array_get(rows, i);

		json_array_append_new(
		    told, json_pack("[OO]", json_object_get(row, "id"),
			      json_object_get(row, "revision")));
	}
	if (told == NULL)
		json_decref(done.aside);
	return told ? json_pack("{so so}", "told", told, "aside", done.aside)
		    : NULL;
}

static json_t *take_step(
    const struct inbox *inbox, const json_t *message, struct err *e)
{
	const struct job_session session = {.application_name = "reportd inbox",
	    .time_zone = "UTC",
	    .statement_timeout_ms = json_int(message, "limit", 0)};
	const json_t *rows = json_object_get(message, "tell");

	if (source_begin_job(inbox->source, &session, e) != 0)
		return NULL;
	return rows ? tell(inbox, rows, e) : read_page(inbox, message, e);
}

static json_t *do_step(
    const json_t *message, struct services *services, struct err *e)
{
	const struct source_reach reach = services_reach(services);
	struct source_settings *from =
	    settings_unpack_source(json_str(message, "source", ""), e);
	struct inbox_columns columns = {0};
	struct inbox inbox = {.table = json_str(message, "table", ""),
	    .columns = &columns,
	    .until_ms = json_int(message, "until", 0)};
	json_t *answer = NULL;

	if (from != NULL &&
	    inbox_columns_read(
		json_str(message, "columns", NULL), &columns, e) == 0)
		inbox.source =
		    source_connect(&(struct source_how){.config = from->config,
				       .reach = &reach,
				       .watch = services_watch(services)},
			e);
	if (inbox.source != NULL) {
		answer = take_step(&inbox, message, e);
		source_close(inbox.source);
	}
	inbox_columns_free(&columns);
	settings_free_source(from);
	return answer;
}

/* A statement that only reads does no harm later. A server that has refused a statement, by its
 * SQLSTATE, does not run it any more; class 08 is about the connection. */
static bool is_over(const json_t *message, const struct err *e)
{
	return json_object_get(message, "tell") == NULL ||
	       (e->sqlstate[0] != '\0' && strncmp(e->sqlstate, "08", 2) != 0);
}

void inbox_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out)
{
	struct err e = {.text = ""};
	json_t *answer = do_step(message, services, &e);

	(void)stopped;
	if (answer == NULL && e.kind == ERR_CANCELLED)
		answer = json_pack(
		    "{sb sb}", "again", true, "over", is_over(message, &e));
	else if (answer == NULL)
		answer = json_pack(
		    "{ss sb}", "error", e.text, "over", is_over(message, &e));
	message_errand(
	    out, MSG_INBOXED, json_int(message, "run_id", 0), answer);
}

/* An old MERGE that goes on although it was broken off must not come after a new one. */
bool inbox_repeats(const json_t *message)
{
	return json_object_get(message, "tell") == NULL;
}

void inbox_decline(const json_t *message, struct buf *out)
{
	message_errand(out, MSG_INBOXED, json_int(message, "run_id", 0),
	    json_pack("{sb sb}", "again", true, "over", true));
}
