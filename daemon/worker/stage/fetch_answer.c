/* SPDX-License-Identifier: MIT */
#include "worker/stage/fetch_answer.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "input/pages.h"
#include "worker/inputs.h"

static int read_pages(struct job *job, const json_t *input, json_t *file,
    struct pages *p, struct err *e)
{
	const struct settings *set = services_settings(job->lent.services);
	const json_t *spec = json_object_get(input, "spec");

	p->address = inputs_text(file, INPUT_ADDRESS);
	p->items = json_str(spec, "items", "");
	p->next = json_str(spec, "next", NULL);
	p->most_pages = set->inputs_max_pages;
	p->most_bytes = set->inputs_max_bytes;
	if (pages_read(p, e) != 0)
		return -1;
	json_array_set_new(file, INPUT_SIZE, json_integer(p->written));
	json_array_set_new(
	    file, INPUT_MODIFIED, json_integer((json_int_t)time(NULL) * 1000));
	return 0;
}

int fetch_answer(
    struct job *job, const json_t *input, const char *path, struct err *e)
{
	json_t *file = json_array_get(json_object_get(input, "files"), 0);
	const struct place_lent lent = {
	    .services = job->lent.services, .readable = inputs_readable(input)};
	struct pages p = {.lent = &lent, .name = path};
	int rc;

	p.fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p.fd < 0)
		return err_errno(e, errno, "%s", path);
	rc = read_pages(job, input, file, &p, e);
	close(p.fd);
	return rc == 0
		   ? 0
		   : err_wrap(e, "input \"%s\"", json_str(input, "name", ""));
}

int fetch_answer_refused(const json_t *input, struct err *e)
{
	return err_set(e, ERR_PERMANENT,
	    "input \"%s\" is a JSON answer, which only a source that reads "
	    "files can read: one of type duckdb",
	    json_str(input, "name", ""));
}
