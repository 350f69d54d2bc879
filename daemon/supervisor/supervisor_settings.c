/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>

#include "base/mem.h"
#include "protocol.h"
#include "settings/apart.h"
#include "settings/folders.h"
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

static void warn_of_folder(
    const struct supervisor *s, const char *setting, const char *folder)
{
	LOG(&s->log, LVL_WARN,
	    L_MSG("a folder of the settings cannot be reached"),
	    L_STR("setting", setting), L_STR("folder", folder));
}

static int look_at_folder(void *arg, const char *folder, struct err *e)
{
	struct stat st;

	(void)e;
	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
		warn_of_folder(arg, "[inputs] folders", folder);
	return 0;
}

static void look_at_folders(const struct supervisor *s)
{
	struct err unused;

	folders_each(s->settings->inputs_folders, look_at_folder,
	    (void *)(uintptr_t)s, &unused);
	for (int i = 0; i < s->settings->source_count; i++) {
		const struct source_settings *one = &s->settings->sources[i];
		char *setting, *folder;

		if (one->config->type->missing_folder == NULL)
			continue;
		folder = one->config->type->missing_folder(one->config);
		setting = mem_printf("[source.%s] folders", one->name);
		if (folder != NULL)
			warn_of_folder(s, setting, folder);
		free(setting);
		free(folder);
	}
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
	look_at_folders(s);
}

void supervisor_reload(struct supervisor *s)
{
	struct settings *settings, *old = s->settings;
	struct queue_options q;
	char *hello;
	struct err e;

	sdnotify_reloading();
	settings = s->o.load(s->o.settings_path, &e);
	if (settings == NULL) {
		LOG(&s->log, LVL_ERROR,
		    L_MSG("the new settings are wrong, the old ones stay"),
		    L_STR("error", e.text));
		sdnotify("READY=1");
		return;
	}
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
