/* SPDX-License-Identifier: MIT */
#include "supervisor/tick/lease.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/schema.h"
#include "base/str.h"
#include "config.h"
#include "sql/queue.h"
#include "sql/upgrade.h"
#include "supervisor/tick/own_sources.h"

#define SERVER_MIN 130000
/* The runs in hand: 256 workers with 24 each, and those whose results are not
 * recorded yet, 20 bytes a number. */
#define IDS_MAX (1u << 20)

/* Returns the schema version of this program: the number of its last
 * upgrade. */
static int schema_version(void)
{
	return atoi(upgrades[sizeof(upgrades) / sizeof(*upgrades) - 1].name);
}

static const struct statement version = {"version", sql_version, 0};
static const struct statement enrol = {"register", sql_register, 11};
static const struct statement sources = {"sources", sql_sources, 7};
static const struct statement recover = {"recover", sql_recover, 2};
static const struct statement retire = {"retire", sql_retire, 1};

struct lease {
	struct lease_options o;
	char id[37]; /* UUID of the daemon; "": none */
	/* boot clock, ms: when the last accepted heartbeat was sent */
	int64_t beat_ms;
	int64_t lease_ms; /* ms: the lease in the daemon's row */
	void (*retired)(void *arg);
	void *retired_arg;
};

struct lease *lease_open(const struct lease_options *options)
{
	struct lease *l = mem_zalloc(sizeof(*l));

	l->o = *options;
	return l;
}

void lease_free(struct lease *l)
{
	free(l);
}

const char *lease_worker_id(const struct lease *l)
{
	return l->id[0] ? l->id : NULL;
}

void lease_renewed(struct lease *l, int64_t sent_ms, int64_t lease_ms)
{
	l->beat_ms = sent_ms;
	if (lease_ms != 0)
		l->lease_ms = lease_ms;
	l->o.events->renewed(l->o.arg);
}

int64_t lease_until(const struct lease *l)
{
	return l->id[0] ? l->beat_ms + l->lease_ms : 0;
}

static void complain(
    const struct lease *l, const char *what, const struct err *e)
{
	struct err said = *e;

	/* A lost connection is made again, and all of this starts anew. */
	if (e->kind == ERR_LOST)
		return;
	if (strcmp(e->sqlstate, "42501") == 0) /* a privilege is missing */
		err_set(&said, e->kind,
		    "%s: grant the role reportd_daemon to the daemon's user; "
		    "`reportctl init` makes it",
		    e->text);
	LOG(l->o.log, LVL_ERROR, L_MSG(what), L_STR("error", said.text),
	    L_STR("sqlstate", e->sqlstate));
}

/* Logs a failure and has the connection made again: a lock, a missing privilege
 * or a full disk may be gone then. */
static void try_on(struct lease *l, const char *what, const struct err *e)
{
	complain(l, what, e);
	if (e->kind != ERR_LOST)
		queue_give_up(l->o.queue, e);
}

static void on_sources(
    void *arg, const struct reply *reply, const struct err *e)
{
	if (reply == NULL)
		complain(arg, "registering the sources failed", e);
}

void lease_set_settings(struct lease *l, const struct settings *settings)
{
	struct own_sources own;

	l->o.settings = settings;
	/* Without a lease they are sent with the registration. */
	if (l->id[0] == '\0' || !queue_is_up(l->o.queue))
		return;
	own_sources_list(&own, settings);
	queue_send(l->o.queue, NULL, &sources,
	    (const char *const[]){l->id, queue_text(&own.names),
		queue_text(&own.types), settings->output,
		queue_text(&own.folders), queue_text(&own.targets),
		queue_text(&own.target_types)},
	    on_sources, l);
	own_sources_free(&own);
}

static void on_recovered(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct lease *l = arg;

	if (reply == NULL) {
		complain(l, "recovering claims failed", e);
		if (e->kind == ERR_LOST)
			return;
	} else if (reply_rows(reply) > 0) {
		LOG(l->o.log, LVL_WARN,
		    L_MSG("gave back claims whose answer was lost"),
		    L_INT("count", reply_rows(reply)));
	}
	l->o.events->held(l->o.arg);
}

static void send_recover(struct lease *l)
{
	struct buf ids;

	buf_init(&ids, IDS_MAX);
	runs_ids(l->o.runs, &ids);
	queue_send(l->o.queue, NULL, &recover,
	    (const char *const[]){l->id, queue_text(&ids)}, on_recovered, l);
	buf_free(&ids);
}

