/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "place/table/dialect.h"
#include "place/table/ledger.h"
#include "place/table/plan.h"
#include "place/table/probe.h"

/* The target that is probed, and who hears of it. */
struct probe {
	const struct source_settings *target;
	char *what; /* target.NAME */
	place_say *say;
	void *arg;
};

static void tell(const struct probe *p, enum place_finding finding,
    const char *mend, const char *text)
{
	p->say(p->arg, finding, p->what, mend, text);
}

static void tell_protection(const struct probe *p, struct table_link *l)
{
	bool weak;
	const char *how = pg_protection(l->pg, &weak);

	if (weak)
		tell(p, PLACE_WARN,
		    "write sslmode=verify-full into its conninfo", how);
}

static void try_load(const struct probe *p, struct table_link *l,
    const struct place_output *o, int64_t started_ms)
{
	bool made;
	struct err e;
	char *text;

	if (ledger_check(l, &made, &e) != 0 ||
	    (l->dialect->probe != NULL && l->dialect->probe(l, o, &e) != 0)) {
		tell(p, PLACE_FAILED, NULL, e.text);
		return;
	}
	text = mem_printf("%s, connects as %s in %lld ms; the ledger %s",
	    p->target->type, pg_user(l->pg),
	    (long long)(clock_boot_ms() - started_ms),
	    made ? "is there" : "is made by the first load");
	tell(p, PLACE_OK, NULL, text);
	free(text);
}

static void try_target(const struct place_lent *lent, const struct probe *p)
{
	int64_t started_ms = clock_boot_ms();
	const struct place_lent own = {
	    .services = lent->services, .target = p->target};
	char *address = mem_printf("table:%s/s.t", p->target->name);
	const struct place_output o = {.lent = &own, .address = address};
	struct table_link l;
	struct err e;

	if (settings_check_target(
		services_settings(lent->services), p->target, &e) != 0)
		tell(p, PLACE_FAILED, NULL, e.text);
	else if (link_open(&l, &o, "reportctl doctor", &e) != 0)
		tell(p, PLACE_FAILED,
		    p->target->config->type->mend(p->target->config), e.text);
	else {
		try_load(p, &l, &o, started_ms);
		tell_protection(p, &l);
		link_close(&l);
	}
	free(address);
}

void table_probe(const struct place_lent *lent, place_say *say, void *arg)
{
	const struct settings *s = services_settings(lent->services);

	for (int i = 0; i < s->target_count; i++) {
		struct probe p = {.target = &s->targets[i],
		    .what = mem_printf("target.%s", s->targets[i].name),
		    .say = say,
		    .arg = arg};

		try_target(lent, &p);
		free(p.what);
	}
}
