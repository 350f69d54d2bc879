/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/endpoint.h"

#define JSON "application/json"

void call_free(struct call *c)
{
	free(c->role);
	free(c);
}

void call_answer(struct call *c, const struct answer *a)
{
	struct exchange *x = c->x;

	call_free(c);
	exchange_answer(x, a);
}

void call_json(struct call *c, int status, const char *json)
{
	char *own = mem_printf("%s\n", json);

	call_answer(c, &(struct answer){.status = status,
			   .type = JSON,
			   .body = own,
			   .length = strlen(own),
			   .own = own});
}

/* Writes an error as JSON; the caller frees it. */
static char *error_text(
    const char *message, const char *hint, const char *sqlstate)
{
	char *clean = mem_strdup(message), *advice = mem_strdup(hint), *text;
	json_t *error = json_object();

	str_clean_utf8(clean);
	json_object_set_new(error, "message", json_string(clean));
	if (advice != NULL && *advice != '\0') {
		str_clean_utf8(advice);
		json_object_set_new(error, "hint", json_string(advice));
	}
	if (*sqlstate != '\0')
		json_object_set_new(error, "sqlstate", json_string(sqlstate));
	text = json_dumps(error, JSON_COMPACT);
	json_decref(error);
	free(clean);
	free(advice);
	return text;
}

/* Header fields that go with a status. */
static const char *fields_of(int status)
{
	if (status == 401)
		return "WWW-Authenticate: Bearer realm=\"reportd\"\r\n";
	if (status == 429 || status == 503)
		return "Retry-After: 1\r\n";
	return NULL;
}

static void refuse(struct call *c, int status, char *text)
{
	call_answer(c, &(struct answer){.status = status,
			   .type = JSON,
			   .body = text,
			   .length = strlen(text),
			   .own = text,
			   .fields = fields_of(status)});
}

void call_refuse(
    struct call *c, int status, const char *message, const char *hint)
{
	refuse(c, status, error_text(message, hint, ""));
}

/* Returns the HTTP status of a SQLSTATE; its first two characters are its
 * class. */
static int status_of(const struct err *e)
{
	static const struct {
		const char *state;
		int status;
	} known[] = {
	    {"42501", 403}, /* no privilege */
	    {"23505", 409}, /* the key is there already */
	    {"57014", 504}, /* statement_timeout */
	    {"22", 400},    /* the data */
	    {"23", 400},    /* a constraint */
	    {"53", 503},    /* no resources */
	    {"40", 503},    /* rolled back, such as a deadlock */
	    {"55", 503},    /* a lock */
	    {"57", 503},    /* shutdown */
	    {"26000", 503}, /* its PREPARE failed in a request before it */
	};

	if (e->kind == ERR_LOST || *e->sqlstate == '\0')
		return 503;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strncmp(e->sqlstate, known[i].state,
			strlen(known[i].state)) == 0)
			return known[i].status;
	}
	return 500;
}

void call_error(struct call *c, const struct err *e, const char *hint)
{
	int status = status_of(e);
	char *own = NULL;

	/* The database does not say that a role is gone: the login, which may do
	 * nothing, is refused then. */
	if (status == 403 && *hint == '\0' && c->role != NULL)
		hint = own = mem_printf(
		    "The token's role \"%s\" lacks a right, or is not there "
		    "any more; reportctl doctor checks the tokens.",
		    c->role);
	if (status == 500)
		LOG(&c->app->log, LVL_ERROR, L_MSG("a request failed"),
		    L_STR("path", c->endpoint->path), L_STR("error", e->text),
		    L_STR("sqlstate", e->sqlstate));
	refuse(c, status, error_text(e->text, hint, e->sqlstate));
	free(own);
}
