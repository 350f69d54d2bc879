/* SPDX-License-Identifier: MIT */
#include "supervisor/queue/ask.h"

#include "base/mem.h"
#include "services/login.h"
#include "source/postgres/pg.h"

/* In all, with its repeats. */
#define LOGIN_MS 60000
#define PROCESS_MS 10000

static char *read_login(
    const void *what, const struct watch *watch, struct err *e)
{
	const struct queue_ask *q = what;
	struct services *services = services_open(q->settings);
	struct login login = {
	    .conninfo = q->conninfo, .secret_arn = q->secret_arn};

	services_set_watch(services, watch);
	return login_conninfo(NULL, services, &login, q->fresh, e);
}

static char *read_process(
    const void *what, const struct watch *watch, struct err *e)
{
	const struct queue_ask *q = what;
	struct pg *pg = pg_connect(q->conninfo, watch, e);
	int told, real;

	if (pg == NULL || pg_processes(pg, &told, &real, e) != 0)
		return NULL;
	pg_close(pg);
	return mem_printf("%d", real);
}

static struct child *start(
    const struct queue_ask *q, const struct child_options *how, struct err *e)
{
	struct child_options o = *how;

	o.loop = q->loop;
	o.what = q;
	o.ready = q->ready;
	o.arg = q->arg;
	return child_start(&o, e);
}

struct child *queue_ask_login(const struct queue_ask *q, struct err *e)
{
	return start(q,
	    &(struct child_options){.name = "reportd-secret",
		.task = "reads the queue's secret",
		.timeout_ms = LOGIN_MS,
		.work = read_login},
	    e);
}

struct child *queue_ask_process(const struct queue_ask *q, struct err *e)
{
	return start(q,
	    &(struct child_options){.name = "reportd-pooler",
		.task = "looks for a pooler",
		.timeout_ms = PROCESS_MS,
		.work = read_process},
	    e);
}
