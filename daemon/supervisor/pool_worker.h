/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_POOL_WORKER_H
#define SUPERVISOR_POOL_WORKER_H

#include "protocol.h"
#include "supervisor/pool.h"

/*
 * The parts that the two files of the pool share: pool.c decides how many
 * workers there are and which run gets which; pool_worker.c handles one process
 * from its start to its last line.
 */

struct worker {
	struct pool *pool;
	struct worker *next;
	uv_process_t process;
	uv_pipe_t pipe;
	struct lines in;
	struct buf out; /* sent at the end of the turn of the loop */
	int busy, held; /* numbers of runs, see pool.h */
	bool ready;     /* it has said hello */
	bool late;      /* it is killed because it has not said hello */
	bool killed;    /* see worker_kill */
	bool leaving;   /* the supervisor has closed its side of the pipe */
	bool exited, hung_up, buried;
	bool deaf;   /* lines from this worker are ignored */
	bool full;   /* reading is stopped until its lines are taken */
	int handles; /* how many of the two handles are closed */
	int64_t born_ms;
	/* last mark and its time, see pool_take_for; 0: none */
	int64_t mark, marked_ms;
	int64_t status;
	int signal;
};

struct pool {
	struct pool_options o;
	struct worker *workers;
	char *greeting, *hidden;
	/* time of the next start; when closing, of the kill */
	uv_timer_t timer;
	uv_timer_t hello; /* until the next worker is late with its hello */
	int64_t delay_ms; /* of starts, since a worker ended unready; 0: none */
	uv_prepare_t turn;
	uv_check_t news;
	int64_t restarts; /* workers that ended although nobody told them to */
	bool freed;       /* the owner must be told of a free worker */
	bool retired, closed;
	int handles; /* how many of the four handles are closed */
};

/* pool.c */
/* Ends the worker if it has exited and all of its lines have arrived. */
void pool_bury(struct worker *w);
/* Takes the hello of a worker. */
void pool_welcome(struct worker *w);

/* pool_worker.c */
/* Starts a worker. Returns -1, after a log message, when that fails. */
int worker_start(struct pool *p);
/* Closes the connection; a worker ends when it reads the end of file. */
void worker_send_off(struct worker *w);
/* Hands the lines that have arrived since the last call to the pool's owner. */
void worker_take_lines(struct worker *w);
/* Writes the bytes in `out` to the worker. */
void worker_flush(struct worker *w);
void worker_free(struct worker *w);
/* Writes how the worker ended: "worker killed by signal 9 (Killed)". */
void worker_describe(const struct worker *w, char *to, size_t size);
/* Says whether the worker can still be used. */
bool worker_is_there(const struct worker *w);
bool worker_has_runs(const struct worker *w);

#endif
