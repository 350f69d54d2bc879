/* SPDX-License-Identifier: MIT */
#include "worker/ask.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "config.h"
#include "protocol.h"
#include "services/services.h"
#include "source/postgres/conninfo.h"
#include "source/postgres/login.h"

struct question {
	json_t *terms;
	const char *conninfo;
};

static char *read_login(const struct question *q, struct err *e)
{
	struct settings *settings =
	    settings_unpack(json_object_get(q->terms, "settings"));
	struct services *services = services_open(settings);
	struct login login = {.conninfo = q->conninfo,
	    .secret_arn = json_str(q->terms, "secret_arn", NULL)};
	const struct source_reach reach = services_reach(services);
	char *conninfo = login_conninfo(&(struct source_how){.reach = &reach},
	    &login, json_bool(q->terms, "fresh", false), e);

	services_close(services);
	settings_free(settings);
	return conninfo;
}

static char *read_process(const struct question *q, struct err *e)
{
	struct pg *pg = pg_connect(q->conninfo, NULL, e);
	char *number = NULL;
	int told, real;

	if (pg != NULL && pg_processes(pg, &told, &real, e) == 0)
		number = mem_printf("%d", real);
	pg_close(pg);
	return number;
}

/* Questions that can be asked. `name` is shown by ps, at most 15 bytes. */
static const struct {
	const char *task, *name;
	char *(*work)(const struct question *q, struct err *e);
} tasks[] = {
    {ASK_LOGIN, "reportd-secret", read_login},
    {ASK_PROCESS, "reportd-pooler", read_process},
};

static int read_all(struct buf *b, struct err *e)
{
	char chunk[8192];
	ssize_t n;

	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0)
		buf_add(b, chunk, (size_t)n);
	if (n < 0)
		return err_errno(e, errno, "reading the question");
	return 0;
}

static json_t *read_terms(const char *line, size_t len, struct err *e)
{
	json_t *terms = json_parse_object(line, len, e);

	if (terms == NULL ||
	    strcmp(json_str(terms, "version", ""), PACKAGE_VERSION) == 0)
		return terms;
	json_decref(terms);
	err_set(e, ERR_PERMANENT,
	    "the worker program is of another version than the daemon");
	return NULL;
}

static char *work(const char *task, const struct question *q, struct err *e)
{
	for (size_t i = 0; i < sizeof(tasks) / sizeof(*tasks); i++) {
		if (strcmp(tasks[i].task, task) == 0) {
			prctl(PR_SET_NAME, tasks[i].name);
			return tasks[i].work(q, e);
		}
	}
	err_set(e, ERR_PERMANENT, "unknown question \"%s\"", task);
	return NULL;
}

static char *answer(const char *task, char *text, struct err *e)
{
	size_t line = strcspn(text, "\n");
	struct question q = {.terms = read_terms(text, line, e)};
	char *said;

	if (q.terms == NULL)
		return NULL;
	q.conninfo = text + line + (text[line] == '\n');
	said = work(task, &q, e);
	json_decref(q.terms);
	return said;
}

int ask_main(const char *task)
{
	char *said = NULL;
	struct buf text;
	struct err e;
	int rc;

	buf_init(&text, PROTOCOL_LINE_MAX);
	buf_str(&text, "");
	if (read_all(&text, &e) == 0)
		said = answer(task, text.data, &e);
	rc = said ? answer_write(ANSWER_OK, said)
		  : answer_write(ANSWER_NO, e.text);
	conninfo_free(said);
	buf_free(&text);
	return rc;
}
