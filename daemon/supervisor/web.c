/* SPDX-License-Identifier: MIT */
#include "supervisor/web.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "protocol.h"
#include "supervisor/environment.h"
#include "supervisor/listen.h"
#include "supervisor/program.h"

/* ms before reportd-http is started again; doubles up to the maximum. */
#define DELAY_MS 250
#define DELAY_MAX_MS 30000
/* ms: one that has run for this long is started again after DELAY_MS. */
#define OLD_MS 60000
/* ms that it may take to end. */
#define END_MS 3000
/* Bytes that wait for a process that does not read; what comes after is
 * dropped. */
#define UNREAD_MAX (64u << 10)

/* A process; freed once both handles are closed. */
struct server_process {
	struct web *web;
	uv_process_t process;
	uv_pipe_t pipe;
	int handles;
};

struct web {
	struct web_options o;
	struct program *program; /* NULL: not needed so far */
	int socket;              /* -1: none */
	char *listen;            /* the address that the socket is bound to */
	struct server_process *process; /* NULL: none runs */
	uv_timer_t timer;               /* next start, or the end of END_MS */
	int64_t born_ms, delay_ms;
	struct web_beat beat;
	bool closing;
	bool resting; /* see web_rest */
	void (*rested)(void *arg);
	void *arg;
};

static void on_timer(uv_timer_t *timer);

/* ---- messages ---- */

struct outgoing {
	uv_write_t request;
	struct buf bytes;
};

static void on_written(uv_write_t *request, int status)
{
	struct outgoing *out = request->data;

	(void)status; /* its end is noticed elsewhere */
	buf_wipe(&out->bytes);
	free(out);
}

/* Sends the bytes and frees them. */
static void send_line(struct web *w, struct buf *bytes)
{
	struct outgoing *out = mem_zalloc(sizeof(*out));
	uv_buf_t b = uv_buf_init(bytes->data, (unsigned)bytes->len);
	uv_stream_t *pipe = (uv_stream_t *)&w->process->pipe;

	out->bytes = *bytes;
	out->request.data = out;
	if (uv_stream_get_write_queue_size(pipe) > UNREAD_MAX ||
	    uv_write(&out->request, pipe, &b, 1, on_written) != 0)
		on_written(&out->request, -1);
}

static void send_settings(struct web *w)
{
	char *packed = settings_pack(w->o.settings, FOR_SERVER);
	struct buf line;

	buf_init(&line, PROTOCOL_LINE_MAX);
	message_settings(&line, packed);
	mem_wipe(packed);
	send_line(w, &line);
}

static void send_beat(struct web *w)
{
	struct buf line;

	buf_init(&line, PROTOCOL_LINE_MAX);
	message_beat(&line, w->beat.until_ms, w->beat.ready, w->beat.restarts);
	send_line(w, &line);
}

void web_tell(struct web *w, const struct web_beat *beat)
{
	w->beat = *beat;
	if (w->process != NULL && !w->closing)
		send_beat(w);
}

/* ---- the process ---- */

static void free_web(uv_handle_t *handle)
{
	struct web *w = handle->data;

	program_close(w->program);
	if (w->socket >= 0)
		close(w->socket);
	free(w->listen);
	free(w);
}

static void on_process_closed(uv_handle_t *handle)
{
	struct server_process *p = handle->data;

	if (++p->handles < 2)
		return;
	if (p->web->closing)
		uv_close((uv_handle_t *)&p->web->timer, free_web);
	free(p);
}

static void bury(struct server_process *p)
{
	p->web->process = NULL;
	uv_close((uv_handle_t *)&p->process, on_process_closed);
	uv_close((uv_handle_t *)&p->pipe, on_process_closed);
}

static void start_later(struct web *w)
{
	w->delay_ms = w->delay_ms == 0 ? DELAY_MS : 2 * w->delay_ms;
	if (w->delay_ms > DELAY_MAX_MS)
		w->delay_ms = DELAY_MAX_MS;
	uv_timer_start(&w->timer, on_timer, (uint64_t)w->delay_ms, 0);
}

static void on_exit_of_process(uv_process_t *process, int64_t status, int sig)
{
	struct server_process *p = process->data;
	struct web *w = p->web;

	bury(p);
	if (w->closing)
		return;
	if (w->resting) {
		uv_timer_stop(&w->timer);
		w->rested(w->arg);
		return;
	}
	if (clock_boot_ms() - w->born_ms > OLD_MS)
		w->delay_ms = 0;
	if (w->o.settings->server_listen == NULL) {
		LOG(w->o.log, LVL_INFO, L_MSG("reportd-http has ended"));
	} else if (sig == 0 && status == PROTOCOL_UNFIT) {
		LOG(w->o.log, LVL_ERROR,
		    L_MSG("reportd-http is of another version than this "
			  "daemon: install both of one version, and start "
			  "reportd again"));
	} else {
		start_later(w);
		LOG(w->o.log, LVL_ERROR,
		    L_MSG("reportd-http has ended and is started again"),
		    L_INT("status", status), L_INT("signal", sig),
		    L_INT("next_ms", w->delay_ms));
	}
}

