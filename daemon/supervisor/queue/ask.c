/* SPDX-License-Identifier: MIT */
#include "supervisor/queue/ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "protocol.h"

/* ms: time limits of the questions, repeats included. */
#define LOGIN_MS 60000
#define PROCESS_MS 10000

/* Starts the child, then wipes and frees the question, which may hold
 * passwords. */
static struct child *start(const struct queue_ask *q, struct buf *question,
    const struct child_options *how, struct err *e)
{
	struct child_options o = *how;
	struct child *child;

	o.loop = q->loop;
	o.program = q->program;
	o.question = question;
	o.ready = q->ready;
	o.arg = q->arg;
	child = child_start(&o, e);
	buf_wipe(question);
	return child;
}

/* Reserves all memory at once, because growing would leave parts of passwords
 * in freed memory. */
static void begin(struct buf *question)
{
	buf_init(question, PROTOCOL_LINE_MAX);
	buf_reserve(question, 64u << 10);
}

struct child *queue_ask_login(const struct queue_ask *q, struct err *e)
{
	char *settings = settings_pack(q->settings, FOR_REPORTS);
	struct buf question;

	begin(&question);
	question_login(
	    &question, settings, q->conninfo, q->secret_arn, q->fresh);
	free(settings);
	return start(q, &question,
	    &(struct child_options){.ask = ASK_LOGIN,
		.task = "reads the queue's secret",
		.timeout_ms = LOGIN_MS},
	    e);
}

struct child *queue_ask_process(const struct queue_ask *q, struct err *e)
{
	struct buf question;

	begin(&question);
	question_process(&question, q->conninfo);
	return start(q, &question,
	    &(struct child_options){.ask = ASK_PROCESS,
		.task = "looks for a pooler",
		.timeout_ms = PROCESS_MS},
	    e);
}
