/* SPDX-License-Identifier: MIT */
#ifndef NET_MAIL_SMTP_NAME_H
#define NET_MAIL_SMTP_NAME_H

#include <stdbool.h>

/*
 * What this host calls itself to a mail server (RFC 5321, 4.1.3): its full name,
 * or where it has none an address in brackets; many servers refuse a name without
 * a dot. `host` is the host's name as gethostname() tells it; where that is not
 * the full one, it is looked up, which may wait for a name server. The caller
 * frees.
 */
char *smtp_name(const char *host);

/* Whether it is a name with a dot, of letters, digits and hyphens, and not an
 * address. */
bool smtp_name_is_full(const char *name);

#endif
