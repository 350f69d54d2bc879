/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <syslog.h>

#include "base/mem.h"
#include "protocol.h"
#include "settings/apart.h"
#include "supervisor/sdnotify.h"
#include "supervisor/supervisor_parts.h"

/* Returns the channels to listen to. A daemon that limits a source listens for
 * the end of runs on all daemons as well. */
static const char *const *channels(const struct settings *settings)
{
	static const char *const some[] = {"reportd_pending", "reportd_cancel",
	    "reportd_watch", "reportd_inbox", NULL};
	static const char *const all[] = {"reportd_pending", "reportd_cancel",
	    "reportd_watch", "reportd_inbox", "reportd_done", NULL};

	if (!settings->listen)
		return NULL;
	for (int i = 0; i < settings->source_count; i++) {
		if (settings->sources[i].max_running > 0)
			return all;
	}
	return some;
}

struct queue_options supervisor_queue_options(struct supervisor *s)
{
	return (struct queue_options){.loop = &s->loop,
	    .log = &s->log,
	    .conninfo = s->settings->queue_conninfo,
	    .secret_arn = s->settings->queue_secret_arn,
	    .program = s->program,
	    .settings = s->settings,
	    .channels = channels(s->settings),
	    .timeout_ms = s->settings->queue_timeout,
	    .events = &supervisor_queue_events,
	    .arg = s};
}

void supervisor_use_settings(struct supervisor *s, struct settings *settings)
{
	if (s->o.workers > 0)
		settings->workers = s->o.workers;
	s->settings = settings;
	s->log = settings_log(settings);
	if (s->log.target == LOG_TARGET_SYSLOG)
		openlog("reportd", LOG_PID, LOG_DAEMON);
	/* adhoc_workers can reach the number of workers only by --workers. */
	if (settings->adhoc_workers < settings->workers)
		return;
	settings->adhoc_workers = settings->workers - 1;
	LOG(&s->log, LVL_WARN,
	    L_MSG("--workers leaves none for SCHEDULED reports: fewer are "
		  "kept for ADHOC ones than adhoc_workers says"),
	    L_INT("workers", settings->workers),
	    L_INT("adhoc_workers", settings->adhoc_workers));
}

char *supervisor_greeting(
    const struct supervisor *s, enum settings_reader reader)
{
	char *settings = settings_pack(s->settings, reader);
	struct buf line;

	buf_init(&line, PROTOCOL_LINE_MAX);
	message_settings(&line, settings);
	mem_wipe(settings);
	return line.data;
}

void supervisor_look_at_file(const struct supervisor *s)
{
	struct err e;

	if (settings_check_private(s->settings, s->o.settings_path, &e) != 0)
		LOG(&s->log, LVL_WARN, L_MSG("the settings are not private"),
		    L_STR("error", e.text));
	if (s->settings->winners != NULL)
		LOG(&s->log, LVL_WARN,
		    L_MSG("the environment wins over the settings file"),
		    L_STR("variables", s->settings->winners));
}

static void refuse(const struct supervisor *s, const struct err *e)
{
	LOG(&s->log, LVL_ERROR,
	    L_MSG("the new settings are wrong, the old ones stay"),
	    L_STR("error", e->text));
	sdnotify("READY=1");
}

static void take_settings(struct supervisor *s, struct settings *settings)
{
	struct settings *old = s->settings;
	struct queue_options q;
	char *hello;

	supervisor_use_settings(s, settings);
	runs_set_settings(s->runs, settings);
	lease_set_settings(s->lease, settings);
	poller_set_settings(s->poller, settings);
	outbox_set_settings(s->outbox, settings);
	inbox_set_settings(s->inbox, settings);
	listings_set_settings(s->listings, settings);
	arrivals_set_settings(s->arrivals, settings);
	sweeps_set_settings(s->sweeps, settings);
	hello = supervisor_greeting(s, FOR_NOTICES);
	errands_set_settings(s->errands, settings, hello);
	mem_wipe(hello);
	web_set_settings(s->web, settings);
	/* No module uses the old settings any more. The following calls may
	 * call back into the modules. */
	settings_free(old);
	hello = supervisor_greeting(s, FOR_REPORTS);
	pool_greet(s->pool, hello);
	mem_wipe(hello);
	pool_hide(s->pool, settings->secret_variables);
	pool_resize(s->pool, (int)settings->workers, settings->worker_memory);
	q = supervisor_queue_options(s);
	queue_reopen(s->queue, &q);
	LOG(&s->log, LVL_INFO, L_MSG("settings read again"));
	supervisor_look_at_file(s);
	sdnotify("READY=1");
}

static void on_first_survey(void *arg, const struct err *e)
{
	struct supervisor *s = arg;

	s->survey = NULL;
	if (e != NULL)
		LOG(&s->log, LVL_WARN,
		    L_MSG("the folders of the settings could not be looked at"),
		    L_STR("error", e->text));
}

static void on_survey(void *arg, const struct err *e)
{
	struct supervisor *s = arg;
	struct settings *settings = s->next;

	s->survey = NULL;
	s->next = NULL;
	if (e == NULL) {
		take_settings(s, settings);
		return;
	}
	refuse(s, e);
	settings_free(settings);
}

static int begin_survey(struct supervisor *s, const struct settings *settings,
    void (*done)(void *arg, const struct err *e), struct err *e)
{
	s->survey = survey_start(&(struct survey_options){.loop = &s->loop,
				     .settings = settings,
				     .settings_path = s->o.settings_path,
				     .log = &s->log,
				     .done = done,
				     .arg = s},
	    e);
	return s->survey ? 0 : -1;
}

void supervisor_survey(struct supervisor *s)
{
	struct err e;

	if (begin_survey(s, s->settings, on_first_survey, &e) != 0)
		on_first_survey(s, &e);
}

void supervisor_end_survey(struct supervisor *s)
{
	survey_stop(s->survey);
	s->survey = NULL;
	settings_free(s->next);
	s->next = NULL;
}

void supervisor_reload(struct supervisor *s)
{
	struct err e;

	sdnotify_reloading();
	supervisor_end_survey(s);
	s->next = s->o.load(s->o.settings_path, &e);
	if (s->next == NULL)
		refuse(s, &e);
	else if (begin_survey(s, s->next, on_survey, &e) != 0)
		on_survey(s, &e);
}
