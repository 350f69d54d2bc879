/* SPDX-License-Identifier: MIT */
#include "supervisor/queue_login.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "services/login.h"
#include "source/conninfo.h"

/* In all, with its repeats. */
#define READ_MS 60000
/* The answer is a letter, OK or NO, and the connection string or what is wrong. */
#define ANSWER_MAX (128u << 10)
#define OK '+'
#define NO '-'
#define CHILD_FD 3

struct queue_login {
	uv_pipe_t pipe;
	pid_t pid;
	char answer[ANSWER_MAX];
	size_t len;
	queue_login_ready *ready;
	void *arg;
};

/* ---- the child ---- */

static int64_t deadline_ms;

static int look(void *arg, struct err *e)
{
	if (clock_boot_ms() < deadline_ms)
		return 0;
	return err_set(e, ERR_TRANSIENT, "reading %s took longer than %d s",
	    (const char *)arg, READ_MS / 1000);
}

static void say(char letter, const char *text)
{
	size_t len = strlen(text);

	if (write(CHILD_FD, &letter, 1) != 1 ||
	    write(CHILD_FD, text, len) != (ssize_t)len)
		_exit(1);
	_exit(0);
}

/* The loop's handlers would write to the loop. */
static void become_a_child(int fd, pid_t parent, const sigset_t *mask)
{
	static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};

	for (size_t i = 0; i < sizeof(handled) / sizeof(*handled); i++)
		signal(handled[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	prctl(PR_SET_NAME, "reportd-secret");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (fd != CHILD_FD)
		dup2(fd, CHILD_FD);
	close_range(CHILD_FD + 1, ~0U, 0);
}

static void read_secret(const struct queue_login_options *o)
{
	struct services *services = services_open(o->settings);
	struct login login = {
	    .conninfo = o->conninfo, .secret_arn = o->secret_arn};
	struct watch watch = {
	    .check = look, .arg = (void *)(uintptr_t)o->secret_arn};
	char *conninfo;
	struct err e;

	deadline_ms = clock_boot_ms() + READ_MS;
	services_set_watch(services, &watch);
	conninfo = login_conninfo(NULL, services, &login, o->fresh, &e);
	if (conninfo != NULL)
		say(OK, conninfo);
	say(NO, e.text);
}

/* ---- the supervisor ---- */

static void on_closed(uv_handle_t *handle)
{
	struct queue_login *l = handle->data;

	explicit_bzero(l->answer, sizeof(l->answer));
	free(l);
}

static void end(struct queue_login *l)
{
	kill(l->pid, SIGKILL);
	waitpid(l->pid, NULL, 0);
	uv_close((uv_handle_t *)&l->pipe, on_closed);
}

static void on_end(struct queue_login *l)
{
	struct err e;

	l->answer[l->len] = '\0';
	err_set(&e, ERR_TRANSIENT, "%s",
	    l->len > 0 && l->answer[0] == NO
		? l->answer + 1
		: "the process that reads the queue's secret has died");
	l->ready(l->arg, l->answer[0] == OK ? l->answer + 1 : NULL, &e);
	end(l);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct queue_login *l = handle->data;

	(void)suggested;
	*buf = uv_buf_init(
	    l->answer + l->len, (unsigned)(sizeof(l->answer) - 1 - l->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct queue_login *l = stream->data;

	(void)buf;
	if (n > 0)
		l->len += (size_t)n;
	else if (n < 0)
		on_end(l);
}

struct queue_login *queue_login_start(
    const struct queue_login_options *o, struct err *e)
{
	struct queue_login *l;
	pid_t parent = getpid(), pid;
	sigset_t all, mask;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0) {
		err_errno(e, errno, "pipe");
		return NULL;
	}
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	pid = fork();
	if (pid == 0) {
		become_a_child(fds[1], parent, &mask);
		read_secret(o);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close(fds[1]);
	if (pid < 0) {
		err_errno(e, errno, "fork");
		close(fds[0]);
		return NULL;
	}
	l = mem_zalloc(sizeof(*l));
	l->pid = pid;
	l->ready = o->ready;
	l->arg = o->arg;
	uv_pipe_init(o->loop, &l->pipe, 0);
	l->pipe.data = l;
	uv_pipe_open(&l->pipe, fds[0]);
	uv_read_start((uv_stream_t *)&l->pipe, give_room, on_read);
	return l;
}

void queue_login_stop(struct queue_login *l)
{
	uv_read_stop((uv_stream_t *)&l->pipe);
	end(l);
}
