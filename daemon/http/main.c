/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <syslog.h>
#include <time.h>

#include "base/json.h"
#include "config.h"
#include "http/app.h"
#include "http/kept.h"
#include "http/page.h"
#include "http/share.h"
#include "net/http/guard.h"
#include "protocol.h"

static const char usage[] =
    "reportd-http is a part of reportd, which starts it; see reportd(8).\n";

/* The link to the supervisor, and the signals. */
struct link {
	struct app app;
	uv_pipe_t pipe;
	uv_signal_t term, hup;
	uv_prepare_t turn;
	struct share share; /* of a processor */
	int64_t used_ns;    /* processor time of this process, as last read */
	struct lines lines;
	int status;
};

/* This process takes its share of one processor, but for a burst. A rest is short, so
 * that a request waits for a few milliseconds at most. */
#define BURST_NS (250 * 1000000ll)
#define REST_NS (2 * 1000000ll)

/* Before the loop waits for requests: rests for what the last ones took. */
static void on_turn(uv_prepare_t *turn)
{
	struct link *l = turn->data;
	struct timespec used, rest = {0};
	int64_t used_ns, now = (int64_t)uv_hrtime();

	if (l->app.settings == NULL)
		return;
	l->share.percent = l->app.settings->server_share;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	used_ns = used.tv_sec * 1000000000ll + used.tv_nsec;
	share_took(&l->share, used_ns - l->used_ns, now);
	l->used_ns = used_ns;
	rest.tv_nsec = share_rest(&l->share, now);
	if (rest.tv_nsec > 0)
		nanosleep(&rest, NULL);
}

/* ---- the end ---- */

static void on_served(void *arg)
{
	struct link *l = arg;

	store_close(l->app.store);
	uv_close((uv_handle_t *)&l->pipe, NULL);
	uv_close((uv_handle_t *)&l->term, NULL);
	uv_close((uv_handle_t *)&l->hup, NULL);
	uv_close((uv_handle_t *)&l->turn, NULL);
}

static void stop(struct link *l)
{
	if (l->app.closing)
		return;
	l->app.closing = true;
	if (l->app.server != NULL)
		server_close(l->app.server, on_served, l);
	else
		exit(l->status); /* nothing was begun */
}

/* ---- settings ---- */

/* Reads the tokens again. When the file is wrong, those from before stay; at the
 * start nobody has one. */
static void load_tokens(struct app *app)
{
	struct err e;
	struct tokens *t = tokens_load(app->settings->server_token_file, &e);

	if (t == NULL) {
		LOG(&app->log, LVL_ERROR, L_MSG("the tokens cannot be read"),
		    L_STR("error", e.text));
		if (app->tokens != NULL)
			return;
		t = tokens_load(NULL, &e);
	}
	if (app->store != NULL)
		store_check_roles(app->store, t);
	tokens_free(app->tokens);
	app->tokens = t;
}

static const struct server_events server_events = {
    .admit = app_admit, .serve = app_serve, .drop = app_drop};

static struct server_options server_options(struct app *app)
{
	const struct settings *s = app->settings;
	struct server_options o = {.loop = &app->loop,
	    .timeout_ms = s->server_timeout,
	    .connections = (int)s->server_connections,
	    .connections_per_address = (int)s->server_connections_per_address,
	    .unlimited = s->server_unlimited,
	    .events = &server_events,
	    .arg = app};
	struct err e;

	if (guard_check_list(s->server_unlimited, &e) == 0)
		return o;
	LOG(&app->log, LVL_ERROR,
	    L_MSG("[server] unlimited cannot be read, so nobody is"),
	    L_STR("error", e.text));
	o.unlimited = NULL;
	return o;
}

static void begin(struct link *l)
{
	struct app *app = &l->app;
	struct server_options o = server_options(app);

	app->store = store_open(&(struct store_options){.loop = &app->loop,
	    .log = &app->log,
	    .settings = app->settings,
	    .program = app->worker});
	load_tokens(app);
	app->server = server_open(PROTOCOL_LISTEN_FD, &o);
	if (app->server != NULL)
		return;
	LOG(&app->log, LVL_ERROR, L_MSG("cannot listen"));
	exit(1);
}

