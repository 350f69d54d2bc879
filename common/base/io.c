/* SPDX-License-Identifier: MIT */
#include "base/io.h"

#include <errno.h>
#include <unistd.h>

int io_write_all(
    int fd, const void *data, size_t len, const char *name, struct err *e)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno, "writing %s", name);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}
