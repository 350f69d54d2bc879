/* SPDX-License-Identifier: MIT */
#ifndef HTTP_SHARE_H
#define HTTP_SHARE_H

#include <stdint.h>

/*
 * Holds work to a share of the time, so that the reports of the same machine find a
 * processor however much is asked. Work of that
 * share of the time goes on without a rest, and so does a burst after a quiet time.
 */
struct share {
	int64_t percent; /* of the time; 1 to 100 */
	int64_t burst;   /* ns by which the work may be ahead of its share */
	int64_t longest; /* ns of a rest, at most */
	int64_t due;     /* when the share has caught up with the work */
};

/* Notes that work of `took` ns has ended at `now`, ns of a clock that never goes
 * back. */
void share_took(struct share *s, int64_t took, int64_t now);
/* Returns for how many ns to rest from `now` on; 0: work may begin. */
int64_t share_rest(const struct share *s, int64_t now);

#endif
