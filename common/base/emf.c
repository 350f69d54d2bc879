/* SPDX-License-Identifier: MIT */
#include "base/emf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

/* Bytes: log drivers of containers split longer lines. */
#define LINE_MAX_BYTES 8192

json_t *emf_object(const struct emf *m)
{
	json_t *names = json_array(), *o, *dimensions;

	dimensions = m->status ? json_pack("[[ss]]", "Service", "Status")
			       : json_pack("[[s]]", "Service");
	o = json_pack("{s{sI s[{ss so so}]} ss ss*}", "_aws", "Timestamp",
	    (json_int_t)m->time_ms, "CloudWatchMetrics", "Namespace",
	    m->namespace, "Dimensions", dimensions, "Metrics", names, "Service",
	    "reportd", "Status", m->status);
	for (const struct emf_metric *k = m->metrics; k->name != NULL; k++) {
		json_array_append_new(names,
		    json_pack("{ss ss}", "Name", k->name, "Unit", k->unit));
		json_object_set_new(o, k->name, json_real(k->value));
	}
	return o;
}

void emf_write(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));
	struct buf line;
	ssize_t unused;

	buf_init(&line, LINE_MAX_BYTES);
	buf_printf(&line, "%s\n", text ? text : "");
	/* A line is written at once, or not at all. */
	if (text != NULL && !line.overflow) {
		unused = write(STDERR_FILENO, line.data, line.len);
		(void)unused;
	}
	buf_free(&line);
	free(text);
	json_decref(object);
}
