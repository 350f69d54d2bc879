/* SPDX-License-Identifier: MIT */
#include "worker/stage_export.h"

#include "base/str.h"
#include "export/export.h"
#include "sink/digest.h"
#include "sink/file.h"
#include "worker/destination.h"

/* The export's own watch: looks at the bytes on the way to the worker's. */
struct meter {
	struct job *job;
	const struct sink *digest;
};

static int look_up(void *arg, struct err *e)
{
	struct meter *m = arg;

	m->job->bytes = (int64_t)digest_bytes(m->digest);
	return watch_check(m->job->watch, e);
}

static struct sink *open_sink(const struct job *job, struct err *e)
{
	struct sink *file = file_open(
	    &(struct file_options){.path = job->path,
		.mode = (mode_t)job->file_mode,
		.no_sync = job->no_sync,
		/* An earlier attempt may have died in this directory. */
		.sweep = job->attempt > 1},
	    e);

	return file ? digest_open(file, e) : NULL;
}

static int stream(struct job *job, struct sink *sink, struct err *e)
{
	struct meter meter = {job, sink};
	struct watch watch = *job->watch;
	int rc;

	watch.check = look_up;
	watch.arg = &meter;
	source_set_watch(job->source, &watch);
	rc = export_run(&(struct export_options){.source = job->source,
			    .sql = job->export_sql.data,
			    .type = job->encoder,
			    .options = job->output_options,
			    .sink = sink,
			    .watch = &watch,
			    .rows = &job->rows},
	    e);
	source_set_watch(job->source, job->watch);
	return rc;
}

int stage_export(struct job *job, struct err *e)
{
	job->sink = open_sink(job, e);
	if (job->sink == NULL || stream(job, job->sink, e) != 0 ||
	    sink_finish(job->sink, e) != 0)
		return -1;
	job->bytes = (int64_t)digest_bytes(job->sink);
	str_copy(job->sha256, sizeof(job->sha256), digest_sha256(job->sink));
	return 0;
}

int stage_publish(struct job *job, struct err *e)
{
	if (sink_publish(job->sink, e) != 0)
		return -1;
	job->output_url = destination_url(job->path);
	return 0;
}
