/* SPDX-License-Identifier: MIT */
#ifndef NET_MAIL_SMTP_NAME_H
#define NET_MAIL_SMTP_NAME_H

#include <stdbool.h>

/*
 * Returns the name by which this host introduces itself to a mail server (RFC
 * 5321, 4.1.3): its full name, or an address in brackets when it has none,
 * because many servers refuse a name without a dot. `host` is the name from
 * gethostname(). When it has no dot, it is looked up, which may wait for a name
 * server. The caller frees the result.
 */
char *smtp_name(const char *host);

/* Says whether the name has a dot, consists of letters, digits and hyphens, and
 * is not an address. */
bool smtp_name_is_full(const char *name);

#endif
