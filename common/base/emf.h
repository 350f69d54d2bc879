/* SPDX-License-Identifier: MIT */
#ifndef BASE_EMF_H
#define BASE_EMF_H

#include <stdint.h>

#include "base/json.h"

/*
 * Lines in CloudWatch's embedded metric format: JSON objects in a log, from which
 * CloudWatch Logs makes metrics.
 *
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 *
 * Each combination of dimensions is a metric of its own, so dimensions have few
 * values. Whatever else is worth a search is a property.
 */
struct emf_metric {
	const char *name; /* NULL ends the list */
	const char *unit; /* "Count", "Seconds" */
	double value;
};

struct emf {
	/* checked by the settings: log_metrics; NULL: nothing is written */
	const char *namespace;
	int64_t time_ms; /* since 1970 */
	/* value of the dimension Status; NULL: the metrics have none */
	const char *status;
	const struct emf_metric *metrics;
};

/* Returns the object; its caller may add properties. The dimension Service is
 * always "reportd". */
json_t *emf_object(const struct emf *m);
/* Writes the object as one line to standard error and releases it. */
void emf_write(json_t *object);

#endif
