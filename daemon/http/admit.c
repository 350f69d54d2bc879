/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/endpoint.h"

/* A wrong token costs as much as this many further requests, so that trying
 * tokens is slow. */
#define WRONG_TOKEN 10

/* Says whether a name is a numeric address or localhost. A page of another site
 * may have its own name lead here ("DNS rebinding"); its calls then use that
 * name. */
static bool is_address(const char *name)
{
	unsigned char ip[16];

	return inet_pton(AF_INET, name, ip) == 1 ||
	       inet_pton(AF_INET6, name, ip) == 1 ||
	       strcasecmp(name, "localhost") == 0;
}

/* Returns the name in a Host field, without port and brackets; "" when the field
 * holds anything else. The caller frees it. */
static char *host_name(const char *host)
{
	bool literal = *host == '[';
	size_t n = literal ? strcspn(++host, "]") : strcspn(host, ":");
	const char *port = host + n;

	if (literal && *port++ != ']')
		return mem_strdup("");
	if (*port == ':')
		port += 1 + strspn(port + 1, "0123456789");
	return mem_strndup(host, *port == '\0' ? n : 0);
}

static bool may_call_by(const struct app *app, const char *host)
{
	char *name = host_name(host);
	bool yes = is_address(name) ||
		   (*name != '\0' &&
		       settings_allows(app->settings->server_hosts, name));

	free(name);
	return yes;
}

static bool within_rate(struct app *app, const struct exchange *x)
{
	return server_is_unlimited(app->server, x) ||
	       rate_take(app->rate, &x->peer, app->settings->server_rate,
		   clock_boot_ms());
}

static void charge(struct app *app, const struct exchange *x, int64_t cost)
{
	if (!server_is_unlimited(app->server, x))
		rate_charge(app->rate, &x->peer, app->settings->server_rate,
		    cost, clock_boot_ms());
}

static int64_t refuse(
    struct call *c, int status, const char *message, const char *hint)
{
	call_refuse(c, status, message, hint);
	return -1;
}

/* Answers OPTIONS, and calls of a path or method that does not exist. */
static int64_t answer_unknown(
    struct call *c, int status, const struct buf *allow)
{
	char *fields = mem_printf("Allow: %s, OPTIONS\r\n", allow->data);
	struct answer a = {.status = status, .fields = fields};
	static const char text[] =
	    "{\"message\":\"this path does not know the method\"}\n";

	if (status == 404) {
		free(fields);
		return refuse(c, 404, "there is nothing at this path",
		    "See /api/v1/openapi.json.");
	}
	if (status == 405) {
		a.type = "application/json";
		a.body = text;
		a.length = sizeof(text) - 1;
	}
	call_answer(c, &a);
	free(fields);
	return -1;
}

static int64_t find(struct call *c)
{
	bool asks = c->x->head.method == METHOD_OPTIONS;
	struct buf allow;
	int64_t rc = 0;
	int status;

	buf_init(&allow, 256);
	buf_str(&allow, "");
	status = endpoint_find(c, &allow);
	if (status != 0)
		rc = answer_unknown(
		    c, asks && status == 405 ? 204 : status, &allow);
	buf_free(&allow);
	return rc;
}

static int64_t check_token(struct call *c)
{
	const char *role =
	    tokens_role(c->app->tokens, c->x->head.authorization);
	const char *refusal;

	if (role == NULL) {
		charge(c->app, c->x, WRONG_TOKEN);
		return refuse(c, 401,
		    c->x->head.authorization ? "the token is not known"
					     : "a token is needed",
		    "Send the header Authorization: Bearer TOKEN with a token "
		    "of [server] token_file.");
	}
	/* The tokens may be read again before the answer. */
	c->role = mem_strdup(role);
	refusal = tokens_refusal(c->app->tokens, role);
	return refusal ? refuse(c, 403, refusal, NULL) : 0;
}

int64_t app_admit(void *arg, struct exchange *x)
{
	struct app *app = arg;
	struct call *c = mem_zalloc(sizeof(*c));

	c->app = app;
	c->x = x;
	x->data = c;
	if (!within_rate(app, x))
		return refuse(c, 429, "too many requests from this address",
		    "Ask less often; [server] rate is the limit.");
	if (!may_call_by(app, x->head.host))
		return refuse(c, 421, "this server is not called by that name",
		    "Add the name to [server] hosts, or call it by its "
		    "address.");
	if (find(c) != 0)
		return -1;
	if (!c->endpoint->open && check_token(c) != 0)
		return -1;
	return c->endpoint->body_max;
}

void app_serve(void *arg, struct exchange *x)
{
	struct call *c = x->data;

	(void)arg;
	if (c->endpoint->serve != NULL)
		c->endpoint->serve(c);
	else
		endpoint_query(c);
}

void app_drop(void *arg, struct exchange *x)
{
	(void)arg;
	call_free(x->data);
}
