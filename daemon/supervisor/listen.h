/* SPDX-License-Identifier: MIT */
#ifndef SUPERVISOR_LISTEN_H
#define SUPERVISOR_LISTEN_H

#include "base/err.h"

/*
 * Returns the socket on which reportd-http listens: the one that the service
 * manager has passed by sd_listen_fds(3), else one that is bound to this
 * address (see base/address.h). It closes at exec. Returns -1 on error.
 *
 * The supervisor holds it, so that a client whose request comes while
 * reportd-http starts again waits instead of being refused.
 */
int listen_open(const char *address, struct err *e);

#endif
