/* SPDX-License-Identifier: MIT */
#include "place/table/scheme.h"

#include "base/mem.h"
#include "place/table/address.h"
#include "place/table/option.h"

static char *resolve(const char *root, const char *text, struct err *e)
{
	struct table_address unused;

	(void)root;
	if (table_address_read(text, &unused, e) == 0)
		return mem_strdup(text);
	err_wrap(e, "output_path");
	return NULL;
}

static char *target(const char *address)
{
	struct table_address at;
	struct err unused;

	return table_address_read(address, &at, &unused) == 0
		   ? mem_strdup(at.target)
		   : NULL;
}

static int check(const char *address, const json_t *options, struct err *e)
{
	struct table_address unused;

	return table_address_read(address, &unused, e) != 0
		   ? -1
		   : table_check_options(options, e);
}

const struct place_scheme place_scheme_table = {
    .name = "table",
    .prefix = TABLE_PREFIX,
    .url_prefix = "",
    .format = "TABLE",
    .literal = true,
    .options = &table_options,
    .resolve = resolve,
    .target = target,
    .check = check,
};
