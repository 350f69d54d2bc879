/* SPDX-License-Identifier: MIT */
#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *to, size_t len)
{
	char *at = to;

	while (len > 0) {
		ssize_t n = getrandom(at, len, 0);

		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			fputs("the system gives no random bytes\n", stderr);
			abort();
		}
	}
}

void random_uuid(char to[static RANDOM_UUID])
{
	unsigned char b[16];

	random_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(to, RANDOM_UUID,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
	    b[11], b[12], b[13], b[14], b[15]);
}

int64_t random_below(int64_t limit)
{
	uint64_t n;

	if (limit < 1)
		return 0;
	random_bytes(&n, sizeof(n));
	return (int64_t)(n % (uint64_t)limit);
}

int64_t random_shorten(int64_t whole, int64_t part)
{
	return whole - random_below(whole / part + 1);
}
