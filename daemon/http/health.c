/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "http/endpoint.h"

/* Says whether the supervisor's lease holds; it is renewed while its loop turns
 * and the queue's database answers. */
static bool is_alive(const struct app *app)
{
	return app->until_ms > clock_boot_ms();
}

static void refuse(struct call *c)
{
	call_refuse(c, 503, "the daemon has no lease",
	    "It cannot reach its queue, or hangs: see its log.");
}

void serve_health(struct call *c)
{
	if (is_alive(c->app))
		call_json(c, 200, "{\"status\":\"ok\"}");
	else
		refuse(c);
}

void serve_ready(struct call *c)
{
	struct err e;

	if (!is_alive(c->app))
		refuse(c);
	else if (!c->app->ready)
		call_refuse(c, 503, "the daemon stops", NULL);
	else if (!store_is_ready(c->app->store, &e))
		call_refuse(c, 503, e.text, NULL);
	else
		call_json(c, 200, "{\"status\":\"ready\"}");
}
