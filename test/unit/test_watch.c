/* SPDX-License-Identifier: MIT */
#include "base/watch.h"

#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "helper.h"

/* A check that stops at the stop_at-th call; 0: never. */
struct asked {
	int times, stop_at;
};

static int ask(void *arg, struct err *e)
{
	struct asked *a = arg;

	return ++a->times == a->stop_at ? err_set(e, ERR_CANCELLED, "cancelled")
					: 0;
}

static const struct watch never = {.check = NULL};

TEST(no_check_never_stops)
{
	struct err e;

	assert_int_equal(watch_check(&never, &e), 0);
}

TEST(a_check_that_stops_is_passed_on)
{
	struct asked a = {.stop_at = 2};
	struct watch w = {.check = ask, .arg = &a};
	struct err e;

	assert_int_equal(watch_check(&w, &e), 0);
	assert_int_equal(watch_check(&w, &e), -1);
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_err(&e, "cancelled");
}

TEST(a_ready_descriptor_ends_the_wait)
{
	struct err e;
	int fd[2];

	assert_return_code(pipe(fd), 0);
	assert_int_equal(watch_wait(&never, fd[1], POLLOUT, 0, &e), 1);
	assert_int_equal(write(fd[1], "x", 1), 1);
	assert_int_equal(watch_wait(&never, fd[0], POLLIN, 0, &e), 1);
	/* A closed peer counts as ready, because the read reports it. */
	assert_int_equal(read(fd[0], &(char){0}, 1), 1);
	close(fd[1]);
	assert_int_equal(watch_wait(&never, fd[0], POLLIN, 0, &e), 1);
	close(fd[0]);
}

TEST(the_deadline_ends_the_wait)
{
	int64_t start = clock_boot_ms();
	struct err e;
	int fd[2];

	assert_return_code(pipe(fd), 0);
	assert_int_equal(watch_wait(&never, fd[0], POLLIN, start + 30, &e), 0);
	assert_in_range(clock_boot_ms() - start, 30, 10000);
	/* A deadline that has passed ends the wait at once. */
	assert_int_equal(watch_wait(&never, fd[0], POLLIN, 1, &e), 0);
	close(fd[0]);
	close(fd[1]);
}

TEST(a_wait_asks_now_and_then)
{
	struct asked a = {.stop_at = 3};
	struct watch w = {.check = ask, .arg = &a};
	int64_t start = clock_boot_ms();
	struct err e;
	int fd[2];

	assert_return_code(pipe(fd), 0);
	assert_int_equal(watch_wait(&w, fd[0], POLLIN, 0, &e), -1);
	assert_err(&e, "cancelled");
	assert_in_range(clock_boot_ms() - start, 900, 60000);
	close(fd[0]);
	close(fd[1]);
}

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
	(void)number;
	signalled = 1;
}

static int stop_when_signalled(void *arg, struct err *e)
{
	(void)arg;
	return signalled ? err_set(e, ERR_CANCELLED, "signalled") : 0;
}

/* A signal that is blocked except during the wait is not lost when it arrives
 * before the wait, and ends the wait at once. */
TEST(a_signal_wakes_the_wait)
{
	sigset_t block, old;
	struct watch w = {.check = stop_when_signalled, .wait_mask = &old};
	struct sigaction act = {.sa_handler = on_signal}, old_act;
	int64_t start;
	struct err e;
	int fd[2];

	assert_return_code(pipe(fd), 0);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, &old);
	sigaction(SIGUSR1, &act, &old_act);
	raise(SIGUSR1);
	assert_false(signalled);
	start = clock_boot_ms();
	assert_int_equal(watch_wait(&w, fd[0], POLLIN, 0, &e), -1);
	assert_err(&e, "signalled");
	assert_in_range(clock_boot_ms() - start, 0, 400);
	sigaction(SIGUSR1, &old_act, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_check_never_stops),
	    cmocka_unit_test(a_check_that_stops_is_passed_on),
	    cmocka_unit_test(a_ready_descriptor_ends_the_wait),
	    cmocka_unit_test(the_deadline_ends_the_wait),
	    cmocka_unit_test(a_wait_asks_now_and_then),
	    cmocka_unit_test(a_signal_wakes_the_wait),
	};

	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
