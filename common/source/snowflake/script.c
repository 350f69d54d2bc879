/* SPDX-License-Identifier: MIT */
#include "source/snowflake/script.h"

#include <stdbool.h>
#include <stddef.h>

#include "source/sqltext.h"

/* Says whether the statement may stand in a transaction. Any other one is DDL, which
 * commits, or controls the transaction itself. */
static bool fits(const char *statement)
{
	static const char *const words[] = {"insert", "update", "delete",
	    "merge", "select", "with", "copy", "set", "unset", "use"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (sqltext_starts_with(statement, words[i]))
			return true;
	}
	return false;
}

void script_write(const char *script, struct buf *out)
{
	struct sqltext_part part;
	bool together = true;
	const char *at = script;

	while (sqltext_next(&at, &part))
		together = together && fits(part.text);
	if (together)
		buf_str(out, "begin transaction;\n");
	for (at = script; sqltext_next(&at, &part);) {
		buf_add(out, part.text, part.len);
		buf_str(out, ";\n");
	}
	if (together)
		buf_str(out, "commit");
}
