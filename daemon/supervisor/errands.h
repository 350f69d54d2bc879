/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_ERRANDS_H
#define SUPERVISOR_ERRANDS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/log.h"
#include "protocol.h"
#include "settings/settings.h"
#include "supervisor/program.h"

/*
 * Everything that the supervisor needs done and that waits for other machines:
 * notices to deliver, leftovers to sweep. Errands have workers of their own, so
 * that they neither wait behind reports nor hold them up: none at first, as many as
 * there are lanes to serve, [notify] workers at most.
 *
 * A lane is a receiver. Its errands go one after the other, lanes side by side; the
 * owner with the fewest under way goes first, then the lane that was served
 * longest ago. A lane whose errand takes a second or longer is slow: at most half
 * of the workers are at slow lanes while others wait. Errands of lanes that turn
 * out slow are asked to yield then, and are begun again when there is room. A lane
 * whose receiver does not answer is left alone, longer each time.
 */
struct errands;
struct errand;

enum errand_outcome {
	ERRAND_DONE,
	ERRAND_IN_VAIN, /* its receiver did not do its part */
	ERRAND_AGAIN,   /* it yielded: it stays in hand, and is begun again */
};

/* None is called from within a function of the errands but errands_go. After all
 * but ERRAND_AGAIN the errand is its owner's again, who may free it in the call. */
struct errand_ops {
	const char *stuck; /* for the log, when its worker must be killed */
	/* The worker's answer: what it holds, and the line itself. */
	enum errand_outcome (*answered)(
	    struct errand *e, const json_t *body, const char *line, size_t len);
	/* Its worker has died, `how` says how. */
	void (*failed)(struct errand *e, const char *how);
	/* It was not begun: its lane is left alone for so long. */
	void (*put_off)(struct errand *e, int64_t ms);
};

struct errand {
	/* Its owner sets these. */
	const struct errand_ops *ops;
	void *arg;
	int64_t number; /* in its messages, as run_id */
	int64_t lane;
	int64_t owner;         /* oid; 0: none */
	int64_t timeout_ms;    /* that its worker keeps */
	enum message_type end; /* type of the answer */
	struct buf message;    /* the errand's; freed by its owner */

	/* The errands set these. */
	struct errand *next;
	struct worker *worker; /* NULL: it has not begun */
	int64_t begun_ms, kill_ms;
	bool was_slow; /* its lane, when it began */
	bool yields;   /* it was asked to yield */
	bool stopped;
};

struct errands_options {
	uv_loop_t *loop;
	const struct log *log;
	const struct program *program; /* of the workers */
	const struct settings *settings;
	const char *greeting; /* the first line to each worker; copied */
};

struct errands *errands_open(const struct errands_options *options);
/* What is in hand stays its owners'. */
void errands_close(struct errands *s);
/* After a reload. */
void errands_set_settings(
    struct errands *s, const struct settings *settings, const char *greeting);
/* Shutdown: begins no more. */
void errands_retire(struct errands *s);

void errands_add(struct errands *s, struct errand *e);
/* Begins what can begin; to be called after one or more errands_add. */
void errands_go(struct errands *s);
/* Takes it back. False: it is under way. */
bool errands_withdraw(struct errands *s, struct errand *e);
/* The worker of one that is under way is to answer soon. Called again it is
 * killed. */
void errands_stop(struct errands *s, struct errand *e);

/* Whether more of a lane would only wait. */
bool errands_is_slow(const struct errands *s, int64_t lane);

#endif
