/* SPDX-License-Identifier: MIT */
#include "supervisor/pool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "protocol.h"

/* A worker that dies younger than this without a job has trouble starting; its
 * successor waits a while. */
#define YOUNG_MS 1000
/* At the end of the pool a worker that does not leave is killed. */
#define LEAVE_MS 2000
#define OUT_MAX (256u << 20)
/* One that has said so much is not read from until that was taken. */
#define BACKLOG (1u << 20)

extern char **environ;

struct worker {
	struct pool *pool;
	struct worker *next;
	uv_process_t process;
	uv_pipe_t pipe;
	struct lines in;
	struct buf out; /* leaves with the turn of the loop */
	int busy, held; /* runs */
	bool leaving;   /* its pipe is closed from our side */
	bool exited, hung_up, buried;
	bool deaf;   /* what it says is not heard any more */
	bool full;   /* it is not read from until its lines were taken */
	int handles; /* closed ones of the two */
	int64_t born_ms;
	int64_t mark, marked_ms; /* see pool_take_for; 0: not yet */
	int64_t status;
	int signal;
};

struct pool {
	struct pool_options o;
	struct worker *workers;
	char *greeting, *hidden;
	uv_timer_t timer; /* the next start; at the end, the last kill */
	uv_prepare_t turn;
	uv_check_t news;
	bool freed; /* to be told */
	bool retired, closed;
	int handles; /* closed ones of the three */
};

static void fill(struct pool *p);
static void on_turn(uv_prepare_t *turn);
static void on_news(uv_check_t *news);

static bool is_there(const struct worker *w)
{
	return !w->leaving && !w->exited && !w->hung_up;
}

static bool has_runs(const struct worker *w)
{
	return w->busy + w->held > 0;
}

/* Workers that are not on their way out. */
static int count(const struct pool *p, bool free_only)
{
	int n = 0;

	for (const struct worker *w = p->workers; w != NULL; w = w->next)
		n += is_there(w) && (!free_only || w->busy == 0);
	return n;
}

int pool_free_workers(const struct pool *p)
{
	int busy = count(p, false) - count(p, true);
	int room = p->o.size - busy, idle = count(p, true);

	return p->retired || room < 0 ? 0 : idle < room ? idle : room;
}

int pool_queued(const struct pool *p)
{
	int n = 0;

	for (const struct worker *w = p->workers; w != NULL; w = w->next)
		n += w->busy > 1 ? w->busy - 1 : 0;
	return n;
}

static void describe(const struct worker *w, char *to, size_t size)
{
	if (w->signal == SIGKILL)
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

static void on_pool_closed(uv_handle_t *handle)
{
	struct pool *p = handle->data;

	if (++p->handles < 3)
		return;
	free(p->greeting);
	free(p->hidden);
	free(p);
}

static void on_worker_closed(uv_handle_t *handle)
{
	struct worker *w = handle->data;
	struct pool *p = w->pool;
	struct worker **at = &p->workers;

	if (++w->handles < 2)
		return;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	lines_free(&w->in);
	buf_free(&w->out);
	free(w);
	if (p->closed && p->workers == NULL)
		uv_close((uv_handle_t *)&p->timer, on_pool_closed);
}

static void respawn_later(struct pool *p);

/* Both its exit status and the end of its words are here. */
static void bury(struct worker *w)
{
	struct pool *p = w->pool;
	bool had_runs = has_runs(w);
	char how[128];

	if (!w->exited || !w->hung_up || w->buried)
		return;
	w->buried = true;
	describe(w, how, sizeof(how));
	uv_close((uv_handle_t *)&w->process, on_worker_closed);
	uv_close((uv_handle_t *)&w->pipe, on_worker_closed);
	if (p->closed)
		return;
	w->busy = w->held = 0;
	if (had_runs)
		p->o.events->died(p->o.arg, w, how);
	else if (!w->leaving)
		LOG(p->o.log, LVL_WARN, L_MSG("idle worker gone"),
		    L_STR("how", how));
	if (w->signal == 0 && w->status == PROTOCOL_UNFIT)
		program_is_unfit(p->o.program);
	else if (!had_runs && !w->leaving &&
		 clock_boot_ms() - w->born_ms < YOUNG_MS)
		respawn_later(p);
	else
		fill(p);
}

static void on_worker_exit(
    uv_process_t *process, int64_t status, int term_signal)
{
	struct worker *w = process->data;

	w->exited = true;
	w->status = status;
	w->signal = term_signal;
	if (w->pool->closed)
		bury(w);
}

static void hang_up(struct worker *w)
{
	uv_read_stop((uv_stream_t *)&w->pipe);
	w->hung_up = true;
	if (w->pool->closed)
		bury(w);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	/* One reader at a time: the loop is one thread. */
	static char room[64 << 10];

	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(room, sizeof(room));
}

/* What a worker says waits in its lines until on_news takes it. */
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct worker *w = stream->data;
	struct err e;

	if (n < 0) {
		hang_up(w);
	} else if (!w->deaf &&
		   lines_feed(&w->in, buf->base, (size_t)n, &e) != 0) {
		LOG(w->pool->o.log, LVL_ERROR, L_MSG("worker talks nonsense"),
		    L_STR("error", e.text), L_INT("pid", w->process.pid));
		w->deaf = true;
		worker_signal(w, SIGKILL);
	} else if (w->in.in.len > BACKLOG) {
		w->full = true;
		uv_read_stop(stream);
	}
}

