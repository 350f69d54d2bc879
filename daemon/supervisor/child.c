/* SPDX-License-Identifier: MIT */
#include "supervisor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "protocol.h"

#define ANSWER_MAX (128u << 10)
/* ms: a child that does not end this long after its answer is killed. */
#define LEAVE_MS 2000
/* ms: the longest time between two looks at a child that was killed. */
#define GONE_MAX_MS 1000
/* Lowest number for a moved descriptor, above the descriptors that a child
 * uses. */
#define LOWEST_FD 10

extern char **environ;

struct child {
	uv_pipe_t pipe;
	uv_timer_t timer;
	int handles;      /* how many of the two handles are closed */
	pid_t pid;        /* 0: it is gone */
	int64_t leave_ms; /* boot clock: then it is killed; see on_end */
	char answer[ANSWER_MAX];
	size_t len;
	struct child_options o;
};

/* ---- the child ---- */

static void move_fd(int from, int to)
{
	int high = fcntl(from, F_DUPFD_CLOEXEC, LOWEST_FD);

	if (high < 0 || dup2(high, to) < 0)
		_exit(1);
}

/* Restores the default handlers, because the loop's handlers would write into
 * the supervisor's loop. */
static void restore_signals(const sigset_t *mask)
{
	static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};

	for (size_t i = 0; i < sizeof(handled) / sizeof(*handled); i++)
		signal(handled[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

/* Starts the worker's program. All other descriptors close at exec. */
static void run_program(const struct child_options *o, int question, int answer)
{
	char name[] = "reportd-worker", flag[] = "--ask";
	char *args[] = {name, flag, mem_strdup(o->ask), NULL};

	answer = fcntl(answer, F_DUPFD_CLOEXEC, LOWEST_FD);
	move_fd(question, STDIN_FILENO);
	move_fd(answer, PROTOCOL_FD);
	fexecve(program_fd(o->program), args, environ);
	_exit(1);
}

/* Calls the function of a copy, with all descriptors of the supervisor closed:
 * this process would keep them open. */
static void run_function(const struct child_options *o, int answer)
{
	struct err e;
	char *text;
	int status;

	prctl(PR_SET_NAME, o->name);
	move_fd(answer, PROTOCOL_FD);
	close_range(PROTOCOL_FD + 1, ~0U, 0);
	text = o->work(o->what, &e);
	status = text ? answer_write(ANSWER_OK, text)
		      : answer_write(ANSWER_NO, e.text);
	mem_wipe(text);
	_exit(status);
}

/* ---- the supervisor ---- */

static void on_closed(uv_handle_t *handle)
{
	struct child *c = handle->data;

	if (++c->handles < 2)
		return;
	explicit_bzero(c->answer, sizeof(c->answer));
	free(c);
}

/* Takes note of the end of a child that was killed, and looks less and less often
 * until then. A process that waits for a file server inside of the kernel may live
 * on for as long as the server does not answer, whatever kills it. */
static void on_killed(uv_timer_t *timer)
{
	struct child *c = timer->data;
	uint64_t next_ms = 2 * uv_timer_get_repeat(timer);

	if (waitpid(c->pid, NULL, WNOHANG) != 0)
		uv_close((uv_handle_t *)timer, on_closed);
	else
		uv_timer_set_repeat(
		    timer, next_ms < GONE_MAX_MS ? next_ms : GONE_MAX_MS);
}

static void end(struct child *c)
{
	uv_close((uv_handle_t *)&c->pipe, on_closed);
	if (c->pid == 0) {
		uv_close((uv_handle_t *)&c->timer, on_closed);
		return;
	}
	kill(c->pid, SIGKILL);
	uv_timer_start(&c->timer, on_killed, 0, 1);
}

static void fail(struct child *c, const struct err *e)
{
	c->o.ready(c->o.arg, NULL, e);
	end(c);
}

static void on_late(uv_timer_t *timer)
{
	struct child *c = timer->data;
	struct err e;

	uv_read_stop((uv_stream_t *)&c->pipe);
	err_set(&e, ERR_TRANSIENT,
	    "the process that %s took longer than %" PRId64 " s", c->o.task,
	    c->o.timeout_ms / 1000);
	fail(c, &e);
}

/* Returns whether the answer is a letter and a text up to its zero byte. */
static bool is_whole(const struct child *c)
{
	const char *mark = memchr(c->answer, '\0', c->len);

	return mark != NULL && mark > c->answer &&
	       mark + 1 == c->answer + c->len;
}

/* Says why there is no answer. */
static void explain(const struct child *c, bool sound, struct err *e)
{
	if (c->len == sizeof(c->answer))
		err_set(e, ERR_TRANSIENT,
		    "the process that %s gave an answer of more than %u KiB",
		    c->o.task, ANSWER_MAX >> 10);
	else if (c->len == 0)
		err_set(e, ERR_TRANSIENT, "the process that %s has died",
		    c->o.task);
	else if (!sound)
		err_set(e, ERR_TRANSIENT,
		    "the process that %s has died before the end of its answer",
		    c->o.task);
	else
		err_set(e, ERR_TRANSIENT, "%s", c->answer + 1);
}

/* Hands the answer on; `well`: the child has ended with status 0. */
static void conclude(struct child *c, bool well)
{
	bool sound = well && is_whole(c);
	struct err e;

	if (sound && c->answer[0] == ANSWER_OK) {
		c->o.ready(c->o.arg, c->answer + 1, NULL);
		end(c);
		return;
	}
	explain(c, sound, &e);
	fail(c, &e);
}

/* Looks whether the child has ended, and how. */
static void on_look(uv_timer_t *timer)
{
	struct child *c = timer->data;
	int status = 0;
	pid_t ended = waitpid(c->pid, &status, WNOHANG);

	if (ended == 0 && clock_boot_ms() < c->leave_ms)
		return;
	uv_timer_stop(timer);
	if (ended == c->pid)
		c->pid = 0;
	conclude(c, ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The child has closed its end of the pipe: it ends now, or is killed. */
static void on_end(struct child *c)
{
	uv_read_stop((uv_stream_t *)&c->pipe);
	c->leave_ms = clock_boot_ms() + LEAVE_MS;
	uv_timer_start(&c->timer, on_look, 0, 1);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct child *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(
	    c->answer + c->len, (unsigned)(sizeof(c->answer) - c->len));
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
	uv_timer_init(o->loop, &c->timer);
	c->pipe.data = c->timer.data = c;
	uv_pipe_open(&c->pipe, fd);
	uv_read_start((uv_stream_t *)&c->pipe, give_room, on_read);
	if (o->timeout_ms > 0)
		uv_timer_start(&c->timer, on_late, (uint64_t)o->timeout_ms, 0);
	return c;
}

/* Writes the question into a file in memory. Returns its descriptor, or -1 on
 * error. */
static int write_question(const struct buf *question, struct err *e)
{
	int fd = memfd_create("question", MFD_CLOEXEC);

	if (fd >= 0 &&
	    write(fd, question->data, question->len) ==
		(ssize_t)question->len &&
	    lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	err_errno(e, errno, "memfd");
	if (fd >= 0)
		close(fd);
	return -1;
}

static pid_t fork_child(const struct child_options *o, int question, int answer)
{
	pid_t parent = getpid(), pid;
	sigset_t all, mask;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	pid = fork();
	if (pid == 0) {
		restore_signals(&mask);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		if (o->program != NULL)
			run_program(o, question, answer);
		run_function(o, answer);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return pid;
}

static struct child *start(
    const struct child_options *o, int question, struct err *e)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0) {
		err_errno(e, errno, "pipe");
		return NULL;
	}
	pid = fork_child(o, question, fds[1]);
	if (pid < 0)
		err_errno(e, errno, "fork");
	close(fds[1]);
	if (pid > 0)
		return follow(o, pid, fds[0]);
	close(fds[0]);
	return NULL;
}

struct child *child_start(const struct child_options *o, struct err *e)
{
	struct child *c;
	int question;

	if (o->program == NULL)
		return start(o, -1, e);
	question = write_question(o->question, e);
	if (question < 0)
		return NULL;
	c = start(o, question, e);
	close(question);
	return c;
}

void child_stop(struct child *c)
{
	uv_read_stop((uv_stream_t *)&c->pipe);
	end(c);
}
