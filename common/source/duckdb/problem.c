/* SPDX-License-Identifier: MIT */
#include "source/duckdb/problem.h"

#include <string.h>

#include "base/str.h"

#define OUT_OF_MEMORY 33

/* duckdb_error_type, the name of the type in messages, and the SQLSTATE. */
static const struct problem {
	int type;
	const char *name, *sqlstate;
	enum err_kind kind;
} problems[] = {
    {1, "Out of Range", "22003", ERR_PERMANENT},
    {2, "Conversion", "22018", ERR_PERMANENT},
    {5, "Mismatch Type", "42804", ERR_PERMANENT},
    {6, "Divide by Zero", "22012", ERR_PERMANENT},
    {7, "Object Size", "54000", ERR_PERMANENT},
    {8, "Invalid type", "42804", ERR_PERMANENT},
    {9, "Serialization", "58030", ERR_TRANSIENT},
    {10, "TransactionContext", "25000", ERR_PERMANENT},
    {11, "Not implemented", "0A000", ERR_PERMANENT},
    {12, "Expression", "42000", ERR_PERMANENT},
    {13, "Catalog", "42704", ERR_PERMANENT},
    {14, "Parser", "42601", ERR_PERMANENT},
    {18, "Constraint", "23000", ERR_PERMANENT},
    {22, "Syntax", "42601", ERR_PERMANENT},
    {23, "Settings", "42704", ERR_PERMANENT},
    {24, "Binder", "42000", ERR_PERMANENT},
    {28, "IO", "58030", ERR_TRANSIENT},
    {29, "INTERRUPT", "57014", ERR_TRANSIENT},
    {32, "Invalid Input", "22023", ERR_PERMANENT},
    {OUT_OF_MEMORY, "Out of Memory", "53200", ERR_TRANSIENT},
    {34, "Permission", "42501", ERR_PERMANENT},
    {35, "Parameter Not Resolved", "42P02", ERR_PERMANENT},
    {36, "Parameter Not Allowed", "42P02", ERR_PERMANENT},
    {37, "Dependency", "2BP01", ERR_PERMANENT},
    {39, "Missing Extension", "0A000", ERR_PERMANENT},
    {40, "Extension Autoloading", "0A000", ERR_PERMANENT},
    {41, "Sequence", "55000", ERR_PERMANENT},
    {42, "Invalid Configuration", "42501", ERR_PERMANENT},
};
static const struct problem other = {0, "", "XX000", ERR_PERMANENT};

#define ENDING " Error: "
#define QUOTED "\n\nLINE "

/* Returns how much of the message is kept: up to the statement that it quotes at
 * its end. After a lack of memory only the first line, since the others advise
 * settings that a report cannot change. */
static size_t length_of(const struct problem *p, const char *text)
{
	const char *quoted = strstr(text, QUOTED);

	if (p->type == OUT_OF_MEMORY)
		return strcspn(text, "\n");
	return quoted ? (size_t)(quoted - text) : strlen(text);
}

/* Writes the message in one line, without the name of its type. A quotation of
 * the statement at its end becomes the number of the line. */
static int say(const struct problem *p, const char *text, struct err *e)
{
	const char *quoted = strstr(text, QUOTED), *at = strstr(text, ENDING);
	size_t name = strlen(p->name);
	char line[16] = "";

	if (at != NULL && (size_t)(at - text) == name &&
	    strncmp(text, p->name, name) == 0)
		text = at + strlen(ENDING);
	if (quoted != NULL) {
		str_copy(line, sizeof(line), quoted + strlen(QUOTED));
		line[strcspn(line, ":")] = '\0';
	}
	err_set(e, p->kind, "%.*s%s%s%s", (int)length_of(p, text), text,
	    line[0] ? " (line " : "", line, line[0] ? ")" : "");
	str_copy(e->sqlstate, sizeof(e->sqlstate), p->sqlstate);
	for (char *s = e->text; *s != '\0'; s++) {
		if (*s == '\n' || *s == '\r')
			*s = ' ';
	}
	return -1;
}

int problem_of_result(
    const struct library *l, struct duck_result *r, struct err *e)
{
	int type = l->result_error_type(r);
	const char *text = l->result_error(r);
	const struct problem *p = &other;

	for (size_t i = 0; i < sizeof(problems) / sizeof(*problems); i++) {
		if (problems[i].type == type)
			p = &problems[i];
	}
	return say(p, text ? text : "DuckDB gives no reason", e);
}

int problem_of_text(const char *text, struct err *e)
{
	const struct problem *p = &other;

	if (text == NULL)
		text = "DuckDB gives no reason";
	for (size_t i = 0; i < sizeof(problems) / sizeof(*problems); i++) {
		size_t len = strlen(problems[i].name);

		if (strncmp(text, problems[i].name, len) == 0 &&
		    strncmp(text + len, ENDING, strlen(ENDING)) == 0)
			p = &problems[i];
	}
	return say(p, text, e);
}
