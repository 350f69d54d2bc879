/* SPDX-License-Identifier: MIT */
#include "notice/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "place/scheme.h"

void notice_count(char to[static 32], int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRId64, n);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
}

bool notice_empty(const struct notice *n)
{
	return !n->failed && n->rows == 0 && n->outputs == NULL &&
	       *n->output_url == '\0';
}

static void add_rows(const struct notice *n, struct buf *to)
{
	char count[32];

	notice_count(count, n->rows);
	buf_printf(to, "%s row%s", count, n->rows == 1 ? "" : "s");
}

static bool read_time(const char *local, struct tm *tm)
{
	*tm = (struct tm){0};
	return strptime(local, "%Y-%m-%dT%H:%M", tm) != NULL;
}

void notice_date(const char *local, struct buf *to)
{
	char rest[64];
	struct tm tm;

	if (!read_time(local, &tm))
		return;
	strftime(rest, sizeof(rest), "%B %Y, %H:%M", &tm);
	buf_printf(to, "%d %s", tm.tm_mday, rest);
}

void notice_when(const struct notice *n, const char *local, struct buf *to)
{
	char day[32];
	struct tm tm;

	if (!read_time(local, &tm))
		return;
	strftime(day, sizeof(day), "%A", &tm);
	buf_printf(to, "%s, ", day);
	notice_date(local, to);
	buf_printf(to, " (%s)", n->time_zone);
}

void notice_subject(const struct notice *n, struct buf *to)
{
	buf_printf(to, "%s%s", n->failed ? "Failed: " : "", n->shown_name);
	if (*n->scheduled_for != '\0')
		buf_str(to, ", ");
	notice_date(n->scheduled_for, to);
	if (n->failed || n->rows < 0)
		return;
	buf_str(to, ": ");
	if (n->rows == 0)
		buf_str(to, "no data");
	else
		add_rows(n, to);
}

void notice_headline(const struct notice *n, struct buf *to)
{
	if (n->failed) {
		buf_printf(to, "%s failed.", n->shown_name);
	} else if (notice_empty(n)) {
		buf_printf(to, "There was no data for %s.", n->shown_name);
	} else if (n->rows < 0) {
		buf_printf(to, "%s is done.", n->shown_name);
	} else if (n->rows == 0) {
		buf_printf(to, "%s is ready, but empty: there was no data.",
		    n->shown_name);
	} else {
		buf_printf(to, "%s is ready: ", n->shown_name);
		add_rows(n, to);
		buf_char(to, '.');
	}
}

/* A sentence names this many files. */
#define FILES_MAX 5

void notice_inputs(const struct notice *n, struct buf *to)
{
	int64_t more = n->input_count;
	size_t i;
	json_t *one;

	if (n->inputs == NULL)
		return;
	buf_str(to, "It took ");
	if (n->input_count > 1)
		buf_printf(to, "%" PRId64 " files: ", n->input_count);
	json_array_foreach(n->inputs, i, one)
	{
		char *place, *shown;

		if (i == FILES_MAX)
			break;
		place = place_of_url(json_str(one, "url", ""));
		shown = notice_show(place);
		buf_printf(to, "%s%s", i > 0 ? ", " : "", shown);
		free(place);
		free(shown);
		more--;
	}
	if (more > 0)
		buf_printf(to, " and %" PRId64 " more", more);
	buf_char(to, '.');
}

