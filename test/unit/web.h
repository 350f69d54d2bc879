/* SPDX-License-Identifier: MIT */
#ifndef TEST_WEB_H
#define TEST_WEB_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * A web server in a process of its own, which starts one more for each
 * connection. The path selects the answer; an answer is the bytes of an HTTP
 * reply, which may be incomplete.
 */
struct web_page {
	const char *path;  /* NULL ends the list */
	const char *reply; /* NULL: no answer until the client gives up */
	int wait_ms;       /* milliseconds before the answer */
	bool cut;          /* the connection ends after the answer */
	/* The page serves this many requests, then the next entry of its path
	 * follows; 0: always. */
	int times;
	bool each; /* times counts for each connection */
};

struct web {
	pid_t pid;
	int *shown; /* answers per page, over all connections */
	int port;
	char url[40]; /* http://127.0.0.1:PORT */
};

void web_start(struct web *w, const struct web_page *pages);
void web_stop(struct web *w);

#endif
