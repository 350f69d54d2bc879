/* SPDX-License-Identifier: MIT */
#include "supervisor/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/str.h"

/* The first descriptor that a service manager passes. */
#define FIRST_FD 3

/* Returns a copy of the socket that the service manager has passed; -1: it has
 * passed none. */
static int passed(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int64_t n;

	if (pid == NULL || fds == NULL || str_to_i64(pid, &n) != 0 ||
	    n != getpid() || str_to_i64(fds, &n) != 0 || n < 1)
		return -1;
	/* The variables stay: a later call finds the same socket. */
	fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC);
	return fcntl(FIRST_FD, F_DUPFD_CLOEXEC, 10);
}

static int bind_to(const char *text, const struct sockaddr *address,
    socklen_t len, struct err *e)
{
	int fd = socket(
	    address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, address, len) == 0 && listen(fd, 128) == 0)
		return fd;
	err_errno(e, errno, "[server] listen = %s", text);
	if (fd >= 0)
		close(fd);
	return -1;
}

int listen_open(const char *address, struct err *e)
{
	struct sockaddr_storage at;
	socklen_t len = address_parse(address, &at);
	int fd = passed();

	if (fd >= 0)
		return fd;
	return bind_to(address, (const struct sockaddr *)&at, len, e);
}