const char *notice_trouble(const struct notice *n)
{
	static const struct {
		const char *stage, *words;
	} table[] = {
	    {"start", "It could not be started"},
	    {"fetch", "Its files could not be read"},
	    {"prep", "Its preparation (prep_sql) failed"},
	    {"check", "Its checks of the data let it not pass"},
	    {"export", "Its export failed"},
	    {"copy", "Its files could not be loaded"},
	    {"load", "Its rows could not go into their table"},
	    {"result", "Its result could not be kept"},
	    {"publish", "It could not be put into its place"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (strcmp(table[i].stage, n->error_stage) == 0)
			return table[i].words;
	}
	return "It failed";
}

const char *notice_error(const struct notice *n)
{
	size_t len = strlen(n->error_stage);

	if (len > 0 && strncmp(n->shown_error, n->error_stage, len) == 0 &&
	    strncmp(n->shown_error + len, ": ", 2) == 0)
		return n->shown_error + len + 2;
	return n->shown_error;
}

/* A single attempt is not mentioned: a repeat could not help, or none was
 * allowed. */
void notice_next(const struct notice *n, struct buf *to)
{
	if (n->run_attempt > 1)
		buf_printf(to, "It was tried %" PRId64 " times and is not ",
		    n->run_attempt);
	else
		buf_str(to, "It is not ");
	buf_str(to, "tried again by itself.");
	if (*n->next_run != '\0') {
		buf_str(to, " Its next regular time is ");
		notice_when(n, n->next_run, to);
		buf_char(to, '.');
	}
}

/* The part of a report that is to be corrected: when the statement is wrong, and
 * when a value of its rows does not fit. */
struct mend {
	const char *stage, *statement, *rows;
};

static const struct mend *mend_of(const struct notice *n)
{
	static const struct mend table[] = {
	    {"fetch", "inputs of the report", "the file that the error names"},
	    {"prep", "prep_sql of the report",
		"prep_sql of the report, or the rows that it reads"},
	    {"check", "checks of the report",
		"checks of the report, or the rows that they read"},
	    {"export", "export_sql of the report",
		"export_sql of the report, or the rows that it reads"},
	    {"result", "result_sql of the report",
		"result_sql of the report, or the rows that it reads"},
	    {"copy", "inputs of the report, or its table",
		"the file that the error names, or the type of the column"},
	    {"load", "output_options of the report, or its table",
		"the rows, or the rules of the table"},
	    {"publish", "output_options of the report, or its table",
		"the rows, or the rules of the table"},
	    {"", "the report", "the report, or the rows that it reads"},
	};
	size_t i = 0;

	while (i < sizeof(table) / sizeof(*table) - 1 &&
	       strcmp(table[i].stage, n->error_stage) != 0)
		i++;
	return &table[i];
}

static bool has_class(const struct notice *n, const char *class)
{
	return strncmp(n->error_sqlstate, class, strlen(class)) == 0;
}

/* Files that one request takes fail together. */
static void add_batch(const struct notice *n, struct buf *to)
{
	if (n->input_count > 1)
		buf_printf(to,
		    " Its %" PRId64 " files failed together; with "
		    "`\"batch\": 1` in inputs each has a request of its own, "
		    "and only the bad one fails.",
		    n->input_count);
}

void notice_hint(const struct notice *n, struct buf *to)
{
	const struct mend *mend = mend_of(n);

	if (has_class(n, "42501"))
		buf_str(
		    to, "Grant the user whom the error names what it lacks");
	else if (has_class(n, "42") || has_class(n, "0A"))
		buf_printf(to, "Correct %s", mend->statement);
	else if (has_class(n, "22") || has_class(n, "23"))
		buf_printf(to, "Correct %s", mend->rows);
	else if (strcmp(n->error_stage, "check") == 0)
		buf_printf(to,
		    "`reportctl show %" PRId64 "` lists the checks and what "
		    "they found; mend the data or the check",
		    n->config_id);
	else
		buf_printf(to,
		    "`reportctl status %" PRId64 "` shows all attempts; mend "
		    "the cause",
		    n->config_id);
	buf_printf(to,
	    ", then run it again with `reportctl retry %" PRId64 "`.",
	    n->config_id);
	add_batch(n, to);
}

void notice_traces(const struct notice *n, struct buf *to)
{
	buf_printf(
	    to, "Report %" PRId64 ", run %" PRId64, n->config_id, n->run_id);
	if (n->failed && *n->error_sqlstate != '\0')
		buf_printf(to, ", SQLSTATE %s", n->error_sqlstate);
}
