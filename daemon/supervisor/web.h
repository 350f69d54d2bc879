/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_WEB_H
#define SUPERVISOR_WEB_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/log.h"
#include "settings/settings.h"

/*
 * Starts reportd-http when `[server] listen` is set, starts it again when it
 * ends, and tells it how the daemon is. Nothing here waits for that process, and
 * the daemon works the same without it.
 */
struct web;

struct web_options {
	uv_loop_t *loop;
	const struct log *log;
	const struct settings *settings;
};

/* How the daemon is. */
struct web_beat {
	int64_t until_ms; /* boot clock: the lease holds until then; 0: none */
	bool ready;       /* the daemon takes work */
	int64_t restarts; /* workers that ended by themselves */
};

struct web *web_open(const struct web_options *options);
/* Uses other settings: starts, ends or tells reportd-http as they say. */
void web_set_settings(struct web *w, const struct settings *settings);
/* Tells reportd-http how the daemon is; a later start is told the same. */
void web_tell(struct web *w, const struct web_beat *beat);
/* Ends reportd-http, calls `rested` once it is gone, and starts it no more before
 * web_wake. Whoever connects meanwhile waits in the socket. */
void web_rest(struct web *w, void (*rested)(void *arg), void *arg);
void web_wake(struct web *w);
/* Ends reportd-http and frees everything once it is gone. */
void web_close(struct web *w);

#endif
