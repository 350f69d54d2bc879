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
 * Tasks of the supervisor that wait for other machines: delivering notices,
 * ending what killed runs have left (uploads, statements, unloads), listing,
 * watching and moving files of inputs, reading queues of their events, and turns
 * of the inbox. Errands have their own workers, so that they neither wait for
 * reports nor delay them: none at first, then as many as there are lanes to serve,
 * at most `workers` of [notify].
 *
 * A lane is a receiver. Errands of one lane run one after the other, errands of
 * different lanes in parallel. The owner with the fewest running errands comes
 * first, then the lane that was served longest ago. A lane whose errand takes a
 * second or longer is slow: it keeps one errand here, the others go back to their
 * owners. At most half of the workers begin errands of slow lanes. When more than
 * half of the workers are at lanes that turned out to be slow, and other lanes wait,
 * some of these errands are asked to yield, and begin again when there is room. A
 * lane whose receiver does not answer, or whose worker dies, is left alone for a
 * time that grows.
 */
struct errands;
struct errand;

/* The supervisor's own errands, of which one of a kind is under way at a time. Each kind
 * has a lane, and a number in messages, that no other errand has: lanes of receivers are
 * hashes, and numbers of notices are counted from 1. */
enum errands_own {
	ERRANDS_SWEEP,
	ERRANDS_MOVE,
	ERRANDS_INBOX,
	ERRANDS_WATCH, /* folders of inputs */
	ERRANDS_HEAR,  /* a queue of events of objects */
};
#define ERRANDS_OWN_LANE(kind) (INT64_MAX - (kind))
#define ERRANDS_OWN_NUMBER(kind) (((int64_t)1 << 62) + (kind))

/* This many lanes are remembered while they have no errands. */
#define ERRANDS_LANES 256

enum errand_outcome {
	ERRAND_DONE,
	ERRAND_IN_VAIN, /* its receiver failed */
	ERRAND_AGAIN,   /* it yielded: it stays here and begins again */
};

/* Calls from the errands to an owner, which happen only in the loop or within
 * errands_go. After each of them except ERRAND_AGAIN the errand belongs to its
 * owner again, who may free it in the call. */
struct errand_ops {
	const char *stuck; /* log message when its worker must be killed */
	/* The worker's answer has come: its JSON, and the line itself. */
	enum errand_outcome (*answered)(
	    struct errand *e, const json_t *body, const char *line, size_t len);
	/* The worker has died; `how` describes its end. */
	void (*failed)(struct errand *e, const char *how);
	/* The errand has not begun: its lane is left alone for `ms`
	 * milliseconds; 0: its lane is slow and keeps another errand. */
	void (*put_off)(struct errand *e, int64_t ms);
};

struct errand {
	/* Its owner sets these. */
	const struct errand_ops *ops;
	void *arg;
	int64_t number; /* its run_id in messages */
	int64_t lane;
	int64_t owner;         /* oid; 0: none */
	int64_t timeout_ms;    /* limit that its worker observes */
	enum message_type end; /* message type of the answer */
	struct buf message;    /* the request; freed by the errand's owner */

	/* The errands set these. */
	struct errand *next;
	struct worker *worker; /* NULL: the errand has not begun */
	int64_t begun_ms, kill_ms;
	bool was_slow; /* its lane was slow when it began */
	bool yields;   /* its worker was asked to let it yield */
	bool stopped;
};

struct errands_options {
	uv_loop_t *loop;
	const struct log *log;
	const struct program *program; /* program of the workers */
	const struct settings *settings;
	const char *greeting; /* first line for each worker; copied */
};

struct errands *errands_open(const struct errands_options *options);
/* Errands in hand stay with their owners. */
void errands_close(struct errands *s);
/* Uses new settings after a reload. */
void errands_set_settings(
    struct errands *s, const struct settings *settings, const char *greeting);
/* Begins no more errands, for the shutdown. */
void errands_retire(struct errands *s);

/* Takes an errand over; it begins at the next errands_go. */
void errands_add(struct errands *s, struct errand *e);
/* Begins all errands that can begin; called after one or more errands_add. */
void errands_go(struct errands *s);
/* Takes an errand back. Returns false when it is running. */
bool errands_withdraw(struct errands *s, struct errand *e);
/* Asks the worker of a running errand to answer soon. The second call kills the
 * worker. */
void errands_stop(struct errands *s, struct errand *e);

/* Says whether the lane is slow, so that further errands for it would only
 * wait. */
bool errands_is_slow(const struct errands *s, int64_t lane);

/* `held`: how many of the lane's errands are in hand. `slow`: it keeps one in hand; not
 * where it is left alone, as all that come are put off at once then. */
typedef void errands_lane(void *arg, int64_t lane, int held, bool slow);
/* Calls `each` for every lane that is known, once. */
void errands_each_lane(const struct errands *s, errands_lane *each, void *arg);

#endif