static void take_lines(struct worker *w)
{
	size_t len;
	char *line;

	while (!w->deaf && (line = lines_next(&w->in, &len)) != NULL) {
		if (has_runs(w))
			w->pool->o.events->line(w->pool->o.arg, w, line, len);
	}
	if (w->full && !w->hung_up) {
		w->full = false;
		uv_read_start((uv_stream_t *)&w->pipe, give_room, on_read);
	}
}

static void tell_freed(struct pool *p)
{
	if (!p->freed)
		return;
	p->freed = false;
	p->o.events->freed(p->o.arg);
}

/* After the loop has read and waited for processes: the one place from which the
 * owner hears of workers, so that it is never in the midst of something. */
static void on_news(uv_check_t *news)
{
	struct pool *p = news->data;

	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		take_lines(w);
		bury(w);
	}
	tell_freed(p);
}

static void on_stillborn(uv_handle_t *handle)
{
	struct worker *w = handle->data;

	if (++w->handles < 2)
		return;
	lines_free(&w->in);
	buf_free(&w->out);
	free(w);
}

static bool is_hidden(const char *variable, const char *hidden)
{
	size_t len = strcspn(variable, "=");

	if (strncmp(variable, "REPORTD_", 8) == 0)
		return true;
	for (const char *at = hidden; *at != '\0'; at += strspn(at, " ")) {
		size_t n = strcspn(at, " ");

		if (n == len && strncmp(at, variable, n) == 0)
			return true;
		at += n;
	}
	return false;
}

/* Settings go to a worker as messages, a job's source with the job: the secrets
 * of others would only lie about in its environment. The strings are borrowed. */
static char **environment(const struct pool *p)
{
	size_t count = 0, kept = 0;
	char **list;

	while (environ[count] != NULL)
		count++;
	list = mem_zalloc((count + 1) * sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		if (!is_hidden(environ[i], p->hidden))
			list[kept++] = environ[i];
	}
	return list;
}

static int spawn(struct pool *p)
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
	    .env = environment(p),
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

static void on_respawn(uv_timer_t *timer)
{
	fill(timer->data);
}

static void respawn_later(struct pool *p)
{
	uv_timer_start(&p->timer, on_respawn, YOUNG_MS, 0);
}

/* A worker leaves when it reads the end of file. */
static void send_off(struct worker *w)
{
	w->leaving = true;
	hang_up(w);
	if (!uv_is_closing((uv_handle_t *)&w->pipe)) {
		uv_os_fd_t fd;

		/* The pipe handle lives on until the worker is buried. */
		if (uv_fileno((uv_handle_t *)&w->pipe, &fd) == 0)
			shutdown(fd, SHUT_RDWR);
	}
}

static void fill(struct pool *p)
{
	int have = count(p, false), before = pool_free_workers(p);

	if (p->retired)
		return;
	while (have < p->o.size) {
		if (spawn(p) != 0) {
			respawn_later(p);
			break;
		}
		have++;
	}
	for (struct worker *w = p->workers; w != NULL && have > p->o.size;
	     w = w->next) {
		if (!has_runs(w) && is_there(w)) {
			send_off(w);
			have--;
		}
	}
	if (pool_free_workers(p) > before)
		p->freed = true;
}

struct pool *pool_open(const struct pool_options *options)
{
	struct pool *p = mem_zalloc(sizeof(*p));

	p->o = *options;
	p->greeting = mem_strdup(options->greeting);
	pool_hide(p, options->hidden);
	uv_timer_init(p->o.loop, &p->timer);
	p->timer.data = p;
	uv_prepare_init(p->o.loop, &p->turn);
	p->turn.data = p;
	uv_prepare_start(&p->turn, on_turn);
	uv_check_init(p->o.loop, &p->news);
	p->news.data = p;
	uv_check_start(&p->news, on_news);
	/* From the loop: to start processes takes longer than all the rest. */
	uv_timer_start(&p->timer, on_respawn, 0, 0);
	return p;
}

