/* SPDX-License-Identifier: MIT */
#include "worker/pipeline.h"

#include <string.h>

#include "base/clock.h"
#include "worker/stage/stage.h"

/* Returns the first stage from the i-th on that needs a source and that the job
 * wants, and sets *i to the index after it; NULL: there is none. */
static const struct stage *next_stage(const struct job *job, int *i)
{
	const struct stage *stage;

	while ((stage = stage_at((*i)++)) != NULL) {
		if (!stage->before_source && stage->wanted(job))
			break;
	}
	return stage;
}

/* Says whether a stage from the i-th on reads the source. */
static bool reads_from(const struct job *job, int i)
{
	const struct stage *stage;

	while ((stage = next_stage(job, &i)) != NULL) {
		if (stage->reads_only)
			return true;
	}
	return false;
}

bool pipeline_needs_source(const struct job *job)
{
	const struct stage *stage;

	for (int i = 0; (stage = next_stage(job, &i)) != NULL;) {
		if (stage->reads_only || stage->writes)
			return true;
	}
	return false;
}

bool pipeline_only_reads(const struct job *job)
{
	const struct stage *stage;

	for (int i = 0; (stage = next_stage(job, &i)) != NULL;) {
		if (stage->writes)
			return false;
	}
	return true;
}

/* Stages that read must see one state of the data. */
static int check_snapshot(const struct job *job, struct err *e)
{
	const struct stage *stage;

	if (!job_wants_snapshot(job))
		return 0;
	for (int i = 0; (stage = next_stage(job, &i)) != NULL;) {
		if (stage->reads_only && !stage->reads_apart &&
		    reads_from(job, i))
			return source_check(
			    job->lent.source, SOURCE_SNAPSHOT, e);
	}
	return 0;
}

int pipeline_prepare(struct job *job, struct err *e)
{
	const struct stage *stage;

	for (int i = 0; (stage = next_stage(job, &i)) != NULL;) {
		if (stage->prepare(job, e) != 0)
			return -1;
	}
	return check_snapshot(job, e);
}

/* Adds the time since `began` to that of the stage of this name. */
static void add_time(struct job *job, const char *name, int64_t began)
{
	json_t **all = &job->outcome.stage_ms;

	if (*all == NULL)
		*all = json_object();
	json_object_set_new(*all, name,
	    json_integer(json_int(*all, name, 0) + clock_boot_ms() - began));
}

/* Says whose limit has ended a statement, and how long it is. A limit that the SQL
 * has set itself is not known here, and ends a stage before ours would. */
static void advise_limit(const struct job *job, const struct stage *stage,
    int64_t took_ms, struct err *e)
{
	bool at_source = (stage->reads_only || stage->writes) && !e->of_target;
	int64_t ms = at_source ? job->asked.statement_timeout_ms
			       : job->lent.places.target_timeout_ms;
	char limit[32];

	/* Somebody who cancels the statement gets the same SQLSTATE, so the time
	 * that it took decides. */
	if (strcmp(e->sqlstate, "57014") != 0 || ms == 0 ||
	    took_ms < ms - ms / 10)
		return;
	job_show_ms(ms, limit);
	if (ms == job->asked.timeout_ms)
		err_hint(e,
		    "the run may take %s: timeout of the report, or "
		    "job_timeout "
		    "of the settings",
		    limit);
	else if (at_source)
		err_hint(e,
		    "a statement may take %s: statement_timeout of "
		    "[source.%s]",
		    limit, job->asked.source_name);
	else
		err_hint(e,
		    "a statement may take %s: statement_timeout of "
		    "[target.%s]",
		    limit, job->asked.into->name);
}

static int run_stage(struct job *job, const struct stage *stage, struct err *e)
{
	int64_t began = clock_boot_ms();

	job->outcome.stage = stage->name;
	if (stage->run(job, e) == 0) {
		add_time(job, stage->name, began);
		return 0;
	}
	if (stage->sql != NULL && !e->of_target)
		source_advise(job->lent.source, job_text(job, stage->sql),
		    stage->reads_only, e);
	advise_limit(job, stage, clock_boot_ms() - began, e);
	return err_wrap(e, "%s", stage->name);
}

int pipeline_bring(struct job *job, struct err *e)
{
	const struct stage *stage;

	for (int i = 0; (stage = stage_at(i)) != NULL; i++) {
		if (stage->before_source && stage->wanted(job) &&
		    (stage->prepare(job, e) != 0 ||
			run_stage(job, stage, e) != 0))
			return -1;
	}
	job->outcome.stage = job->outcome.idle ? "done" : "start";
	return 0;
}

int pipeline_run(struct job *job, struct err *e)
{
	const struct stage *stage;

	for (int i = 0;
	     !job->outcome.landed && (stage = next_stage(job, &i)) != NULL;) {
		job->lent.reads_on = stage->reads_only && reads_from(job, i);
		if (run_stage(job, stage, e) != 0)
			return -1;
		if (stage->reads_only && !job->lent.reads_on)
			source_query_end(job->lent.source);
	}
	job->outcome.stage = job->outcome.unpublished ? "publish" : "done";
	return 0;
}

int pipeline_publish(struct job *job, struct err *e)
{
	const struct stage *stage;
	int64_t began = clock_boot_ms();
	int rc = 0;

	for (int i = 0; rc == 0 && (stage = next_stage(job, &i)) != NULL;)
		rc = stage->publish ? stage->publish(job, e) : 0;
	if (rc < 0)
		return err_wrap(e, "publish");
	add_time(job, "publish", began);
	if (rc > 0)
		return rc;
	job->outcome.stage = "done";
	return 0;
}

void pipeline_abort(struct job *job)
{
	const struct stage *stage;

	for (int i = 0; (stage = stage_at(i)) != NULL; i++) {
		if (stage->abort != NULL)
			stage->abort(job);
	}
}

void pipeline_drop(struct job *job)
{
	const struct stage *stage;

	for (int i = 0; (stage = stage_at(i)) != NULL; i++) {
		if (stage->drop != NULL)
			stage->drop(job);
	}
}
