/* SPDX-License-Identifier: MIT */
#include "ctl/lib/human.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define BAR 20

char *human_rows(char to[HUMAN_SIZE], int64_t rows)
{
	snprintf(to, HUMAN_SIZE, "%lld row%s", (long long)rows,
	    rows == 1 ? "" : "s");
	return to;
}

char *human_bytes(char to[HUMAN_SIZE], int64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double v = (double)bytes;
	size_t unit = 0;

	/* 1023.95 would be rounded to 1024.0. */
	while (v >= (unit ? 1023.95 : 1024) && unit + 1 < 6) {
		v /= 1024;
		unit++;
	}
	snprintf(to, HUMAN_SIZE, "%.*f %s", unit ? 1 : 0, v, units[unit]);
	return to;
}

char *human_span(char to[HUMAN_SIZE], double seconds)
{
	long long s = (long long)seconds;

	if (seconds < 0)
		s = 0;
	if (seconds < 10)
		snprintf(to, HUMAN_SIZE, "%.2f s", seconds < 0 ? 0 : seconds);
	else if (s < 60)
		snprintf(to, HUMAN_SIZE, "%lld s", s);
	else if (s < 3600)
		snprintf(to, HUMAN_SIZE, "%lld min %lld s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(
		    to, HUMAN_SIZE, "%lld h %lld min", s / 3600, s / 60 % 60);
	else
		snprintf(
		    to, HUMAN_SIZE, "%lld d %lld h", s / 86400, s / 3600 % 24);
	return to;
}

char *human_time(char to[HUMAN_SIZE], const char *iso)
{
	const char *rest = strchr(iso, '.');

	if (strlen(iso) < 19 || iso[10] != 'T') {
		snprintf(to, HUMAN_SIZE, "%s", iso);
		return to;
	}
	/* the offset follows the seconds or their fraction */
	rest = rest ? rest + 1 : iso + 19;
	while (isdigit((unsigned char)*rest))
		rest++;
	snprintf(to, HUMAN_SIZE, "%.10s %.8s%s", iso, iso + 11, rest);
	return to;
}

char *human_bar(char to[HUMAN_SIZE], const json_t *run)
{
	int64_t rows = json_int(run, "row_count", 0);
	int64_t total = json_int(run, "total_rows", 0);
	/* A run that has more rows than the last one is not necessarily at its
	 * end, so 99 is the most. */
	int percent = 99;
	char bar[BAR + 1];
	int at;

	memset(bar, '.', BAR);
	bar[BAR] = '\0';
	if (total > 0) {
		if (rows < total)
			percent = (int)(rows * 100 / total);
		memset(bar, '#', (size_t)(percent * BAR / 100));
		snprintf(to, HUMAN_SIZE, "[%s] %2d%%", bar, percent);
		return to;
	}
	at =
	    (int)json_number_value(json_object_get(run, "seconds")) % (BAR - 2);
	memset(bar + at, '#', 3);
	snprintf(to, HUMAN_SIZE, "[%s]", bar);
	return to;
}
