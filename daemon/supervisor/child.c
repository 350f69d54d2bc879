/* SPDX-License-Identifier: MIT */
#include "supervisor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

/* The answer is a letter, OK or NO, and the text or what is wrong. */
#define ANSWER_MAX (128u << 10)
#define OK '+'
#define NO '-'
#define CHILD_FD 3

struct child {
	uv_pipe_t pipe;
	pid_t pid;
	char answer[ANSWER_MAX];
	size_t len;
	struct child_options o;
};

/* ---- the child ---- */

static int64_t deadline_ms;

static int look(void *arg, struct err *e)
{
	const struct child_options *o = arg;

	if (clock_boot_ms() < deadline_ms)
		return 0;
	return err_set(e, ERR_TRANSIENT,
	    "the process that %s took longer than %" PRId64 " s", o->task,
	    o->timeout_ms / 1000);
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
static void become_a_child(
    const struct child_options *o, int fd, pid_t parent, const sigset_t *mask)
{
	static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};

	for (size_t i = 0; i < sizeof(handled) / sizeof(*handled); i++)
		signal(handled[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	prctl(PR_SET_NAME, o->name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (fd != CHILD_FD)
		dup2(fd, CHILD_FD);
	close_range(CHILD_FD + 1, ~0U, 0);
}

static void do_work(const struct child_options *o)
{
	struct watch watch = {.check = look, .arg = (void *)(uintptr_t)o};
	char *answer;
	struct err e;

	deadline_ms = clock_boot_ms() + o->timeout_ms;
	answer = o->work(o->what, &watch, &e);
	if (answer != NULL)
		say(OK, answer);
	say(NO, e.text);
}

/* ---- the supervisor ---- */

static void on_closed(uv_handle_t *handle)
{
	struct child *c = handle->data;

	explicit_bzero(c->answer, sizeof(c->answer));
	free(c);
}

static void end(struct child *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	uv_close((uv_handle_t *)&c->pipe, on_closed);
}

static void on_end(struct child *c)
{
	struct err e;

	c->answer[c->len] = '\0';
	if (c->len > 0 && c->answer[0] == NO)
		err_set(&e, ERR_TRANSIENT, "%s", c->answer + 1);
	else
		err_set(&e, ERR_TRANSIENT, "the process that %s has died",
		    c->o.task);
	c->o.ready(c->o.arg, c->answer[0] == OK ? c->answer + 1 : NULL, &e);
	end(c);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct child *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(
	    c->answer + c->len, (unsigned)(sizeof(c->answer) - 1 - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct child *c = stream->data;

	(void)buf;
	if (n > 0)
		c->len += (size_t)n;
	else if (n < 0)
		on_end(c);
}

static struct child *follow(const struct child_options *o, pid_t pid, int fd)
{
	struct child *c = mem_zalloc(sizeof(*c));

	c->pid = pid;
	c->o = *o;
	uv_pipe_init(o->loop, &c->pipe, 0);
	c->pipe.data = c;
	uv_pipe_open(&c->pipe, fd);
	uv_read_start((uv_stream_t *)&c->pipe, give_room, on_read);
	return c;
}

struct child *child_start(const struct child_options *o, struct err *e)
{
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
		become_a_child(o, fds[1], parent, &mask);
		do_work(o);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close(fds[1]);
	if (pid < 0) {
		err_errno(e, errno, "fork");
		close(fds[0]);
		return NULL;
	}
	return follow(o, pid, fds[0]);
}

void child_stop(struct child *c)
{
	uv_read_stop((uv_stream_t *)&c->pipe);
	end(c);
}
