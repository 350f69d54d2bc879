/* SPDX-License-Identifier: MIT */
#include "source/instant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "rows/calendar.h"
#include "source/number.h"

#define DAY_SECONDS 86400
#define DAY_US (DAY_SECONDS * INSTANT_SECOND)

/* ---- parts ---- */

static char *put_2(char *to, int n)
{
	*to++ = (char)('0' + n / 10);
	*to++ = (char)('0' + n % 10);
	return to;
}

static char *put_text(char *to, const char *text)
{
	size_t len = strlen(text);

	memcpy(to, text, len);
	return to + len;
}

/* Writes at least four digits. */
static char *put_year(char *to, int64_t year)
{
	char digits[NUMBER_MAX];
	size_t len = number_unsigned((uint64_t)year, digits);

	for (size_t n = len; n < 4; n++)
		*to++ = '0';
	memcpy(to, digits, len);
	return to + len;
}

/* Writes YYYY-MM-DD and says whether the year is before Christ. */
static char *put_day(char *to, int64_t days, bool *bc)
{
	int64_t year;
	int month, day;

	calendar_date(days, &year, &month, &day);
	*bc = year <= 0;
	to = put_year(to, *bc ? 1 - year : year);
	*to++ = '-';
	to = put_2(to, month);
	*to++ = '-';
	return put_2(to, day);
}

/* Writes HH:MM:SS and the digits of a fraction that are not zeros. */
static char *put_clock(char *to, int64_t us)
{
	int seconds = (int)(us / INSTANT_SECOND);
	int fraction = (int)(us % INSTANT_SECOND);

	to = put_2(to, seconds / 3600);
	*to++ = ':';
	to = put_2(to, seconds / 60 % 60);
	*to++ = ':';
	to = put_2(to, seconds % 60);
	if (fraction == 0)
		return to;
	*to++ = '.';
	for (int unit = 100000; fraction > 0; unit /= 10) {
		*to++ = (char)('0' + fraction / unit);
		fraction %= unit;
	}
	return to;
}

/* Writes +01, +05:30 or +00:53:28. */
static char *put_offset(char *to, int32_t seconds)
{
	*to++ = seconds < 0 ? '-' : '+';
	seconds = seconds < 0 ? -seconds : seconds;
	to = put_2(to, seconds / 3600);
	if (seconds % 3600 == 0)
		return to;
	*to++ = ':';
	to = put_2(to, seconds / 60 % 60);
	if (seconds % 60 == 0)
		return to;
	*to++ = ':';
	return put_2(to, seconds % 60);
}

static int64_t floor_div(int64_t n, int64_t by)
{
	return n / by - (n % by < 0);
}

/* ---- zones ---- */

/* Days whose offset is remembered, each at its number modulo this. */
#define ZONE_DAYS 4096

struct zone {
	struct zone_day {
		int64_t day; /* since 1970-01-01 UTC */
		int32_t offset;
		bool known;
	} days[ZONE_DAYS];
};

struct zone *zone_open(const char *name, struct err *e)
{
	const char *folder = getenv("TZDIR");
	char *path =
	    mem_printf("%s/%s", folder ? folder : "/usr/share/zoneinfo", name);
	int missing = access(path, R_OK) != 0 ? errno : 0;

	free(path);
	/* The C library would take UTC for a name that it does not find. */
	if (missing != 0 && strcmp(name, "UTC") != 0) {
		err_errno(e, missing,
		    "this host does not know the time zone %s; install tzdata",
		    name);
		return NULL;
	}
	setenv("TZ", name, 1);
	tzset();
	return mem_zalloc(sizeof(struct zone));
}

void zone_close(struct zone *z)
{
	free(z);
}

static int32_t offset_at(int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm = {0};

	localtime_r(&t, &tm);
	return (int32_t)tm.tm_gmtoff;
}

/* Most days have one offset from their first to their last second, and it is
 * remembered. */
static int32_t offset_of(struct zone *z, int64_t us)
{
	int64_t seconds = floor_div(us, INSTANT_SECOND);
	int64_t day = floor_div(seconds, DAY_SECONDS);
	struct zone_day *d = &z->days[(uint64_t)day % ZONE_DAYS];

	if (d->known && d->day == day)
		return d->offset;
	*d = (struct zone_day){day, offset_at(day * DAY_SECONDS), false};
	d->known = offset_at((day + 1) * DAY_SECONDS - 1) == d->offset;
	return d->known ? d->offset : offset_at(seconds);
}

/* ---- values ---- */

static size_t infinity(bool negative, char *to)
{
	return (size_t)(put_text(to, negative ? "-infinity" : "infinity") - to);
}

size_t instant_date(int32_t days, char to[static INSTANT_MAX])
{
	char *end;
	bool bc;

	if (days == INT32_MAX || days == -INT32_MAX)
		return infinity(days < 0, to);
	end = put_day(to, days, &bc);
	return (size_t)(put_text(end, bc ? " BC" : "") - to);
}

size_t instant_time(int64_t us, char to[static INSTANT_MAX])
{
	return (size_t)(put_clock(to, us) - to);
}

size_t instant_timetz(int64_t us, int32_t offset, char to[static INSTANT_MAX])
{
	return (size_t)(put_offset(put_clock(to, us), offset) - to);
}

/* offset NULL: none is written */
static size_t put(int64_t us, const int32_t *offset, char *to)
{
	int64_t day = floor_div(us, DAY_US), clock = us - day * DAY_US;
	char *end;
	bool bc;

	if (offset != NULL) {
		clock += *offset * INSTANT_SECOND;
		day += floor_div(clock, DAY_US);
		clock -= floor_div(clock, DAY_US) * DAY_US;
	}
	end = put_day(to, day, &bc);
	*end++ = ' ';
	end = put_clock(end, clock);
	if (offset != NULL)
		end = put_offset(end, *offset);
	return (size_t)(put_text(end, bc ? " BC" : "") - to);
}

size_t instant_timestamp(int64_t us, char to[static INSTANT_MAX])
{
	if (us == INT64_MAX || us == -INT64_MAX)
		return infinity(us < 0, to);
	return put(us, NULL, to);
}

size_t instant_timestamptz(
    struct zone *z, int64_t us, char to[static INSTANT_MAX])
{
	int32_t offset;

	if (us == INT64_MAX || us == -INT64_MAX)
		return infinity(us < 0, to);
	offset = offset_of(z, us);
	return put(us, &offset, to);
}