void pool_resize(struct pool *p, int size, int64_t memory)
{
	p->o.size = size;
	p->o.memory = memory;
	fill(p);
}

void pool_greet(struct pool *p, const char *greeting)
{
	free(p->greeting);
	p->greeting = mem_strdup(greeting);
	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (is_there(w))
			buf_str(&w->out, p->greeting);
	}
}

void pool_hide(struct pool *p, const char *names)
{
	free(p->hidden);
	p->hidden = mem_strdup(names ? names : "");
}

void pool_retire(struct pool *p)
{
	p->retired = true;
	uv_timer_stop(&p->timer);
	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (!has_runs(w) && is_there(w))
			send_off(w);
	}
}

static void kill_all(uv_timer_t *timer)
{
	struct pool *p = timer->data;

	for (struct worker *w = p->workers; w != NULL; w = w->next)
		worker_signal(w, SIGKILL);
}

void pool_close(struct pool *p)
{
	p->retired = p->closed = true;
	uv_close((uv_handle_t *)&p->turn, on_pool_closed);
	uv_close((uv_handle_t *)&p->news, on_pool_closed);
	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (!w->leaving && !w->hung_up)
			send_off(w);
		bury(w);
	}
	if (p->workers == NULL)
		uv_close((uv_handle_t *)&p->timer, on_pool_closed);
	else
		uv_timer_start(&p->timer, kill_all, LEAVE_MS, 0);
}

struct worker *pool_take(struct pool *p, int most)
{
	struct worker *best = NULL;

	if (p->retired)
		return NULL;
	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (is_there(w) && w->busy + w->held < most &&
		    (best == NULL || w->busy < best->busy))
			best = w;
	}
	/* More workers than there shall be: the surplus is ending its jobs. */
	if (best == NULL || (best->busy == 0 && pool_free_workers(p) == 0))
		return NULL;
	best->busy++;
	return best;
}

/* Whether a is the better one for this mark. */
static bool suits(const struct worker *a, const struct worker *b, int64_t mark)
{
	bool a_is = a->marked_ms != 0 && a->mark == mark;
	bool b_is = b->marked_ms != 0 && b->mark == mark;

	return a_is != b_is ? a_is : a->marked_ms < b->marked_ms;
}

struct worker *pool_take_for(struct pool *p, int64_t mark)
{
	struct worker *best = NULL;

	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (is_there(w) && !has_runs(w) &&
		    (best == NULL || suits(w, best, mark)))
			best = w;
	}
	if (best == NULL || pool_free_workers(p) == 0)
		return NULL;
	best->busy++;
	best->mark = mark;
	best->marked_ms = clock_boot_ms();
	return best;
}

void pool_hold(struct worker *w)
{
	struct pool *p = w->pool;

	w->held++;
	if (--w->busy == 0)
		p->freed = true;
}

void pool_give_back(struct worker *w, bool held)
{
	struct pool *p = w->pool;

	if (held)
		w->held--;
	else
		w->busy--;
	if (!has_runs(w) && (p->retired || count(p, false) > p->o.size))
		send_off(w);
	else
		p->freed = true;
}

struct outgoing {
	uv_write_t request;
	struct buf bytes;
};

static void on_written(uv_write_t *request, int status)
{
	struct outgoing *out = request->data;

	/* A broken pipe shows as the worker's end, too. */
	(void)status;
	buf_free(&out->bytes);
	free(out);
}

void worker_send(struct worker *w, struct buf *b)
{
	buf_add(&w->out, b->data, b->len);
	buf_free(b);
}

static void flush(struct worker *w)
{
	struct outgoing *out = mem_zalloc(sizeof(*out));
	uv_buf_t bytes = uv_buf_init(w->out.data, (unsigned int)w->out.len);

	out->bytes = w->out;
	out->request.data = out;
	buf_init(&w->out, OUT_MAX);
	if (uv_write(&out->request, (uv_stream_t *)&w->pipe, &bytes, 1,
		on_written) != 0)
		on_written(&out->request, -1);
}

/* Just before the loop sleeps. */
static void on_turn(uv_prepare_t *turn)
{
	struct pool *p = turn->data;

	tell_freed(p);
	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (w->out.len > 0 && is_there(w))
			flush(w);
	}
}

void worker_signal(struct worker *w, int signal_number)
{
	if (!w->exited)
		uv_process_kill(&w->process, signal_number);
}

int worker_pid(const struct worker *w)
{
	return w->process.pid;
}
