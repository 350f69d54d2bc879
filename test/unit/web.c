/* SPDX-License-Identifier: MIT */
#include "web.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"

#define HEAD_MAX 65536
#define PAGES 32

/* Reads one request and returns its path; NULL at the end of the connection. */
static char *read_request(int fd, char *head)
{
	size_t len = 0, body = 0;
	char *end = NULL, *at;

	while (end == NULL || (size_t)(head + len - end) < body) {
		ssize_t n = read(fd, head + len, HEAD_MAX - 1 - len);

		if (n <= 0)
			return NULL;
		len += (size_t)n;
		head[len] = '\0';
		if (end == NULL && (end = strstr(head, "\r\n\r\n")) != NULL) {
			end += 4;
			at = strcasestr(head, "\r\ncontent-length:");
			body = at ? (size_t)atoi(at + 17) : 0;
		}
		/* The rest of a long body is discarded. */
		if (end != NULL && len == HEAD_MAX - 1) {
			body -= len - (size_t)(end - head);
			len = (size_t)(end - head);
		}
	}
	at = strchr(head, ' ');
	*strchr(at + 1, ' ') = '\0';
	return at + 1;
}

static void serve(int fd, const struct web_page *pages, int *all)
{
	static char head[HEAD_MAX];
	int own[PAGES] = {0};
	const char *path;

	while ((path = read_request(fd, head)) != NULL) {
		const struct web_page *p = pages;

		while (p->path != NULL &&
		       (strcmp(p->path, path) != 0 ||
			   (p->times > 0 &&
			       (p->each ? own : all)[p - pages] >= p->times)))
			p++;
		if (p->path == NULL)
			return;
		own[p - pages]++;
		__atomic_add_fetch(&all[p - pages], 1, __ATOMIC_SEQ_CST);
		poll(NULL, 0, p->wait_ms);
		if (p->reply == NULL) {
			poll(&(struct pollfd){.fd = fd, .events = POLLRDHUP}, 1,
			    -1);
			return;
		}
		if (write(fd, p->reply, strlen(p->reply)) < 0)
			return;
		if (p->cut)
			return;
	}
}

static void listen_for_ever(int fd, const struct web_page *pages, int *shown)
{
	/* The server ends with the test's process. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int one = accept(fd, NULL, NULL);

		if (one >= 0 && fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(fd);
			serve(one, pages, shown);
			_exit(0);
		}
		close(one);
	}
}

void web_start(struct web *w, const struct web_page *pages)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_return_code(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_return_code(listen(fd, 64), 0);
	assert_return_code(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	w->port = ntohs(in.sin_port);
	snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%d", w->port);
	w->shown = mmap(NULL, PAGES * sizeof(int), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(w->shown, MAP_FAILED);
	w->pid = fork();
	assert_return_code(w->pid, 0);
	if (w->pid == 0)
		listen_for_ever(fd, pages, w->shown);
	close(fd);
}

void web_stop(struct web *w)
{
	kill(w->pid, SIGKILL);
	waitpid(w->pid, NULL, 0);
	munmap(w->shown, PAGES * sizeof(int));
}
