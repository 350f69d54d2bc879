/* SPDX-License-Identifier: MIT */
#include "ctl/lib/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/human.h"
#include "sql/ctl.h"

/* Progress is stored about once a second. Without a terminal only the end
 * matters; the slow poll is for ends that nobody notifies. */
#define TERMINAL_MS 500
#define DEAF_MS 1000 /* [queue] listen = off */
#define POLL_MS 5000

struct follow {
	struct ctl *c;
	const char *config_id;
	char *request_id; /* NULL: not known yet */
	bool terminal;
	bool warned; /* that no daemon is there */
};

static void clear(struct follow *f)
{
	if (f->terminal)
		fputs("\r\033[K", stderr);
}

static void draw(struct follow *f, const json_t *report)
{
	const char *status = json_str(report, "status", "");
	bool running = strcmp(status, "PROCESSING") == 0;
	bool alone = json_int(report, "daemons", 0) == 0;
	char bar[HUMAN_SIZE], rows[HUMAN_SIZE], size[HUMAN_SIZE];

	clear(f);
	if (alone && !f->warned)
		fprintf(stderr,
		    "reportctl: no daemon is running; report %s waits for "
		    "one\n",
		    f->config_id);
	f->warned = alone;
	if (!f->terminal)
		return;
	fprintf(stderr, "report %s  %s", f->config_id, status);
	if (running)
		fprintf(stderr, "  %-6s %s  %s  %s",
		    json_str(report, "stage", ""), human_bar(bar, report),
		    human_rows(rows, json_int(report, "row_count", 0)),
		    human_bytes(size, json_int(report, "byte_count", 0)));
	fflush(stderr);
}

static bool is_about(const char *payload, const char *request_id)
{
	struct err unused;
	json_t *news = json_parse_object(payload, strlen(payload), &unused);
	bool same = json_int(news, "request_id", -1) == atoll(request_id);

	json_decref(news);
	return same;
}

/* Until news of the report, or for a while. */
static int wait_for_news(struct follow *f, struct err *e)
{
	int64_t deadline = clock_boot_ms();

	if (f->terminal)
		deadline += TERMINAL_MS;
	else
		deadline += f->c->settings->listen ? POLL_MS : DEAF_MS;
	for (;;) {
		char *payload;
		bool same;
		int rc = pg_wait_notify(f->c->queue, deadline, &payload, e);

		if (rc <= 0)
			return rc;
		same = is_about(payload, f->request_id);
		free(payload);
		if (same)
			return 0;
	}
}

static bool ended(const json_t *report)
{
	const char *status = json_str(report, "status", "");

	return strcmp(status, "PENDING") != 0 &&
	       strcmp(status, "PROCESSING") != 0 &&
	       strcmp(status, "QUEUED") != 0 && strcmp(status, "WAITING") != 0;
}

/* NULL with *e filled, or the report at its end. */
static json_t *wait_for_end(struct follow *f, struct err *e)
{
	for (;;) {
		json_t *report;

		if (f->terminal)
			connect_looks(f->c);
		report = connect_json(f->c, sql_progress, 2,
		    (const char *const[]){f->config_id, f->request_id}, e);

		if (report == NULL)
			return NULL;
		if (json_is_null(report)) {
			err_set(e, ERR_PERMANENT, "it was deleted");
			return NULL;
		}
		if (f->request_id == NULL)
			f->request_id = mem_printf("%lld",
			    (long long)json_int(report, "request_id", 0));
		if (ended(report))
			return report;
		draw(f, report);
		json_decref(report);
		if (wait_for_news(f, e) != 0) {
			err_wrap(e, "no longer waiting for it; it goes on");
			return NULL;
		}
	}
}

/* Its outputs, one a line when there are several. */
static void print_good(const json_t *report)
{
	const char *url = json_str(report, "output_url", NULL);
	const char *remark = json_str(report, "remark", NULL);
	const json_t *outputs = json_object_get(report, "outputs"), *one;
	size_t i;

	printf("COMPLETED%s%s\n", url ? " " : "", url ? url : "");
	json_array_foreach(outputs, i, one)
	{
		if (i > 0)
			printf("          %s\n", json_str(one, "url", ""));
	}
	if (remark != NULL)
		fprintf(stderr, "%s\n", remark);
}

static int print(struct follow *f, json_t *report, struct err *e)
{
	const char *status = json_str(report, "status", "");
	int rc = 0;

	if (strcmp(status, "COMPLETED") != 0)
		rc = err_set(e, ERR_PERMANENT, "report %s %s: %s", f->config_id,
		    status, json_str(report, "error_message", "no message"));
	if (f->c->json) {
		json_object_del(report, "daemons");
		json_object_del(report, "total_rows");
		connect_print_json(report);
		return rc;
	}
	if (rc == 0)
		print_good(report);
	else
		puts(status);
	json_decref(report);
	return rc;
}

int follow_prepare(struct ctl *c, struct err *e)
{
	return c->settings->listen ? pg_exec(c->queue, sql_listen, e) : 0;
}

int follow_report(
    struct ctl *c, const char *config_id, const char *request_id, struct err *e)
{
	struct follow f = {.c = c,
	    .config_id = config_id,
	    .request_id = request_id ? mem_strdup(request_id) : NULL,
	    .terminal = isatty(STDERR_FILENO) != 0};
	json_t *report = wait_for_end(&f, e);

	clear(&f);
	free(f.request_id);
	if (report == NULL)
		return err_wrap(e, "report %s", config_id);
	return print(&f, report, e);
}
