/* SPDX-License-Identifier: MIT */
#include "source/athena/problem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { CATEGORY_SYSTEM = 1, CATEGORY_USER };

/* Ranges of ErrorType, from Athena's error catalogue. */
static const struct {
	int64_t from, to;
	char sqlstate[6];
} types[] = {
    {0, 8, "53000"},       /* resources exhausted */
    {206, 206, "57014"},   /* timed out */
    {210, 210, "57014"},   /* timed out */
    {401, 402, "58030"},   /* the result could not be written */
    {1001, 1002, "22000"}, /* data */
};

static const char *sqlstate_of(const json_t *error)
{
	int64_t type = json_int(error, "ErrorType", -1);

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (type >= types[i].from && type <= types[i].to)
			return types[i].sqlstate;
	}
	return json_int(error, "ErrorCategory", 0) == CATEGORY_USER ? "42000"
								    : "58000";
}

/* Athena says whether a repeat may help. Where it says nothing, the fault is the
 * user's or it may pass. */
static enum err_kind kind_of(const json_t *error)
{
	bool users = json_int(error, "ErrorCategory", 0) == CATEGORY_USER;

	return json_bool(error, "Retryable", !users) ? ERR_TRANSIENT
						     : ERR_PERMANENT;
}

/* Returns the text with "line N" counted as the user counts: the statement was sent
 * with a comment in a line before it. The caller frees it. */
static char *recount(const char *text)
{
	const char *at = strstr(text, "line ");
	char *end;
	long line;

	if (at == NULL || !isdigit((unsigned char)at[5]))
		return mem_strdup(text);
	line = strtol(at + 5, &end, 10);
	if (*end != ':' || line < 2)
		return mem_strdup(text);
	return mem_printf(
	    "%.*sline %ld%s", (int)(at - text), text, line - 1, end);
}

int problem_of_execution(const json_t *execution, struct err *e)
{
	const json_t *status = json_object_get(execution, "Status");
	const json_t *error = json_object_get(status, "AthenaError");
	const char *state = json_str(status, "State", "");
	char *why = recount(json_str(status, "StateChangeReason",
	    json_str(error, "ErrorMessage", "Athena gives no reason")));

	if (strcmp(state, "CANCELLED") == 0) {
		/* A person, or a limit of the workgroup, has cancelled the
		 * statement, not this process. */
		err_set(e, ERR_PERMANENT,
		    "the statement was cancelled at Athena: %s", why);
		str_copy(e->sqlstate, sizeof(e->sqlstate), "57014");
	} else {
		err_set(e, kind_of(error), "%s", why);
		str_copy(e->sqlstate, sizeof(e->sqlstate), sqlstate_of(error));
	}
	free(why);
	return -1;
}

void problem_of_call(const char *operation, const char *code, struct err *e)
{
	if (strncmp(code, "AccessDenied", 12) == 0) {
		str_copy(e->sqlstate, sizeof(e->sqlstate), "42501");
		err_hint(e, "the credentials need athena:%s on the workgroup",
		    operation);
	} else if (strcmp(code, "InvalidRequestException") == 0) {
		str_copy(e->sqlstate, sizeof(e->sqlstate), "42000");
	}
}
