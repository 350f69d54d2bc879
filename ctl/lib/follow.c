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
#include "ctl/lib/result.h"
#include "ctl/lib/table.h"
#include "sql/ctl.h"

/* Milliseconds between two queries. Daemons store progress about once a second,
 * which only a terminal shows. POLL_MS is for ends of which no notification
 * arrives. */
#define TERMINAL_MS 500
#define DEAF_MS 1000 /* with [queue] listen = off */
#define POLL_MS 5000
/* Milliseconds: limit of the wait for the run's notices to be tried, and the
 * time between two looks at them. */
#define NOTICES_MS 5000
#define LOOK_MS 250

struct follow {
	struct ctl *c;
	const char *config_id;
	char *request_id; /* NULL: not known yet */
	/* begins what is printed about the report; NULL: there is only one */
	const char *label;
	json_t
	    *told; /* takes the reports instead of JSON's output; NULL: none */
	bool terminal;
	bool warned; /* the user knows that no daemon runs */
};

static void clear(struct follow *f)
{
	if (f->terminal)
		fputs("\r\033[K", stderr);
}

static void warn(struct follow *f, const json_t *state)
{
	bool alone = json_int(state, "daemons", 0) == 0;

	if (alone && !f->warned)
		fprintf(stderr,
		    "reportctl: no daemon is running; report %s waits for "
		    "one\n",
		    f->config_id);
	f->warned = alone;
}

static void draw(struct follow *f, const json_t *report)
{
	const char *status = json_str(report, "status", "");
	bool running = strcmp(status, "PROCESSING") == 0;
	char bar[HUMAN_SIZE], rows[HUMAN_SIZE], size[HUMAN_SIZE];

	clear(f);
	warn(f, report);
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

/* Waits for news of the report, or until the next query is due. */
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

/* Waits until the report has ended and returns it; NULL with *e on error. */
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

/* Waits until every notice of the run has been tried, at most NOTICES_MS.
 * Returns the notices; NULL: they could not be read. */
static json_t *wait_for_notices(struct follow *f, const json_t *report)
{
	int64_t deadline = clock_boot_ms() + NOTICES_MS;
	char run_id[32];
	const char *params[] = {run_id};

	snprintf(run_id, sizeof(run_id), "%lld",
	    (long long)json_int(report, "run_id", 0));
	for (;;) {
		struct err unused;
		int64_t now = clock_boot_ms();
		json_t *notices =
		    connect_json(f->c, sql_told, 1, params, &unused);
		bool untried = false;
		const json_t *one;
		char *payload = NULL;
		size_t i;

		json_array_foreach(notices, i, one) untried =
		    untried || json_bool(one, "untried", false);
		if (!untried || now >= deadline)
			return notices;
		json_decref(notices);
		if (pg_wait_notify(
			f->c->queue, now + LOOK_MS, &payload, &unused) < 0)
			return NULL;
		free(payload);
	}
}

static void print_notices(const json_t *notices)
{
	const json_t *n;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)notices, i, n)
	{
		const char *error = json_str(n, "last_error", NULL);
		bool failed = strcmp(json_str(n, "state", ""), "FAILED") == 0;
		char *text;

		if (error == NULL ||
		    strcmp(json_str(n, "state", ""), "SENT") == 0)
			continue;
		text = mem_printf("reportctl: the notice %lld to %s %s: %s",
		    (long long)json_int(n, "notification_id", 0),
		    json_str(n, "recipient", ""),
		    failed ? "FAILED" : "is tried again", error);
		table_say(stderr, text);
		free(text);
	}
}

static void print_place(const char *url, const char *before)
{
	char *place = url ? result_place(url) : NULL;
	char *clean = place ? table_clean(place) : NULL;

	if (clean != NULL)
		printf("%s%s", before, clean);
	free(clean);
	free(place);
}

static void print_status(const struct follow *f, const char *status)
{
	if (f->label != NULL)
		printf("%s: ", f->label);
	printf("%s", status);
}

/* Prints the outputs of a run that COMPLETED, each on its own line. */
static void print_good(const struct follow *f, const json_t *report)
{
	const char *url = json_str(report, "output_url", NULL);
	const char *remark = json_str(report, "remark", NULL);
	const json_t *outputs = json_object_get(report, "outputs"), *one;
	size_t i;

	print_status(f, "COMPLETED");
	print_place(url, " ");
	putchar('\n');
	json_array_foreach(outputs, i, one)
	{
		if (i == 0)
			continue;
		print_place(json_str(one, "url", ""), "          ");
		putchar('\n');
	}
	if (remark != NULL)
		table_say(stderr, remark);
}

