/* SPDX-License-Identifier: MIT */
#include "place/stdout.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "place/file.h"

static int stdout_write(
    struct sink *s, const void *data, size_t len, struct err *e)
{
	(void)s;
	return file_write_all(STDOUT_FILENO, data, len, "standard output", e);
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

struct sink *stdout_open(void)
{
	struct sink *s = mem_zalloc(sizeof(*s));

	s->type = &stdout_type;
	return s;
}
