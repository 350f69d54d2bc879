/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_WORDS_H
#define NOTICE_WORDS_H

#include "notice/notice.h"

/*
 * What people are told of a run, in mail and in Slack. Each writes sentences of
 * UTF-8 without line breaks; the error's own text may have some.
 */

/* "sales, 31 January 2026, 06:00: 1,234 rows", or "...: no data"; "Failed:
 * sales, 31 January 2026, 06:00". */
void notice_subject(const struct notice *n, struct buf *to);
/* "sales is ready: 1,234 rows." "There was no data for sales." "sales
 * failed." */
void notice_headline(const struct notice *n, struct buf *to);
/* "31 January 2026, 06:00" of 2026-01-31T06:00:00. */
void notice_date(const char *local, struct buf *to);
/* "Saturday, 31 January 2026, 06:00 (Europe/Berlin)"; nothing when the run
 * stands for no time. `local`: as notice.scheduled_for is written. */
void notice_when(const struct notice *n, const char *local, struct buf *to);
/* Which part of a report failed: "Its query (export_sql) failed". */
const char *notice_trouble(const struct notice *n);
/* What it failed with, without the name of the stage. */
const char *notice_error(const struct notice *n);
/* Whether and when a failed report runs again. */
void notice_next(const struct notice *n, struct buf *to);
/* What a person may do about a failure; one sentence or two. */
void notice_hint(const struct notice *n, struct buf *to);
/* "Report 42, run 311" and what else helps to find it. */
void notice_traces(const struct notice *n, struct buf *to);

/* Whether the run made no output because there were no rows. */
bool notice_empty(const struct notice *n);

/* 1,234,567 */
void notice_count(char to[static 32], int64_t n);

#endif