static int print(struct follow *f, json_t *report, struct err *e)
{
	const char *status = json_str(report, "status", "");
	json_t *notices = wait_for_notices(f, report);
	int rc = 0;

	if (strcmp(status, "COMPLETED") != 0)
		rc = err_set(e, ERR_PERMANENT, "report %s %s: %s", f->config_id,
		    status, json_str(report, "error_message", "no message"));
	if (f->c->json) {
		json_object_del(report, "daemons");
		json_object_del(report, "total_rows");
		json_object_set_new(
		    report, "notices", notices ? notices : json_null());
		if (f->told != NULL)
			json_array_append_new(f->told, report);
		else
			connect_print_json(report);
		return rc;
	}
	if (rc == 0)
		print_good(f, report);
	else {
		print_status(f, status);
		putchar('\n');
	}
	fflush(stdout);
	print_notices(notices);
	json_decref(notices);
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

/* ---- a pipeline ---- */

static bool is_status(const json_t *request, const char *status)
{
	return strcmp(json_str(request, "status", ""), status) == 0;
}

/* Prints how a request of the pipeline ended. -1: it did not COMPLETE. */
static int tell(struct follow *f, const json_t *request)
{
	char config_id[32], request_id[32];
	struct follow one = *f;
	struct err e;
	json_t *report;

	snprintf(config_id, sizeof(config_id), "%lld",
	    (long long)json_int(request, "config_id", 0));
	snprintf(request_id, sizeof(request_id), "%lld",
	    (long long)json_int(request, "request_id", 0));
	one.config_id = config_id;
	one.request_id = request_id;
	one.label = json_str(request, "report", config_id);
	report = connect_json(f->c, sql_progress, 2,
	    (const char *const[]){config_id, request_id}, &e);
	if (report != NULL && json_is_null(report))
		err_set(
		    &e, ERR_PERMANENT, "report %s: it was deleted", config_id);
	else if (report != NULL && print(&one, report, &e) == 0)
		return 0;
	fprintf(stderr, "reportctl: %s\n", e.text);
	return -1;
}

/* Prints what a request waits for that will not come by itself. */
static void tell_waiting(struct follow *f, const json_t *request)
{
	const char *label = json_str(request, "report", "");

	if (f->told != NULL)
		json_array_append(f->told, (json_t *)(uintptr_t)request);
	else
		printf("%s: WAITING\n", label);
	fprintf(stderr, "reportctl: report %s still waits for %s\n", label,
	    json_str(request, "waits_for", "another one"));
}

/* The requests of a pipeline, as the last answer had them. */
struct pipeline {
	json_t *ended; /* ids of the requests whose end was printed */
	int failed;    /* number of these that did not COMPLETE */
	int waiting;   /* number of requests that are WAITING */
	int others;    /* number of requests that are due or run */
};

/* Tells of the requests that have ended since the last call. */
static void take(struct follow *f, struct pipeline *p, const json_t *requests)
{
	const json_t *one;
	size_t i;

	p->waiting = p->others = 0;
	json_array_foreach((json_t *)(uintptr_t)requests, i, one)
	{
		char id[32];

		snprintf(id, sizeof(id), "%lld",
		    (long long)json_int(one, "request_id", 0));
		if (!ended(one)) {
			p->waiting += is_status(one, "WAITING");
			p->others += !is_status(one, "WAITING");
			continue;
		}
		if (json_object_get(p->ended, id) != NULL)
			continue;
		json_object_set_new(p->ended, id, json_true());
		clear(f);
		p->failed += tell(f, one) != 0;
	}
}

/* Waits for the next end, or until the next query is due. */
static int wait_for_any(struct follow *f, bool opening, struct err *e)
{
	bool often = opening || f->terminal;
	char *payload = NULL;
	int rc = pg_wait_notify(f->c->queue,
	    clock_boot_ms() + (often                       ? TERMINAL_MS
				  : f->c->settings->listen ? POLL_MS
							   : DEAF_MS),
	    &payload, e);

	free(payload);
	return rc < 0 ? err_wrap(e, "no longer waiting for it; it goes on") : 0;
}

/* Looks once. 1: all has ended that will end by itself; 0: something goes on. */
static int look(struct follow *f, struct pipeline *p, struct err *e)
{
	json_t *state = connect_json(
	    f->c, sql_cascade, 1, (const char *const[]){f->request_id}, e);
	const json_t *requests = json_object_get(state, "requests"), *one;
	bool opening = json_bool(state, "opening", false);
	int rc = 0;
	size_t i;

	if (state == NULL)
		return -1;
	if (json_array_size(requests) == 0)
		rc = err_set(e, ERR_PERMANENT, "it was deleted");
	else
		take(f, p, requests);
	/* A request that waits for a failed one waits for a person. */
	if (rc == 0 && p->others == 0 && !opening &&
	    (p->waiting == 0 || p->failed > 0)) {
		rc = 1;
		json_array_foreach(requests, i, one)
		{
			if (is_status(one, "WAITING"))
				tell_waiting(f, one);
		}
	}
	if (rc == 0) {
		clear(f);
		warn(f, state);
		if (f->terminal)
			fprintf(stderr, "report %s  %zu of %zu requests ended",
			    f->config_id, json_object_size(p->ended),
			    json_array_size(requests));
		rc = wait_for_any(f, opening, e);
	}
	json_decref(state);
	return rc;
}

int follow_cascade(
    struct ctl *c, const char *config_id, const char *request_id, struct err *e)
{
	struct follow f = {.c = c,
	    .config_id = config_id,
	    .request_id = mem_strdup(request_id),
	    .told = c->json ? json_array() : NULL,
	    .terminal = isatty(STDERR_FILENO) != 0};
	struct pipeline p = {.ended = json_object()};
	int rc;

	do
		rc = look(&f, &p, e);
	while (rc == 0);
	clear(&f);
	if (rc < 0)
		err_wrap(e, "report %s", config_id);
	else if (c->json)
		connect_print_json(json_incref(f.told));
	if (rc > 0 && p.failed > 0)
		rc = err_set(e, ERR_PERMANENT,
		    "%d of %zu requests did not complete", p.failed + p.waiting,
		    json_object_size(p.ended) + (size_t)p.waiting);
	json_decref(p.ended);
	json_decref(f.told);
	free(f.request_id);
	return rc < 0 ? -1 : 0;
}
