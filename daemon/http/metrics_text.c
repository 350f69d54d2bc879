/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "http/metrics.h"

#define COUNT_OF(table) (sizeof(table) / sizeof(*(table)))

/* The name and meaning of samples. Samples of a histogram have the suffixes _bucket, _sum and
 * _count. */
struct family {
	const char *name, *type, *help;
};

static const struct family of_process[] = {
    {"up", "gauge", "1 while the daemon beside this server holds its lease."},
    {"worker_restarts_total", "counter",
	"Workers of the daemon beside this server that ended by themselves."},
    {"http_requests_total", "counter",
	"Answers of this server by the first digit of their status."},
    {"http_connections", "gauge", "Open connections of this server."},
};

/* The samples of reportd.metrics(). */
static const struct family of_queue[] = {
    {"daemons", "gauge", "Daemons whose lease holds."},
    {"workers", "gauge", "Workers of these daemons."},
    {"workers_busy", "gauge", "Reports that run."},
    {"queue_due", "gauge", "Reports that are due and wait for a worker."},
    {"queue_oldest_due_age_seconds", "gauge",
	"How long the report that is due for longest has been due."},
    {"requests_waiting", "gauge",
	"Requests that wait for other reports, or after another request."},
    {"reports", "gauge", "Reports by how they are."},
    {"schedules_overdue", "gauge",
	"Schedules that should have fired more than a minute ago."},
    {"runs_total", "counter", "Runs that have ended."},
    {"run_retries_total", "counter",
	"Runs that were a second or later attempt."},
    {"reports_failed_total", "counter",
	"Reports that ended FAILED, after their last attempt or without one."},
    {"lease_losses_total", "counter", "Runs whose daemon lost its lease."},
    {"output_rows_total", "counter", "Rows of completed runs."},
    {"output_bytes_total", "counter", "Bytes of completed runs."},
    {"stage_duration_seconds", "histogram",
	"How long the stages of runs took."},
    {"checks_total", "counter", "Checks of runs by how they came out."},
    {"last_score", "gauge",
	"Score of the checks of a report's last run, 0 to 100."},
    {"notices_waiting", "gauge", "Notices that are to be delivered."},
    {"notices_failed_last_day", "gauge",
	"Notices of the last 24 hours that were given up."},
    {"last_success_timestamp_seconds", "gauge",
	"When the last completed run of a report ended."},
    {"horizon_lag_seconds", "gauge",
	"How far the newest complete horizon of a report lies back."},
    {"horizon_held_seconds", "gauge",
	"Age of the transaction that held the newest horizon of a report "
	"back."},
    {"input_files", "gauge", "Files of inputs by how they are."},
    {"inbox_taken_total", "counter",
	"Rows of an inbox that have become reports."},
    {"inbox_refused_total", "counter",
	"Rows of an inbox that have become none."},
    {"inbox_untold", "gauge",
	"Changes that wait to be written back to an inbox."},
    {"inbox_untold_age_seconds", "gauge",
	"Age of the oldest of these changes."},
    {"inbox_aside", "gauge",
	"Rows of an inbox that its database refuses to write back."},
    {"inbox_last_success_timestamp_seconds", "gauge",
	"When an inbox was last read."},
};

/* Says whether a sample belongs to a family. */
static bool belongs(const struct family *f, const char *name)
{
	size_t len = strlen(f->name);

	if (strncmp(name, f->name, len) != 0)
		return false;
	name += len;
	return *name == '\0' ||
	       (*f->type == 'h' &&
		   (strcmp(name, "_bucket") == 0 || strcmp(name, "_sum") == 0 ||
		       strcmp(name, "_count") == 0));
}

static void put_label(struct buf *b, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\n') {
			buf_str(b, "\\n");
			continue;
		}
		if (*value == '"' || *value == '\\')
			buf_char(b, '\\');
		buf_char(b, *value);
	}
}

static void put_labels(struct buf *b, const json_t *labels)
{
	const char *name, *before = "{";
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)labels, name, value)
	{
		const char *text = json_string_value(value);

		buf_printf(b, "%s%s=\"", before, name);
		put_label(b, text ? text : "");
		buf_char(b, '"');
		before = ",";
	}
	if (*before == ',')
		buf_char(b, '}');
}

static void put_sample(struct buf *b, const json_t *sample)
{
	const json_t *value = json_array_get(sample, 2);

	buf_printf(
	    b, "reportd_%s", json_string_value(json_array_get(sample, 0)));
	put_labels(b, json_array_get(sample, 1));
	if (json_is_integer(value))
		buf_printf(b, " %lld\n", (long long)json_integer_value(value));
	else
		buf_printf(b, " %.17g\n", json_number_value(value));
}

static void write_families(const struct family families[], size_t count,
    const json_t *samples, struct buf *b)
{
	for (size_t f = 0; f < count; f++) {
		const json_t *sample;
		size_t i;

		buf_printf(b,
		    "# HELP reportd_%s %s\n"
		    "# TYPE reportd_%s %s\n",
		    families[f].name, families[f].help, families[f].name,
		    families[f].type);
		json_array_foreach(samples, i, sample)
		{
			const char *name =
			    json_string_value(json_array_get(sample, 0));

			if (name != NULL && belongs(&families[f], name))
				put_sample(b, sample);
		}
	}
}

void metrics_write_process(const json_t *samples, struct buf *b)
{
	write_families(of_process, COUNT_OF(of_process), samples, b);
}

void metrics_write_queue(const json_t *samples, struct buf *b)
{
	write_families(of_queue, COUNT_OF(of_queue), samples, b);
}
