/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/child.h"

#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/protocol.h"

struct heard {
	char *answer; /* NULL: no answer came */
	struct err e;
	int times;
};

static void hear(void *arg, const char *answer, const struct err *e)
{
	struct heard *h = arg;

	h->times++;
	h->answer = answer ? mem_strdup(answer) : NULL;
	if (e != NULL)
		h->e = *e;
}

static char *echo(const void *what, struct err *e)
{
	(void)e;
	return mem_strdup(what);
}

static char *refuse(const void *what, struct err *e)
{
	err_set(e, ERR_TRANSIENT, "no %s", (const char *)what);
	return NULL;
}

static char *die(const void *what, struct err *e)
{
	(void)what;
	(void)e;
	raise(SIGKILL);
	return NULL;
}

static char *hang(const void *what, struct err *e)
{
	(void)what;
	(void)e;
	/* Ignores SIGTERM, so that only SIGKILL ends it. */
	signal(SIGTERM, SIG_IGN);
	while (pause() != 0)
		;
	return NULL;
}

/* Tells whether the child has a descriptor of this process; `what` points at
 * it. */
static char *look_around(const void *what, struct err *e)
{
	(void)e;
	return mem_strdup(
	    fcntl(*(const int *)what, F_GETFD) < 0 && errno == EBADF ? "closed"
								     : "open");
}

/* Runs work in a child and returns its result; checks that no child and no
 * handle is left. */
static struct heard run(
    char *(*work)(const void *, struct err *), const void *what, int64_t ms)
{
	struct heard h = {.answer = NULL};
	uv_loop_t loop;
	struct err e;

	uv_loop_init(&loop);
	assert_non_null(child_start(&(struct child_options){.loop = &loop,
					.task = "does it",
					.timeout_ms = ms,
					.work = work,
					.what = what,
					.name = "test-child",
					.ready = hear,
					.arg = &h},
	    &e));
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(h.times, 1);
	return h;
}

static void the_answer_comes_back(void **state)
{
	struct heard h = run(echo, "a\nb", 0);

	(void)state;
	assert_string_equal(h.answer, "a\nb");
	free(h.answer);
	h = run(echo, "", 10000);
	assert_string_equal(h.answer, "");
	free(h.answer);
}

static void an_error_comes_back(void **state)
{
	struct heard h = run(refuse, "way", 10000);

	(void)state;
	assert_null(h.answer);
	assert_string_equal(h.e.text, "no way");
}

static void an_end_without_an_answer_is_said(void **state)
{
	struct heard h = run(die, NULL, 10000);

	(void)state;
	assert_null(h.answer);
	assert_string_equal(h.e.text, "the process that does it has died");
}

/* Writes what it is given and ends with this status; a signal if it is < 0. */
struct end {
	const char *text;
	size_t len;
	int status;
};

static char *break_off(const void *what, struct err *e)
{
	const struct end *end = what;

	(void)e;
	if (write(PROTOCOL_FD, end->text, end->len) != (ssize_t)end->len)
		_exit(2);
	if (end->status < 0)
		raise(SIGKILL);
	_exit(end->status);
}

static void an_answer_that_is_not_whole_does_not_count(void **state)
{
	static char large[200 << 10] = "+";
	static const struct end ends[] = {{"+", 1, 0}, {"+half", 5, 0},
	    {"+half", 5, -1}, {"+all", 5, 1}, {"+all", 5, -1}, {"-half", 5, 0},
	    {"+a\0b", 5, 0}, {"", 1, 0}};
	struct heard h;

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		h = run(break_off, &ends[i], 10000);
		assert_null(h.answer);
		assert_string_equal(h.e.text,
		    "the process that does it has died before the end of its "
		    "answer");
	}
	memset(large + 1, 'x', sizeof(large) - 2);
	h = run(break_off, &(struct end){large, sizeof(large), 0}, 10000);
	assert_null(h.answer);
	assert_string_equal(h.e.text,
	    "the process that does it gave an answer of more than 128 KiB");
	h = run(break_off, &(struct end){"+all", 5, 0}, 10000);
	assert_string_equal(h.answer, "all");
	free(h.answer);
}

static void a_late_child_is_killed(void **state)
{
	struct heard h = run(hang, NULL, 1000);

	(void)state;
	assert_null(h.answer);
	assert_string_equal(
	    h.e.text, "the process that does it took longer than 1 s");
}

static void a_copy_has_no_descriptor_of_the_supervisor(void **state)
{
	int fds[2];
	struct heard h;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	/* A number above the descriptors of the answer. */
	assert_int_equal(dup2(fds[0], 40), 40);
	h = run(look_around, &(int){40}, 10000);
	assert_string_equal(h.answer, "closed");
	free(h.answer);
	close(40);
	close(fds[0]);
	close(fds[1]);
}

static void a_stopped_child_is_gone_and_says_nothing(void **state)
{
	struct heard h = {.answer = NULL};
	uv_loop_t loop;
	struct child *c;
	struct err e;

	(void)state;
	uv_loop_init(&loop);
	c = child_start(&(struct child_options){.loop = &loop,
			    .task = "hangs",
			    .work = hang,
			    .name = "test-child",
			    .ready = hear,
			    .arg = &h},
	    &e);
	assert_non_null(c);
	child_stop(c);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(h.times, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_answer_comes_back),
	    cmocka_unit_test(an_error_comes_back),
	    cmocka_unit_test(an_end_without_an_answer_is_said),
	    cmocka_unit_test(an_answer_that_is_not_whole_does_not_count),
	    cmocka_unit_test(a_late_child_is_killed),
	    cmocka_unit_test(a_copy_has_no_descriptor_of_the_supervisor),
	    cmocka_unit_test(a_stopped_child_is_gone_and_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
