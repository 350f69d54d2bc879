/* SPDX-License-Identifier: MIT */
#ifndef TEST_WEB_H
#define TEST_WEB_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * A web server in a process of its own, a further one for each connection. What
 * it answers is known by the path; an answer is the bytes of an HTTP reply, cut
 * off where they end.
 */
struct web_page {
	const char *path;  /* NULL ends the list */
	const char *reply; /* NULL: silence until the other side has enough */
	int wait_ms;       /* before it */
	bool cut;          /* the connection ends after it */
	/* So often, then comes the next entry of this path; 0: always. */
	int times;
	bool each; /* counted for each connection */
};

struct web {
	pid_t pid;
	int *shown; /* how often each page was, over all connections */
	int port;
	char url[40]; /* http://127.0.0.1:PORT */
};

void web_start(struct web *w, const struct web_page *pages);
void web_stop(struct web *w);

#endif
