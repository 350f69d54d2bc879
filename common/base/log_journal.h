/* SPDX-License-Identifier: MIT */
#ifndef BASE_LOG_JOURNAL_H
#define BASE_LOG_JOURNAL_H

#include "base/log.h"

/*
 * Sends an entry to the systemd journal by its own protocol (its documentation
 * calls it the native one), so that an entry can be found by its fields: the
 * field "run" of the log becomes REPORTD_RUN. The priority is syslog's. Returns
 * 0, or -1 when the journal has not taken it; never waits.
 */
int journal_send(
    int priority, const char *message, const struct log_field *fields);

#endif
