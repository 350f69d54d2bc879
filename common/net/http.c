/* SPDX-License-Identifier: MIT */
#include "net/http.h"

#include <stddef.h>

struct http *http_open(void)
{
	return NULL;
}

void http_close(struct http *h)
{
	(void)h;
}

void http_set_watch(struct http *h, const struct watch *watch)
{
	(void)h;
	(void)watch;
}
