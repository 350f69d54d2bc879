/* SPDX-License-Identifier: MIT */
#include "place/stdout.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

static int stdout_write(
    struct sink *s, const void *data, size_t len, struct err *e)
{
	(void)s;
	return io_write_all(STDOUT_FILENO, data, len, "standard output", e);
}

static int stdout_finish(struct sink *s, struct err *e)
{
	(void)s;
	(void)e;
	return 0;
}

static int stdout_publish(
    struct sink *s, const struct sink_terms *terms, struct err *e)
{
	(void)s;
	(void)terms;
	(void)e;
	return 0;
}

static void stdout_free(struct sink *s)
{
	free(s);
}

static const struct sink_type stdout_type = {
    .name = "stdout",
    .write = stdout_write,
    .finish = stdout_finish,
    .publish = stdout_publish,
    .free = stdout_free,
};

static struct sink *stdout_open(const struct place_output *o, struct err *e)
{
	struct sink *s = mem_zalloc(sizeof(*s));

	(void)o;
	(void)e;
	s->type = &stdout_type;
	return s;
}

static int stdout_check(
    const char *address, const json_t *options, struct err *e)
{
	(void)options;
	return strcmp(address, STDOUT_ADDRESS) == 0
		   ? 0
		   : err_set(e, ERR_PERMANENT,
			 "nothing may stand after %s in \"%s\"", STDOUT_ADDRESS,
			 address);
}

static int stdout_allow(const struct place_lent *lent, const char *address,
    const json_t *options, struct err *e)
{
	(void)lent;
	(void)options;
	return err_set(e, ERR_PERMANENT,
	    "\"%s\": no report of the queue can go to standard output",
	    address);
}

const struct place_scheme place_scheme_stdout = {
    .name = "stdout",
    .prefix = STDOUT_ADDRESS,
    .url_prefix = "",
    .check = stdout_check,
};

const struct place_type place_stdout = {
    .scheme = &place_scheme_stdout,
    .allow = stdout_allow,
    .open = stdout_open,
};
