/* SPDX-License-Identifier: MIT */
#include "supervisor/queue_login.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "services/login.h"
#include "source/conninfo.h"

/* In all, with its repeats. */
#define READ_MS 60000

struct queue_login {
	uv_work_t work;
	struct settings *settings;
	char *conninfo, *secret_arn;
	bool fresh;
	queue_login_ready *ready;
	void *arg;
	int64_t deadline_ms;
	atomic_bool stop;
	char *result;
	struct err error;
};

static int look(void *arg, struct err *e)
{
	struct queue_login *l = arg;

	if (atomic_load(&l->stop))
		return err_set(e, ERR_CANCELLED, "stopped");
	if (clock_boot_ms() > l->deadline_ms)
		return err_set(e, ERR_TRANSIENT,
		    "reading %s took longer than %d s", l->secret_arn,
		    READ_MS / 1000);
	return 0;
}

/* In a thread of its own. */
static void read_secret(uv_work_t *work)
{
	struct queue_login *l = work->data;
	struct services *services = services_open(l->settings);
	struct login login = {
	    .conninfo = l->conninfo, .secret_arn = l->secret_arn};
	struct watch watch = {.check = look, .arg = l};

	services_set_watch(services, &watch);
	l->result = login_conninfo(NULL, services, &login, l->fresh, &l->error);
	services_close(services);
}

static void on_read(uv_work_t *work, int status)
{
	struct queue_login *l = work->data;

	(void)status; /* it is never cancelled in libuv's way */
	if (!atomic_load(&l->stop))
		l->ready(l->arg, l->result, &l->error);
	conninfo_free(l->result);
	conninfo_free(l->conninfo);
	free(l->secret_arn);
	settings_free(l->settings);
	free(l);
}

static struct settings *copy(const struct settings *settings)
{
	char *packed = settings_pack(settings);
	json_t *json = json_loads(packed, 0, NULL);
	struct settings *own = settings_unpack(json);

	json_decref(json);
	free(packed);
	return own;
}

struct queue_login *queue_login_start(const struct queue_login_options *o)
{
	struct queue_login *l = mem_zalloc(sizeof(*l));

	l->work.data = l;
	l->settings = copy(o->settings);
	l->conninfo = mem_strdup(o->conninfo);
	l->secret_arn = mem_strdup(o->secret_arn);
	l->fresh = o->fresh;
	l->ready = o->ready;
	l->arg = o->arg;
	l->deadline_ms = clock_boot_ms() + READ_MS;
	atomic_init(&l->stop, false);
	uv_queue_work(o->loop, &l->work, read_secret, on_read);
	return l;
}

void queue_login_stop(struct queue_login *l)
{
	atomic_store(&l->stop, true);
}
