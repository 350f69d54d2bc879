/* SPDX-License-Identifier: MIT */
#ifndef ROWS_CALENDAR_H
#define ROWS_CALENDAR_H

#include <stdint.h>

/*
 * Days since 1970-01-01 in the Gregorian calendar, which PostgreSQL uses for dates
 * before 1582, too. Year 0 is 1 BC. The calendar is counted in eras of 400 years
 * that begin on the 1st of March, so that a leap day is the last day of its year.
 * Algorithm: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
static inline int64_t calendar_days(
    int64_t year, unsigned int month, unsigned int day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	unsigned int of_era = (unsigned int)(y - era * 400);
	unsigned int of_year =
	    (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

static inline void calendar_date(
    int64_t days, int64_t *year, int *month, int *day)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int d = (int)(z - era * 146097);
	int y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
	int of_year = d - (365 * y + y / 4 - y / 100);
	int m = (5 * of_year + 2) / 153;

	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = y + era * 400 + (*month <= 2);
}

#endif
