/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "ctl/doctor/doctor.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/interrupt.h"
#include "settings/tokens.h"
#include "source/postgres/login.h"
#include "sql/http.h"

static struct pg *log_in(struct doctor *d, struct err *e)
{
	const struct settings *s = d->c->settings;
	const struct source_reach reach =
	    services_reach(connect_services(d->c, e));

	return login_pg(
	    &(struct source_how){.reach = &reach, .watch = &interrupt_watch},
	    &(struct login){.conninfo = s->server_conninfo,
		.secret_arn = s->server_secret_arn},
	    pg_connect, e);
}

/* Checks that the login has no rights of its own. */
static void check_login(struct doctor *d, struct pg *pg)
{
	struct err e;
	struct pg_rows *r = pg_query(pg, sql_session, 0, NULL, &e);
	const char *wrong = r ? pg_rows_get(r, 0, 0) : e.text;
	const char *protection;
	bool weak;

	if (wrong != NULL)
		doctor_say(d, DOCTOR_FAILED, "server login",
		    "make one for the HTTP server alone: create role "
		    "reportd_http login noinherit",
		    "%s", wrong);
	else
		doctor_say(d, DOCTOR_OK, "server login", NULL,
		    "user %s, without rights of its own", pg_user(pg));
	pg_rows_free(r);
	protection = pg_protection(pg, &weak);
	doctor_protection(d, "server", protection, weak);
}

/* Checks that the login may act as the role of each token. */
static void check_roles(
    struct doctor *d, struct pg *pg, const struct tokens *tokens)
{
	struct buf roles;
	struct pg_rows *r;
	struct err e;

	buf_init(&roles, 256u << 10);
	tokens_list_roles(tokens, &roles);
	r = pg_query(pg, sql_roles, 1, (const char *const[]){roles.data}, &e);
	buf_free(&roles);
	if (r == NULL)
		doctor_say(
		    d, DOCTOR_FAILED, "server tokens", NULL, "%s", e.text);
	else if (pg_rows_count(r) == 0)
		doctor_say(d, DOCTOR_OK, "server tokens", NULL, "%s",
		    d->c->settings->server_token_file);
	for (int i = 0; r != NULL && i < pg_rows_count(r); i++)
		doctor_say(d, DOCTOR_FAILED, "server tokens", NULL, "%s",
		    pg_rows_get(r, i, 1));
	pg_rows_free(r);
}

void doctor_server(struct doctor *d)
{
	const char *file = d->c->settings->server_token_file;
	struct tokens *tokens;
	struct pg *pg;
	struct err e;

	if (d->c->settings->server_listen == NULL)
		return;
	pg = log_in(d, &e);
	if (pg == NULL)
		doctor_say(d, DOCTOR_FAILED, "server",
		    "look at [server] conninfo, and at the password of its "
		    "user",
		    "%s", e.text);
	else
		check_login(d, pg);
	tokens = tokens_load(file, &e);
	if (tokens == NULL)
		doctor_say(d, DOCTOR_FAILED, "server tokens",
		    "mend the file: a line is a role, a blank and the SHA-256 "
		    "of its token",
		    "%s", e.text);
	else if (file == NULL)
		doctor_say(d, DOCTOR_WARN, "server tokens",
		    "set token_file in [server]",
		    "there are none: only health and the page's file are "
		    "served");
	else if (pg != NULL)
		check_roles(d, pg, tokens);
	tokens_free(tokens);
	pg_close(pg);
}