static void on_enrolled(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct lease *l = arg;

	if (reply == NULL || reply_rows(reply) != 1) {
		try_on(l, "cannot register in reportd.report_worker", e);
		return;
	}
	str_copy(l->id, sizeof(l->id), reply_text(reply, 0, 0));
	LOG(l->o.log, LVL_INFO, L_MSG("registered"), L_STR("worker_id", l->id));
	l->o.events->renewed(l->o.arg);
	l->o.events->held(l->o.arg);
}

static void send_enrol(struct lease *l)
{
	const struct settings *s = l->o.settings;
	char host[256] = "", pid[16], workers[32], lease[32];
	struct own_sources own;

	gethostname(host, sizeof(host) - 1);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	snprintf(workers, sizeof(workers), "%" PRId64, s->workers);
	snprintf(lease, sizeof(lease), "%" PRId64, s->lease);
	l->beat_ms = clock_boot_ms();
	l->lease_ms = s->lease;
	own_sources_list(&own, s);
	queue_send(l->o.queue, NULL, &enrol,
	    (const char *const[]){host, pid, PACKAGE_VERSION, workers, lease,
		queue_text(&own.names), queue_text(&own.types), s->output,
		queue_text(&own.folders), queue_text(&own.targets),
		queue_text(&own.target_types)},
	    on_enrolled, l);
	own_sources_free(&own);
}

static void unfit(struct lease *l, enum schema_fit fit, int64_t found)
{
	char text[256];

	if (fit == SCHEMA_TOO_OLD)
		snprintf(text, sizeof(text),
		    "the reportd schema is at version %" PRId64
		    ", this reportd needs %d: run `reportctl init` to upgrade "
		    "it",
		    found, SCHEMA_OLDEST);
	else
		snprintf(text, sizeof(text),
		    "the reportd schema is at version %" PRId64
		    ", this reportd knows only %d: install the newer reportd",
		    found, schema_version());
	l->o.events->unfit(l->o.arg, text);
}

/* Refuses the encoding of the queue: a result may hold any character, so the
 * queue must be able to store each. */
static void refuse_encoding(struct lease *l, const char *encoding)
{
	char text[256];

	snprintf(text, sizeof(text),
	    "the queue's database is encoded in %s: reportd needs one that is "
	    "created with encoding 'UTF8'",
	    encoding);
	l->o.events->unfit(l->o.arg, text);
}

/* The columns of the result of version.sql. */
enum { FOUND, SERVES, SERVER };

static void on_version(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct lease *l = arg;
	enum schema_fit fit;
	int64_t found;

	if (reply == NULL) {
		/* SQLSTATE 42P01, 3F000: no such table, no such schema. */
		if (strcmp(e->sqlstate, "42P01") == 0 ||
		    strcmp(e->sqlstate, "3F000") == 0)
			l->o.events->unfit(l->o.arg,
			    "the database has no reportd schema: run "
			    "`reportctl init` to create it");
		else
			try_on(l, "cannot read reportd.schema_upgrade", e);
		return;
	}
	found = reply_int(reply, 0, FOUND, 0);
	fit = schema_fit(
	    (int)found, (int)reply_int(reply, 0, SERVES, 0), schema_version());
	if (reply_int(reply, 0, SERVER, 0) < SERVER_MIN)
		l->o.events->unfit(
		    l->o.arg, "the queue's server is older than PostgreSQL 13");
	else if (fit != SCHEMA_FITS)
		unfit(l, fit, found);
	else if (l->id[0] == '\0')
		send_enrol(l);
	else
		send_recover(l);
}

void lease_up(struct lease *l)
{
	const char *encoding = queue_encoding(l->o.queue);

	if (strcmp(encoding, "UTF8") == 0)
		queue_send(l->o.queue, NULL, &version, NULL, on_version, l);
	else
		refuse_encoding(l, encoding);
}

void lease_lost(struct lease *l)
{
	LOG(l->o.log, LVL_WARN,
	    L_MSG("the lease was lost: others have taken the jobs"),
	    L_STR("worker_id", l->id));
	l->id[0] = '\0';
	l->o.events->renewed(l->o.arg);
	if (queue_is_up(l->o.queue))
		send_enrol(l);
}

static void on_retired(
    void *arg, const struct reply *reply, const struct err *e)
{
	struct lease *l = arg;

	if (reply == NULL)
		complain(l, "cannot leave reportd.report_worker", e);
	l->id[0] = '\0';
	l->retired(l->retired_arg);
}

void lease_retire(struct lease *l, void (*done)(void *arg), void *arg)
{
	l->retired = done;
	l->retired_arg = arg;
	if (l->id[0] == '\0' || !queue_is_up(l->o.queue))
		done(arg);
	else
		queue_send(l->o.queue, NULL, &retire,
		    (const char *const[]){l->id}, on_retired, l);
}
