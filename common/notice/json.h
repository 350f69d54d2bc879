/* SPDX-License-Identifier: MIT */
#ifndef NOTICE_JSON_H
#define NOTICE_JSON_H

#include "notice/notice.h"

/* Returns the JSON object that webhooks and topics receive, see
 * docs/notifications.md. The caller calls json_decref. */
json_t *notice_json(const struct notice *n);
/* Returns JSON as compact text in which these characters are escapes: the same
 * to a program, and seen by people, to whom a topic may mail it. The caller
 * frees it; NULL: it cannot be written. */
char *notice_dump(const json_t *v);

#endif
