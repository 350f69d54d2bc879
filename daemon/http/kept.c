/* SPDX-License-Identifier: MIT */
#include "http/kept.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* A call that waits for the answer under way. */
struct asker {
	struct asker *next;
	struct call *call;
};

/* The last answer to a question for a role, since not every role may ask. */
struct kept {
	struct kept *next;
	const struct kept_question *question;
	char *role;
	char *text; /* NULL: there has been none */
	int64_t read_ms;
	struct asker *askers; /* not empty: the question is under way */
};

void kept_free(struct kept *list)
{
	while (list != NULL) {
		struct kept *k = list;

		list = k->next;
		free(k->text);
		free(k->role);
		free(k);
	}
}

static struct kept *find(
    struct app *app, const struct kept_question *q, const char *role)
{
	struct kept *k = app->kept;

	while (k != NULL && (k->question != q || strcmp(k->role, role) != 0))
		k = k->next;
	if (k != NULL)
		return k;
	k = mem_zalloc(sizeof(*k));
	k->question = q;
	k->role = mem_strdup(role);
	k->next = app->kept;
	app->kept = k;
	return k;
}

static void keep(struct kept *k, const char *field)
{
	free(k->text);
	k->text =
	    k->question->form ? k->question->form(field) : mem_strdup(field);
	k->read_ms = clock_boot_ms();
}

static void on_answer(
    void *arg, const struct reply *reply, const struct err *e, const char *hint)
{
	struct kept *k = arg;
	struct asker *list = k->askers;

	k->askers = NULL;
	if (reply != NULL)
		keep(k, reply_text(reply, 0, 0));
	while (list != NULL) {
		struct asker *a = list;

		list = a->next;
		if (reply != NULL)
			k->question->answer(a->call, k->text);
		else
			call_error(a->call, e, hint);
		free(a);
	}
}

void kept_ask(struct call *c, const struct kept_question *q)
{
	struct kept *k = find(c->app, q, c->role);
	bool asked = k->askers != NULL;
	struct asker *a;
	struct err e;

	if (!asked && k->text != NULL &&
	    clock_boot_ms() - k->read_ms < q->keep_ms) {
		q->answer(c, k->text);
		return;
	}
	a = mem_zalloc(sizeof(*a));
	a->call = c;
	a->next = k->askers;
	k->askers = a;
	if (!asked && store_ask(c->app->store, k->role, &q->statement, NULL,
			  on_answer, k, &e) != 0)
		on_answer(k, NULL, &e, "");
}
