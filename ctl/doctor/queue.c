/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ctl/doctor/doctor.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/schema.h"
#include "sql/ctl.h"

#define OLDEST_SERVER 130000
#define NOTIFY_MS 3000

static bool check_server(struct doctor *d, struct err *e)
{
	int64_t started = clock_boot_ms(), took;
	struct pg_rows *r;
	bool read_only, old, weak;
	const char *protection;

	if (connect_server(d->c, e) != 0) {
		doctor_say(d, DOCTOR_FAILED, "queue",
		    d->c->settings->queue_secret_arn
			? "look at [queue] conninfo (host, port, dbname), and "
			  "that the secret holds username and password; to "
			  "read it allow secretsmanager:GetSecretValue on it, "
			  "and kms:Decrypt on its key"
			: "look at [queue] conninfo (host, port, user, "
			  "dbname), the password in ~/.pgpass and the "
			  "server's pg_hba.conf, and for peer authentication "
			  "its pg_ident.conf",
		    "%s", e->text);
		return false;
	}
	took = clock_boot_ms() - started;
	r = connect_query(d->c, sql_server, 0, NULL, e);
	if (r == NULL) {
		doctor_say(d, DOCTOR_FAILED, "queue", NULL, "%s", e->text);
		return false;
	}
	doctor_say(d, DOCTOR_OK, "queue", NULL,
	    "database %s as user %s, connected in %lld ms",
	    pg_rows_get(r, 0, 2), pg_rows_get(r, 0, 3), (long long)took);
	protection = pg_protection(d->c->queue, &weak);
	doctor_protection(d, "queue", protection, weak);
	old = atoi(pg_rows_get(r, 0, 0)) < OLDEST_SERVER;
	doctor_say(d, old ? DOCTOR_FAILED : DOCTOR_OK, "queue server",
	    old ? "upgrade PostgreSQL to version 13 or newer" : NULL,
	    "PostgreSQL %s", pg_rows_get(r, 0, 1));
	read_only = *pg_rows_get(r, 0, 4) == 't';
	doctor_say(d, read_only ? DOCTOR_FAILED : DOCTOR_OK, "queue writes",
	    read_only ? "connect to the primary server: add "
			"target_session_attrs=read-write to [queue] conninfo"
		      : NULL,
	    read_only ? "the server refuses writes" : "allowed");
	pg_rows_free(r);
	return true;
}

static bool check_encoding(struct doctor *d, struct err *e)
{
	if (connect_check_encoding(d->c, e) == 0)
		return true;
	doctor_say(d, DOCTOR_FAILED, "queue encoding",
	    "create database NAME encoding 'UTF8' template template0, name it "
	    "in [queue] conninfo, and run `reportctl init`",
	    "%s", e->text);
	return false;
}

static bool check_schema(struct doctor *d, struct err *e)
{
	struct schema_state state;

	if (connect_installed(d->c, &state, e) != 0 ||
	    schema_check(&state, e) != 0) {
		doctor_say(d, DOCTOR_FAILED, "queue schema",
		    strcmp(e->sqlstate, "42501") == 0
			? "grant the role reportd_daemon to this user"
			: NULL,
		    "%s", e->text);
		return false;
	}
	doctor_say(
	    d, DOCTOR_OK, "queue schema", NULL, "version %d", state.version);
	return true;
}

/* Warns of a login with more than the daemon needs, by which it could harm more. */
static void check_excess(struct doctor *d, struct err *e)
{
	char *excess = connect_text(d->c, sql_excess, 0, NULL, e);

	if (excess == NULL)
		doctor_say(
		    d, DOCTOR_FAILED, "queue privileges", NULL, "%s", e->text);
	else if (*excess != '\0')
		doctor_say(d, DOCTOR_WARN, "queue privileges",
		    "let the daemon log in as a user of its own, `create role "
		    "reportd login; grant reportd_daemon to reportd`, and name "
		    "it in [queue] conninfo, or in REPORTD_QUEUE_CONNINFO, "
		    "which wins",
		    "more than the daemon needs: %s", excess);
	else
		doctor_say(d, DOCTOR_OK, "queue privileges", NULL,
		    "all that the daemon needs, and no more");
	free(excess);
}

static void check_privileges(struct doctor *d, struct err *e)
{
	char *missing = connect_text(d->c, sql_privileges, 0, NULL, e);

	if (missing == NULL)
		doctor_say(
		    d, DOCTOR_FAILED, "queue privileges", NULL, "%s", e->text);
	else if (*missing != '\0')
		doctor_say(d, DOCTOR_FAILED, "queue privileges",
		    "grant the role reportd_daemon to the daemon's user; "
		    "`reportctl init` makes it",
		    "this user lacks %s", missing);
	else
		check_excess(d, e);
	free(missing);
}

/* Sends a notification to itself and waits for it. Through a pooler in
 * transaction mode LISTEN has no effect. */
