/* SPDX-License-Identifier: MIT */
#include "supervisor/pool_worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "supervisor/environment.h"

#define OUT_MAX (256u << 20)
/* Bytes: reading from a worker stops at this many, until its lines are
 * taken. */
#define BACKLOG (1u << 20)

bool worker_is_there(const struct worker *w)
{
	return !w->leaving && !w->exited && !w->hung_up;
}

bool worker_has_runs(const struct worker *w)
{
	return w->busy + w->held > 0;
}

void worker_describe(const struct worker *w, char *to, size_t size)
{
	if (w->late)
		snprintf(to, size,
		    "worker killed, as it was not ready after 20 seconds");
	else if (w->signal == SIGKILL)
		snprintf(to, size,
		    "worker killed by signal 9 (Killed); was "
		    "the machine out of memory?");
	else if (w->signal != 0)
		snprintf(to, size, "worker killed by signal %d (%s)", w->signal,
		    strsignal(w->signal));
	else
		snprintf(to, size, "worker ended with status %lld",
		    (long long)w->status);
}

void worker_free(struct worker *w)
{
	lines_free(&w->in);
	buf_wipe(&w->out);
	free(w);
}

static void on_worker_exit(
    uv_process_t *process, int64_t status, int term_signal)
{
	struct worker *w = process->data;

	w->exited = true;
	w->status = status;
	w->signal = term_signal;
	if (w->pool->closed)
		pool_bury(w);
}

static void hang_up(struct worker *w)
{
	uv_read_stop((uv_stream_t *)&w->pipe);
	w->hung_up = true;
	if (w->pool->closed)
		pool_bury(w);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	/* A single buffer is enough, because the loop is one thread. */
	static char room[64 << 10];

	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(room, sizeof(room));
}

/* Kills a worker whose lines cannot be read. */
static void distrust(struct worker *w, const struct err *e)
{
	LOG(w->pool->o.log, LVL_ERROR,
	    L_MSG("a worker sent a line that is no message"),
	    L_STR("error", e->text), L_INT("pid", w->process.pid));
	w->deaf = true;
	worker_signal(w, SIGKILL);
}

/* Collects the lines of a worker, which wait until on_news takes them. */
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct worker *w = stream->data;
	struct err e;

	if (n < 0) {
		hang_up(w);
	} else if (!w->deaf &&
		   lines_feed(&w->in, buf->base, (size_t)n, &e) != 0) {
		distrust(w, &e);
	} else if (w->in.in.len > BACKLOG) {
		w->full = true;
		uv_read_stop(stream);
	}
}

/* Its first line is a hello. */
static void take_hello(struct worker *w, const char *line, size_t len)
{
	struct message m = {.type = MSG_HELLO};
	struct err e = {.text = "it does not begin with a hello"};

	if (message_parse(line, len, &m, &e) == 0 && m.type == MSG_HELLO)
		pool_welcome(w);
	else
		distrust(w, &e);
	json_decref(m.body);
}

void worker_take_lines(struct worker *w)
{
	size_t len;
	char *line;

	while (!w->deaf && (line = lines_next(&w->in, &len)) != NULL) {
		if (!w->ready)
			take_hello(w, line, len);
		else if (worker_has_runs(w))
			w->pool->o.events->line(w->pool->o.arg, w, line, len);
	}
	if (w->full && !w->hung_up) {
		w->full = false;
		uv_read_start((uv_stream_t *)&w->pipe, give_room, on_read);
	}
}

void worker_send_off(struct worker *w)
{
	w->leaving = true;
	hang_up(w);
	if (!uv_is_closing((uv_handle_t *)&w->pipe)) {
		uv_os_fd_t fd;

		/* The pipe handle stays open until the worker is buried. */
		if (uv_fileno((uv_handle_t *)&w->pipe, &fd) == 0)
			shutdown(fd, SHUT_RDWR);
	}
}

static void on_stillborn(uv_handle_t *handle)
{
	struct worker *w = handle->data;

	if (++w->handles < 2)
		return;
	worker_free(w);
}

