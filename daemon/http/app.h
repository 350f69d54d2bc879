/* SPDX-License-Identifier: MIT */
#ifndef HTTP_APP_H
#define HTTP_APP_H

#include <stdint.h>
#include <uv.h>

#include "base/log.h"
#include "http/rate.h"
#include "http/server.h"
#include "http/store.h"
#include "settings/settings.h"
#include "settings/tokens.h"
#include "supervisor/program.h"

/* The parts of reportd-http, which its endpoints use. */
struct app {
	uv_loop_t loop;
	struct log log;
	struct settings *settings;
	struct program *worker; /* reads the secret of the login */
	struct store *store;
	struct server *server;
	struct tokens *tokens;
	struct rate *rate;
	/* From the supervisor: boot clock, ms, until which its lease holds; and
	 * whether it takes work. */
	int64_t until_ms;
	bool ready;
	int64_t restarts; /* workers that ended by themselves */
	bool closing;
	struct kept *kept; /* answers that are given again */
	struct page *page;
};

/* Judges a request by its head: who calls, by which name, how often, and with
 * which token. See server_events. */
int64_t app_admit(void *arg, struct exchange *x);
/* Answers a request. See server_events. */
void app_serve(void *arg, struct exchange *x);

/* Forgets a request whose client has gone before it was whole. */
void app_drop(void *arg, struct exchange *x);

#endif
