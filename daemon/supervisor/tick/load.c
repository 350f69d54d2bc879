/* SPDX-License-Identifier: MIT */
#include "supervisor/tick/load.h"

#include "base/clock.h"
#include "base/emf.h"
#include "sql/queue.h"

static const struct statement load = {"load", sql_load, 0};

static void on_load(void *arg, const struct reply *reply, const struct err *e)
{
	const struct load *l = arg;

	if (reply == NULL) {
		if (e->kind != ERR_LOST)
			LOG(l->log, LVL_ERROR, L_MSG("counting failed"),
			    L_STR("error", e->text));
		return;
	}
	if (l->settings->log_metrics == NULL)
		return;
	emf_write(emf_object(&(struct emf){
	    .namespace = l->settings->log_metrics,
	    .time_ms = clock_wall_us() / 1000,
	    .metrics = (const struct emf_metric[]){
		{"Due", "Count", (double)reply_int(reply, 0, 0, 0)},
		{"Running", "Count", (double)reply_int(reply, 0, 1, 0)},
		{"Daemons", "Count", (double)reply_int(reply, 0, 2, 0)},
		{"OldestDueAge", "Seconds", (double)reply_int(reply, 0, 3, 0)},
		{.name = NULL}}}));
}

void load_tell_failed(const struct settings *settings, int64_t count)
{
	if (settings->log_metrics == NULL || count == 0)
		return;
	emf_write(emf_object(&(struct emf){.namespace = settings->log_metrics,
	    .time_ms = clock_wall_us() / 1000,
	    .status = "FAILED",
	    .metrics = (const struct emf_metric[]){
		{"Runs", "Count", (double)count}, {.name = NULL}}}));
}

void load_tell(struct load *l)
{
	if (l->settings->log_metrics != NULL)
		queue_send(l->queue, NULL, &load, NULL, on_load, l);
}