int worker_start(struct pool *p)
{
	struct worker *w = mem_zalloc(sizeof(*w));
	char memory[32];
	char name[] = "reportd-worker", flag[] = "--memory";
	char *args[] = {name, flag, memory, NULL};
	uv_stdio_container_t stdio[PROTOCOL_FD + 1] = {
	    {.flags = UV_IGNORE},
	    {.flags = UV_INHERIT_FD, .data.fd = 2},
	    {.flags = UV_INHERIT_FD, .data.fd = 2},
	    {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
		.data.stream = (uv_stream_t *)&w->pipe},
	};
	uv_process_options_t options = {
	    .exit_cb = on_worker_exit,
	    .file = program_path(p->o.program),
	    .args = args,
	    .env = environment_without(p->hidden),
	    .stdio = stdio,
	    .stdio_count = PROTOCOL_FD + 1,
	};
	int rc;

	snprintf(memory, sizeof(memory), "%lld", (long long)p->o.memory);
	w->pool = p;
	w->born_ms = clock_boot_ms();
	lines_init(&w->in);
	buf_init(&w->out, OUT_MAX);
	buf_str(&w->out, p->greeting);
	uv_pipe_init(p->o.loop, &w->pipe, 0);
	w->pipe.data = w->process.data = w;
	rc = uv_spawn(p->o.loop, &w->process, &options);
	free(options.env);
	w->process.data = w;
	if (rc != 0) {
		LOG(p->o.log, LVL_ERROR, L_MSG("cannot start a worker"),
		    L_STR("error", uv_strerror(rc)));
		uv_close((uv_handle_t *)&w->process, on_stillborn);
		uv_close((uv_handle_t *)&w->pipe, on_stillborn);
		return -1;
	}
	w->next = p->workers;
	p->workers = w;
	uv_read_start((uv_stream_t *)&w->pipe, give_room, on_read);
	return 0;
}

struct outgoing {
	uv_write_t request;
	struct buf bytes;
};

static void on_written(uv_write_t *request, int status)
{
	struct outgoing *out = request->data;

	/* The end of a worker is noticed elsewhere, so a broken pipe needs no
	 * action here. */
	(void)status;
	/* A greeting or a job, which hold secrets. */
	buf_wipe(&out->bytes);
	free(out);
}

void worker_send(struct worker *w, struct buf *b)
{
	buf_add(&w->out, b->data, b->len);
	buf_wipe(b);
}

/* Leaves the rest of the bytes, from the n-th on, to the loop. */
static void write_rest(struct worker *w, size_t n)
{
	struct outgoing *out = mem_zalloc(sizeof(*out));
	uv_buf_t bytes =
	    uv_buf_init(w->out.data + n, (unsigned int)(w->out.len - n));

	out->bytes = w->out;
	out->request.data = out;
	if (uv_write(&out->request, (uv_stream_t *)&w->pipe, &bytes, 1,
		on_written) != 0)
		on_written(&out->request, -1);
}

void worker_flush(struct worker *w)
{
	uv_buf_t bytes = uv_buf_init(w->out.data, (unsigned int)w->out.len);
	/* Most often the socket takes all at once. A request that the loop
	 * completes costs two system calls more. */
	int n = uv_try_write((uv_stream_t *)&w->pipe, &bytes, 1);

	if (n >= 0 && (size_t)n == w->out.len)
		buf_wipe(&w->out);
	else
		write_rest(w, n > 0 ? (size_t)n : 0);
	buf_init(&w->out, OUT_MAX);
}

void worker_signal(struct worker *w, int signal_number)
{
	if (!w->exited)
		uv_process_kill(&w->process, signal_number);
}

void worker_kill(struct worker *w)
{
	w->killed = true;
	worker_signal(w, SIGKILL);
}

bool worker_is_killed(const struct worker *w)
{
	return w->killed;
}

int worker_pid(const struct worker *w)
{
	return w->process.pid;
}
