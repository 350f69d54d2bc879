/* SPDX-License-Identifier: MIT */
#include "scale/scale.h"
#include "ctl/doctor/doctor.h"
#include "ctl/lib/interrupt.h"

void doctor_scale(struct doctor *d)
{
	const struct settings *s = d->c->settings;
	struct services *services;
	struct err e;
	int count;

	if (s->scale_cluster == NULL)
		return;
	services = services_open(s);
	services_set_watch(services, &interrupt_watch);
	if (scale_check(services, &count, &e) != 0)
		doctor_say(d, DOCTOR_FAILED, "scale",
		    "look at cluster, task_definition and region in [scale], "
		    "and that the credentials may ecs:ListTasks and "
		    "ecs:DescribeTasks",
		    "%s", e.text);
	else
		doctor_say(d, DOCTOR_OK, "scale", NULL,
		    "%d task%s of %s in cluster %s", count,
		    count == 1 ? "" : "s", s->scale_task_definition,
		    s->scale_cluster);
	services_close(services);
}
