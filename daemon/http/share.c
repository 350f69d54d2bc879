/* SPDX-License-Identifier: MIT */
#include "http/share.h"

void share_took(struct share *s, int64_t took, int64_t now)
{
	int64_t latest = now + s->burst + s->longest;

	if (s->due < now)
		s->due = now;
	s->due += took * 100 / s->percent;
	if (s->due > latest)
		s->due = latest;
}

int64_t share_rest(const struct share *s, int64_t now)
{
	int64_t rest = s->due - s->burst - now;

	return rest > 0 ? rest : 0;
}