static void use_settings(struct link *l, const json_t *packed)
{
	struct app *app = &l->app;
	struct settings *old = app->settings;
	struct server_options o;

	app->settings = settings_unpack(packed);
	app->log = settings_log(app->settings);
	if (app->log.target == LOG_TARGET_SYSLOG)
		openlog("reportd-http", LOG_PID, LOG_DAEMON);
	if (old == NULL) {
		begin(l);
		return;
	}
	o = server_options(app);
	server_set(app->server, &o);
	store_set_settings(app->store, app->settings);
	load_tokens(app);
	settings_free(old);
}

/* ---- what the supervisor says ---- */

static void take_settings(struct link *l, const json_t *body)
{
	if (strcmp(json_str(body, "version", ""), PACKAGE_VERSION) != 0)
		exit(PROTOCOL_UNFIT);
	use_settings(l, json_object_get(body, "settings"));
}

static void take_line(struct link *l, const char *line, size_t len)
{
	struct message m;
	struct err e;

	if (message_parse(line, len, &m, &e) != 0) {
		LOG(&l->app.log, LVL_ERROR, L_MSG("a line is no message"),
		    L_STR("error", e.text));
		return;
	}
	if (m.type == MSG_SETTINGS) {
		take_settings(l, m.body);
	} else if (m.type == MSG_BEAT) {
		l->app.until_ms = json_int(m.body, "until", 0);
		l->app.ready = json_bool(m.body, "ready", false);
		l->app.restarts = json_int(m.body, "restarts", 0);
	}
	json_decref(m.body);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	static char room[16 << 10];

	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(room, sizeof(room));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct link *l = stream->data;
	struct err e;
	size_t len;
	char *line;

	if (n < 0 || lines_feed(&l->lines, buf->base, (size_t)n, &e) != 0) {
		uv_read_stop(stream);
		stop(l);
		return;
	}
	while (!l->app.closing && (line = lines_next(&l->lines, &len)) != NULL)
		take_line(l, line, len);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct link *l = handle->data;

	if (number == SIGTERM)
		stop(l);
	else if (l->app.settings != NULL)
		load_tokens(&l->app);
}

static int run(struct link *l)
{
	struct err e;

	/* The supervisor executes a descriptor, so ps would show its number. */
	prctl(PR_SET_NAME, PROGRAM_HTTP);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* a terminal's Ctrl-C is the supervisor's */
	lines_init(&l->lines);
	l->app.worker = program_open(PROGRAM_WORKER, &e);
	l->app.rate = rate_open();
	l->app.page = page_open();
	uv_loop_init(&l->app.loop);
	uv_signal_init(&l->app.loop, &l->term);
	uv_signal_init(&l->app.loop, &l->hup);
	uv_pipe_init(&l->app.loop, &l->pipe, 0);
	uv_prepare_init(&l->app.loop, &l->turn);
	l->share = (struct share){.burst = BURST_NS, .longest = REST_NS};
	l->pipe.data = l->term.data = l->hup.data = l->turn.data = l;
	uv_prepare_start(&l->turn, on_turn);
	uv_signal_start(&l->term, on_signal, SIGTERM);
	uv_signal_start(&l->hup, on_signal, SIGHUP);
	if (uv_pipe_open(&l->pipe, PROTOCOL_FD) != 0 ||
	    uv_read_start((uv_stream_t *)&l->pipe, give_room, on_read) != 0) {
		fputs(usage, stderr);
		return 2;
	}
	uv_run(&l->app.loop, UV_RUN_DEFAULT);
	uv_loop_close(&l->app.loop);
	lines_free(&l->lines);
	server_free(l->app.server);
	tokens_free(l->app.tokens);
	rate_free(l->app.rate);
	kept_free(l->app.kept);
	page_free(l->app.page);
	program_close(l->app.worker);
	settings_free(l->app.settings);
	return l->status;
}

int main(int argc, char **argv)
{
	struct link l = {.app = {.log = {.level = LVL_INFO}}};

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("reportd-http " PACKAGE_VERSION);
		return 0;
	}
	if (argc > 1) {
		fputs(usage, stderr);
		return 2;
	}
	return run(&l);
}
