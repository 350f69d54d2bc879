/* SPDX-License-Identifier: MIT */
#include "source/athena/zones.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"

#define DAY_SECONDS 86400
/* Zones, and days of each, that are remembered. */
#define ZONES 8
#define DAYS 1024
#define NAME_MAX_LEN 63

struct named {
	char name[NAME_MAX_LEN + 1]; /* "": free */
	bool known;                  /* this host has the zone */
	struct {
		int64_t day; /* since 1970-01-01 in the zone */
		int32_t offset;
		bool known;
	} days[DAYS];
};

struct zones {
	char *own_name;
	struct zone *own;
	struct named *list[ZONES];
	int next; /* the one to be replaced next */
};

struct zones *zones_open(const char *own, struct err *e)
{
	struct zone *zone = zone_open(own, e);
	struct zones *z;

	if (zone == NULL)
		return NULL;
	z = mem_zalloc(sizeof(*z));
	z->own = zone;
	z->own_name = mem_strdup(own);
	return z;
}

void zones_close(struct zones *z)
{
	if (z == NULL)
		return;
	for (int i = 0; i < ZONES; i++)
		free(z->list[i]);
	zone_close(z->own);
	free(z->own_name);
	free(z);
}

struct zone *zones_own(struct zones *z)
{
	return z->own;
}

/* ---- zones that are numbers ---- */

static int digits_2(const char *s)
{
	return s[0] >= '0' && s[0] <= '9' && s[1] >= '0' && s[1] <= '9'
		   ? (s[0] - '0') * 10 + s[1] - '0'
		   : -1;
}

static bool read_offset(const char *name, size_t len, int32_t *offset)
{
	int hours, minutes;

	*offset = 0;
	if ((len == 3 && memcmp(name, "UTC", 3) == 0) ||
	    (len == 1 && *name == 'Z'))
		return true;
	if (len != 6 || (name[0] != '+' && name[0] != '-') || name[3] != ':')
		return false;
	hours = digits_2(name + 1);
	minutes = digits_2(name + 4);
	*offset = (hours * 60 + minutes) * 60;
	if (name[0] == '-')
		*offset = -*offset;
	return hours >= 0 && hours <= 18 && minutes >= 0 && minutes < 60;
}

/* ---- zones with names ---- */

/* A name comes with the data, so it may lead to no file but a zone's. */
static bool is_name(const char *name, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+-/";

	if (len == 0 || len > NAME_MAX_LEN || *name == '/')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (strchr(letters, name[i]) == NULL || name[i] == '\0')
			return false;
	}
	return true;
}

/* The folder of the zones has other files and folders, too, and the C library takes
 * each of them for UTC. A zone's file begins with a mark (RFC 8536). */
static bool is_zone_file(const char *path)
{
	char mark[4] = "";
	struct stat st;
	FILE *f = NULL;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fread(mark, 1, sizeof(mark), f) != sizeof(mark))
		mark[0] = '\0';
	fclose(f);
	return memcmp(mark, "TZif", sizeof(mark)) == 0;
}

static bool is_known(const char *name)
{
	const char *folder = getenv("TZDIR");
	char *path =
	    mem_printf("%s/%s", folder ? folder : "/usr/share/zoneinfo", name);
	bool known = is_zone_file(path);

	free(path);
	return known;
}

static struct named *find(struct zones *z, const char *name, size_t len)
{
	struct named *n;

	for (int i = 0; i < ZONES; i++) {
		n = z->list[i];
		if (n != NULL && strncmp(n->name, name, len) == 0 &&
		    n->name[len] == '\0')
			return n;
	}
	n = z->list[z->next];
	if (n == NULL)
		n = z->list[z->next] = mem_alloc(sizeof(*n));
	z->next = (z->next + 1) % ZONES;
	memset(n, 0, sizeof(*n));
	memcpy(n->name, name, len);
	n->known = is_known(n->name);
	return n;
}

static void set_zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

static int32_t offset_at(int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm = {0};

	localtime_r(&t, &tm);
	return (int32_t)tm.tm_gmtoff;
}

/* Finds the offset at a local time, in the zone of the process. Where the days
 * before and after have one offset, there is no other. Returns how many times have
 * this local time. */
static int solve(int64_t local, int32_t *offset)
{
	int32_t before = offset_at(local - 2 * (int64_t)DAY_SECONDS);
	int32_t after = offset_at(local + 2 * (int64_t)DAY_SECONDS);
	bool first = offset_at(local - before) == before;
	bool second = offset_at(local - after) == after;

	*offset = first ? before : after;
	return before == after ? 1 : first + second;
}

static int64_t floor_div(int64_t n, int64_t by)
{
	return n / by - (n % by < 0);
}

/* Returns how many times have the local time in the zone. */
static int look_up(
    struct zones *z, struct named *n, int64_t local, int32_t *offset)
{
	int64_t day = floor_div(local, DAY_SECONDS), start = day * DAY_SECONDS;
	size_t at = (size_t)((uint64_t)day % DAYS);
	int32_t first = 0, last = 0;
	int times;

	if (n->days[at].known && n->days[at].day == day) {
		*offset = n->days[at].offset;
		return 1;
	}
	set_zone(n->name);
	times = solve(local, offset);
	n->days[at].day = day;
	n->days[at].offset = *offset;
	n->days[at].known = solve(start, &first) == 1 &&
			    solve(start + DAY_SECONDS - 1, &last) == 1 &&
			    first == last && times == 1 && first == *offset;
	set_zone(z->own_name);
	return times;
}

int zones_offset(struct zones *z, const char *name, size_t len,
    int64_t local_us, int32_t *offset, struct err *e)
{
	int64_t local = floor_div(local_us, INSTANT_SECOND);
	struct named *n;
	int times;

	if (read_offset(name, len, offset))
		return 0;
	n = is_name(name, len) ? find(z, name, len) : NULL;
	if (n == NULL || !n->known)
		return err_set(e, ERR_PERMANENT,
		    "this host does not know the time zone \"%.*s\"; select "
		    "the time at_timezone(…, 'UTC'), or install tzdata",
		    (int)(len > NAME_MAX_LEN ? NAME_MAX_LEN : len), name);
	times = look_up(z, n, local, offset);
	if (times == 1)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "clocks in %s are changed at that time, so the text stands for %s; "
	    "select the time at_timezone(…, 'UTC')",
	    n->name, times == 0 ? "no time" : "two times");
}
