/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ctl/doctor/doctor.h"
#include "ctl/lib/connect.h"
#include "ctl/lib/human.h"
#include "ctl/lib/interrupt.h"
#include "place/place.h"
#include "place/template.h"
#include "settings/apart.h"
#include "source/source.h"
#include "sql/ctl.h"

#define PING_TIMEOUT_MS 10000
#define LITTLE_SPACE ((int64_t)1 << 30)

/* Reads from the source as a job does: in a job's session, with a query in a
 * READ ONLY transaction. */
static int read_one(struct source *s, struct err *e)
{
	static const struct job_session session = {
	    .application_name = "reportctl doctor",
	    .time_zone = "UTC",
	    .statement_timeout_ms = PING_TIMEOUT_MS,
	};
	struct schema schema = {0};
	struct batch batch;
	int rc = 1;

	if (source_begin_job(s, &session, e) != 0 ||
	    source_query(s, sql_ping, &schema, e) != 0)
		return -1;
	while (rc == 1)
		rc = source_next(s, &batch, e);
	schema_free(&schema);
	if (rc == 0)
		source_query_end(s);
	source_end_job(s);
	return rc;
}

/* Checks whether the source's login is safe for reports of other people. */
static void check_login(
    struct doctor *d, const struct source_settings *one, struct source *s)
{
	char *what = mem_printf("source.%s login", one->name), *why = NULL;
	char *mend = mem_printf(
	    "give it a login that reads what reports need and no more, or "
	    "write trusted = on in [source.%s]",
	    one->name);
	enum doctor_result bad = one->trusted ? DOCTOR_WARN : DOCTOR_FAILED;
	struct err e;

	if (source_danger(s, &why, &e) != 0)
		doctor_say(d, DOCTOR_FAILED, what, NULL, "%s", e.text);
	else if (settings_check_source(d->c->settings, one, &e) != 0)
		/* The queue's own database is a source by default, and need not
		 * serve as one when the settings name others. */
		doctor_say(d,
		    one->of_queue && d->c->settings->source_count > 1
			? DOCTOR_WARN
			: bad,
		    what, NULL, "%s", e.text);
	else if (why != NULL)
		doctor_say(d, bad, what, one->trusted ? NULL : mend,
		    "%s, and the SQL of a report can use that%s", why,
		    one->trusted ? " (trusted = on)" : "");
	free(why);
	free(mend);
	free(what);
}

static void check_source(struct doctor *d, const struct source_settings *one)
{
	char *what = mem_printf("source.%s", one->name);
	int64_t started = clock_boot_ms();
	const char *protection;
	bool weak;
	struct err e;
	struct source *s = connect_source(d->c, one, &e);

	if (s == NULL)
		doctor_say(d, DOCTOR_FAILED, what,
		    one->config->type->mend(one->config), "%s", e.text);
	else if (read_one(s, &e) != 0)
		doctor_say(d, DOCTOR_FAILED, what,
		    one->config->type->abilities & SOURCE_SNAPSHOT
			? "the user must be able to read in a READ ONLY "
			  "transaction"
			: one->config->type->mend(one->config),
		    "%s", e.text);
	else {
		doctor_say(d, DOCTOR_OK, what, NULL,
		    "%s, connects and reads in %lld ms", one->type,
		    (long long)(clock_boot_ms() - started));
		protection = source_protection(s, &weak);
		doctor_protection(d, what, protection, weak);
		check_login(d, one, s);
	}
	source_close(s);
	free(what);
}

void doctor_sources(struct doctor *d)
{
	const struct settings *s = d->c->settings;

	for (int i = 0; i < s->source_count && interrupt_signal() == 0; i++)
		check_source(d, &s->sources[i]);
}

/* Makes a file as the sink does, and removes it. Returns 0, or -1 with errno.
 * *named: the file needed a name, because O_TMPFILE failed. */
static int try_file(const char *root, bool *named)
{
	int fd = open(root, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	char *path;

	*named = fd < 0;
	if (fd < 0) {
		path = mem_printf("%s/.reportctl-doctor-XXXXXX", root);
		fd = mkstemp(path);
		if (fd >= 0)
			unlink(path);
		free(path);
	}
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static void check_space(struct doctor *d, const char *root)
{
	char text[HUMAN_SIZE];
	struct statvfs fs;
	int64_t left;

	if (statvfs(root, &fs) != 0)
		return;
	left = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	human_bytes(text, left);
	if (left == 0)
		doctor_say(d, DOCTOR_FAILED, "output_root space",
		    "remove old reports, or give it a larger disk",
		    "%s: the disk is full", root);
	else
		doctor_say(d, left < LITTLE_SPACE ? DOCTOR_WARN : DOCTOR_OK,
		    "output_root space", NULL, "%s free", text);
}

void doctor_output(struct doctor *d)
{
	static const char make[] =
	    "make the directory and give it to the daemon's user";
	static const char give[] =
	    "let the daemon's user write there: chown it, or mount it "
	    "read-write";
	const char *root = d->c->settings->output_root;
	struct stat st;
	struct err e;
	bool named;

	if (template_check_root(d->c->settings->output, root, &e) != 0) {
		doctor_say(d, DOCTOR_FAILED, "output_root", NULL, "%s", e.text);
		return;
	}
	if (root == NULL) /* no output is a local file */
		return;
	if (settings_check_apart(d->c->settings, d->c->conf, &e) != 0) {
		doctor_say(d, DOCTOR_FAILED, "output_root", NULL, "%s", e.text);
		return;
	}
	if (stat(root, &st) != 0 || !S_ISDIR(st.st_mode)) {
		doctor_say(d, DOCTOR_FAILED, "output_root", make, "%s: %s",
		    root, strerror(stat(root, &st) != 0 ? errno : ENOTDIR));
		return;
	}
	if (try_file(root, &named) != 0) {
		doctor_say(d, DOCTOR_FAILED, "output_root", give, "%s: %s",
		    root, strerror(errno));
		return;
	}
	doctor_say(d, DOCTOR_OK, "output_root", NULL,
	    "%s takes files of this user%s", root,
	    named ? ", under temporary names (no O_TMPFILE there)"
		  : " (O_TMPFILE)");
	check_space(d, root);
}

static void say(void *arg, enum place_finding finding, const char *what,
    const char *mend, const char *text)
{
	static const enum doctor_result results[] = {[PLACE_OK] = DOCTOR_OK,
	    [PLACE_WARN] = DOCTOR_WARN,
	    [PLACE_FAILED] = DOCTOR_FAILED};

	doctor_say(arg, results[finding], what, mend, "%s", text);
}

void doctor_places(struct doctor *d)
{
	struct place_lent lent = {.services = services_open(d->c->settings)};
	const struct place_type *place;

	services_set_watch(lent.services, &interrupt_watch);
	for (int i = 0; (place = place_at(i)) != NULL; i++) {
		if (place->probe != NULL && interrupt_signal() == 0)
			place->probe(&lent, say, d);
	}
	services_close(lent.services);
}