static int spawn(struct web *w, struct server_process *p)
{
	char name[] = PROGRAM_HTTP;
	char *args[] = {name, NULL};
	uv_stdio_container_t stdio[] = {
	    {.flags = UV_IGNORE},
	    {.flags = UV_INHERIT_FD, .data.fd = 2},
	    {.flags = UV_INHERIT_FD, .data.fd = 2},
	    {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
		.data.stream = (uv_stream_t *)&p->pipe},
	    {.flags = UV_INHERIT_FD, .data.fd = w->socket},
	};
	const char *hidden = w->o.settings->secret_variables;
	uv_process_options_t options = {.exit_cb = on_exit_of_process,
	    .file = program_path(w->program),
	    .args = args,
	    .env = environment_without(hidden ? hidden : ""),
	    .stdio = stdio,
	    .stdio_count = PROTOCOL_LISTEN_FD + 1};
	int rc;

	p->web = w;
	uv_pipe_init(w->o.loop, &p->pipe, 0);
	p->pipe.data = p->process.data = p;
	rc = uv_spawn(w->o.loop, &p->process, &options);
	p->process.data = p;
	free(options.env);
	return rc;
}

/* Opens program and socket, once. */
static int prepare(struct web *w, struct err *e)
{
	const char *address = w->o.settings->server_listen;

	if (w->program == NULL)
		w->program = program_open(PROGRAM_HTTP, e);
	if (w->program == NULL)
		return -1;
	if (w->socket < 0)
		w->socket = listen_open(address, e);
	if (w->socket < 0)
		return -1;
	if (w->listen == NULL)
		w->listen = mem_strdup(address);
	return 0;
}

static void start(struct web *w)
{
	struct server_process *p;
	struct err e;
	int rc;

	if (prepare(w, &e) != 0) {
		LOG(w->o.log, LVL_ERROR,
		    L_MSG("reportd-http cannot be started, trying on"),
		    L_STR("error", e.text));
		start_later(w);
		return;
	}
	p = mem_zalloc(sizeof(*p));
	w->process = p;
	w->born_ms = clock_boot_ms();
	rc = spawn(w, p);
	if (rc != 0) {
		LOG(w->o.log, LVL_ERROR, L_MSG("cannot start reportd-http"),
		    L_STR("error", uv_strerror(rc)));
		bury(p);
		start_later(w);
		return;
	}
	LOG(w->o.log, LVL_INFO, L_MSG("reportd-http started"),
	    L_STR("listen", w->listen), L_INT("pid", p->process.pid));
	send_settings(w);
	send_beat(w);
}

static void on_timer(uv_timer_t *timer)
{
	struct web *w = timer->data;

	if (w->process != NULL)
		uv_process_kill(&w->process->process, SIGKILL);
	else if (!w->closing && !w->resting &&
		 w->o.settings->server_listen != NULL)
		start(w);
}

/* Asks the process to end; it is killed when it does not. */
static void end_process(struct web *w)
{
	if (w->process == NULL)
		return;
	uv_process_kill(&w->process->process, SIGTERM);
	uv_timer_start(&w->timer, on_timer, END_MS, 0);
}

void web_set_settings(struct web *w, const struct settings *settings)
{
	const char *address = settings->server_listen;

	w->o.settings = settings;
	w->delay_ms = 0;
	if (w->listen != NULL &&
	    (address == NULL || strcmp(w->listen, address) != 0)) {
		close(w->socket);
		w->socket = -1;
		free(w->listen);
		w->listen = NULL;
		end_process(w);
	} else if (w->process != NULL) {
		send_settings(w);
	}
	if (w->process == NULL && address != NULL)
		uv_timer_start(&w->timer, on_timer, 0, 0);
}

struct web *web_open(const struct web_options *options)
{
	struct web *w = mem_zalloc(sizeof(*w));

	w->o = *options;
	w->socket = -1;
	uv_timer_init(w->o.loop, &w->timer);
	w->timer.data = w;
	web_set_settings(w, w->o.settings);
	return w;
}

void web_rest(struct web *w, void (*rested)(void *arg), void *arg)
{
	w->resting = true;
	w->rested = rested;
	w->arg = arg;
	if (w->process != NULL)
		end_process(w);
	else
		rested(arg);
}

void web_wake(struct web *w)
{
	if (!w->resting)
		return;
	w->resting = false;
	w->delay_ms = 0;
	if (w->process == NULL)
		uv_timer_start(&w->timer, on_timer, 0, 0);
}

void web_close(struct web *w)
{
	w->closing = true;
	uv_timer_stop(&w->timer);
	end_process(w);
	if (w->process == NULL)
		uv_close((uv_handle_t *)&w->timer, free_web);
}