static int hear_ourselves(struct doctor *d, int64_t *took, struct err *e)
{
	char *word =
	    mem_printf("%d-%lld", (int)getpid(), (long long)clock_boot_ms());
	const char *params[] = {word};
	int64_t started = clock_boot_ms();
	int rc = pg_exec(d->c->queue, sql_doctor_listen, e);
	char *sent = NULL;
	bool heard = false;

	if (rc == 0)
		sent = connect_text(d->c, sql_doctor_notify, 1, params, e);
	rc = sent ? 1 : -1;
	while (rc == 1 && !heard) {
		char *payload = NULL;

		rc = pg_wait_notify(
		    d->c->queue, started + NOTIFY_MS, &payload, e);
		heard = rc == 1 && strcmp(payload, word) == 0;
		free(payload);
	}
	if (rc == 0)
		err_set(e, ERR_TRANSIENT, "no notification arrived within %d s",
		    NOTIFY_MS / 1000);
	*took = clock_boot_ms() - started;
	free(sent);
	free(word);
	return heard ? 0 : -1;
}

static void check_listen(struct doctor *d, struct err *e)
{
	int pooled = 0;
	int64_t took;

	if (d->c->settings->listen)
		pooled = connect_pooled(d->c, e);
	if (pooled == 1)
		doctor_say(d, DOCTOR_FAILED, "queue notifications",
		    "set listen = off in [queue], or connect to the server "
		    "itself or to a pool in session mode",
		    "a pooler gives each transaction another session, so no "
		    "notification arrives");
	else if (pooled < 0)
		doctor_say(d, DOCTOR_FAILED, "queue notifications", NULL, "%s",
		    e->text);
	else if (!d->c->settings->listen)
		doctor_say(d, DOCTOR_OK, "queue notifications", NULL,
		    "not used: [queue] listen = off");
	else if (hear_ourselves(d, &took, e) != 0)
		doctor_say(d, DOCTOR_FAILED, "queue notifications",
		    "connect to the server itself, or set listen = off in "
		    "[queue] where a transaction pooler stands between",
		    "%s", e->text);
	else
		doctor_say(d, DOCTOR_OK, "queue notifications", NULL,
		    "arrive in %lld ms", (long long)took);
}

static void check_daemons(struct doctor *d, struct err *e)
{
	struct pg_rows *r = connect_query(d->c, sql_daemons, 0, NULL, e);
	const char *alive, *late, *due;

	if (r == NULL) {
		doctor_say(d, DOCTOR_FAILED, "daemons", NULL, "%s", e->text);
		return;
	}
	alive = pg_rows_get(r, 0, 0);
	late = pg_rows_get(r, 0, 1);
	due = pg_rows_get(r, 0, 2);
	if (strcmp(alive, "0") == 0)
		doctor_say(d, DOCTOR_WARN, "daemons",
		    "start reportd; its log says why it does not stay up",
		    "none is running; reports due: %s", due);
	else
		doctor_say(d, strcmp(late, "0") == 0 ? DOCTOR_OK : DOCTOR_WARN,
		    "daemons", NULL,
		    "%s alive, %s without a heartbeat; reports due: %s", alive,
		    late, due);
	pg_rows_free(r);
}

/* Warns when several groups share the queue and no grant separates them. */
static void check_grants(struct doctor *d, struct err *e)
{
	char *open = connect_text(d->c, sql_grants, 0, NULL, e);

	if (open == NULL)
		doctor_say(d, DOCTOR_FAILED, "grants", NULL, "%s", e->text);
	else if (*open != '\0')
		doctor_say(d, DOCTOR_WARN, "grants",
		    "grant to each group what is its own, and take these back "
		    "with reportd.revoke_source() and reportd.revoke_path()",
		    "several owners have reports, and nothing keeps them apart "
		    "here: %s",
		    open);
	free(open);
}

/* Lists what an upgrade has granted: exactly what the old rows used, which may
 * be more than anybody would grant now. */
static void check_upgrade_grants(struct doctor *d, struct err *e)
{
	char *given = connect_text(d->c, sql_upgrade_grants, 0, NULL, e);

	if (given == NULL)
		doctor_say(d, DOCTOR_FAILED, "upgrade", NULL, "%s", e->text);
	else if (*given != '\0')
		doctor_say(d, DOCTOR_OK, "upgrade", NULL,
		    "owners of reports from before the upgrade were granted "
		    "what these use: %s; what is too much take back with "
		    "reportd.revoke_source() and reportd.revoke_path()",
		    given);
	free(given);
}

void doctor_queue(struct doctor *d)
{
	struct err e;

	if (!check_server(d, &e))
		return;
	check_listen(d, &e);
	if (!check_encoding(d, &e) || !check_schema(d, &e))
		return;
	check_privileges(d, &e);
	check_daemons(d, &e);
	check_grants(d, &e);
	check_upgrade_grants(d, &e);
}
