/* SPDX-License-Identifier: MIT */
#ifndef HTTP_STORE_H
#define HTTP_STORE_H

#include <stdbool.h>

#include "base/log.h"
#include "settings/settings.h"
#include "settings/tokens.h"
#include "supervisor/queue/queue.h"

/*
 * The sessions in the queue's database. Each statement is a transaction of its
 * own that begins with SET LOCAL ROLE to the role of the request's token, so
 * the database says what it may see and do. The login itself has no rights:
 * without that first step every statement is refused.
 */
struct store;

struct store_options {
	uv_loop_t *loop;
	const struct log *log;
	const struct settings *settings;
	const struct program *program; /* reads the secret */
};

/* Called with the answer: rows, or NULL with the reason and its hint ("" when it
 * has none). ERR_LOST: nobody knows whether it took effect. */
typedef void store_answer(void *arg, const struct reply *reply,
    const struct err *e, const char *hint);

struct store *store_open(const struct store_options *options);
/* Uses other settings; open sessions are made anew if their login changed. */
void store_set_settings(struct store *s, const struct settings *settings);
void store_close(struct store *s);

/* Says whether statements can be sent; else *e says why not. */
bool store_is_ready(const struct store *s, struct err *e);

/* Sends a statement as this role. Returns -1 with *e when it cannot be sent: no
 * session is there, or too many statements wait. Before the first session is there, it
 * waits for that, for three quarters of [server] timeout at most. */
int store_ask(struct store *s, const char *role, const struct statement *st,
    const char *const *params, store_answer *answer, void *arg, struct err *e);

/* Asks the database which roles of the tokens nobody may act as, and notes them
 * there. The tokens live until the next call, or until store_close. */
void store_check_roles(struct store *s, struct tokens *t);

#endif
