/* SPDX-License-Identifier: MIT */
#ifndef CTL_LIB_HUMAN_H
#define CTL_LIB_HUMAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

/* Functions that write numbers for people. Each fills `to` and returns it. */
#define HUMAN_SIZE 48

/* "1 row", "12 rows". */
char *human_rows(char to[HUMAN_SIZE], int64_t rows);
/* "812 B", "1.4 MB": powers of 1024, as in the settings. */
char *human_bytes(char to[HUMAN_SIZE], int64_t bytes);
/* "0.42 s", "3 min 12 s", "2 h 5 min", "3 d 4 h". */
char *human_span(char to[HUMAN_SIZE], double seconds);
/* Converts a time in JSON from PostgreSQL to "2026-01-31 23:59:59+01:00"; any
 * other text is copied. */
char *human_time(char to[HUMAN_SIZE], const char *iso);
/* "[#####.....] 50%" for a running report (row_count, total_rows, seconds); a
 * moving mark when the total is not known. */
char *human_bar(char to[HUMAN_SIZE], const json_t *run);

#endif
