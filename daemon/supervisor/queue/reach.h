/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_QUEUE_REACH_H
#define SUPERVISOR_QUEUE_REACH_H

#include <libpq-fe.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"

/*
 * Makes one connection to the queue's server, and never holds up the loop: each
 * host name is looked up in a process of its own, each address has a time limit.
 * See source/postgres/route.h for the order.
 */
struct reach;

struct reach_options {
	uv_loop_t *loop;
	const char *conninfo;
	int64_t timeout_ms; /* of each step; connect_timeout goes before it */
	/*
	 * The end, called once from the loop; the reach is gone after it. The
	 * connection is the callee's, and `conninfo` names the one address that it
	 * leads to. conn NULL: *e says why, with the SQLSTATE of a server that has
	 * refused.
	 */
	void (*done)(
	    void *arg, PGconn *conn, const char *conninfo, const struct err *e);
	void *arg;
};

/* Copies the string. */
struct reach *reach_start(const struct reach_options *o);
/* Ends it; `done` is not called any more. Not after `done`. */
void reach_stop(struct reach *r);

#endif
