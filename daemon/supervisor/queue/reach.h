/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_QUEUE_REACH_H
#define SUPERVISOR_QUEUE_REACH_H

#include <libpq-fe.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"

/*
 * Makes a connection to the queue's server without blocking the loop: each host
 * name is looked up by a child process, each address has a time limit. The
 * order is described in source/postgres/route.h.
 */
struct reach;

struct reach_options {
	uv_loop_t *loop;
	const char *conninfo;
	/* limit of a step; connect_timeout has precedence */
	int64_t timeout_ms;
	/*
	 * Called once from the loop at the end; the reach is freed after the
	 * call. The callee owns the connection; `conninfo` names the address
	 * that it is connected to. conn NULL: *e says why, with the SQLSTATE if
	 * a server refused.
	 */
	void (*done)(
	    void *arg, PGconn *conn, const char *conninfo, const struct err *e);
	void *arg;
};

/* Starts to connect. Copies the string. */
struct reach *reach_start(const struct reach_options *o);
/* Ends the attempt; `done` is not called any more. Not to be called after
 * `done`. */
void reach_stop(struct reach *r);

#endif
