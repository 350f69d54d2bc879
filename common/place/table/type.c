/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/mem.h"
#include "place/table/ledger.h"
#include "place/table/link.h"
#include "place/table/probe.h"
#include "place/table/redshift/parts.h"
#include "place/table/scheme.h"
#include "place/table/table.h"

static int allow(const struct place_lent *lent, const char *address,
    const json_t *options, struct err *e)
{
	(void)options;
	return link_allow(lent, address, e);
}

static int landed(
    const struct place_output *o, struct place_landed *found, struct err *e)
{
	struct table_link l;
	int rc;

	if (link_open(&l, o, "reportd", e) != 0)
		return -1;
	rc = ledger_find(&l, o, found, e);
	if (rc < 0) {
		link_advise(&l, e);
		err_wrap(e, "%s", o->address);
	}
	link_close(&l);
	return rc;
}

/* Removes the objects of a load that goes through another place. Other loads are
 * transactions, which leave nothing when they are killed. */
static int sweep(const struct place_lent *lent, const json_t *entry,
    int64_t *wait_ms, struct err *e)
{
	const char *prefix = json_str(entry, "id", NULL);

	(void)wait_ms;
	return prefix ? parts_sweep(lent, prefix, e) : 0;
}

const struct place_type place_table = {
    .scheme = &place_scheme_table,
    .needs_schema = true,
    .holds_locks = true,
    .allow = allow,
    .open = table_open,
    .begin_file = table_begin_file,
    .end_file = table_end_file,
    .staged = table_staged,
    .landed = landed,
    .sweep = sweep,
    .probe = table_probe,
};
