/* SPDX-License-Identifier: MIT */
#include "base/random.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"

static enum { SOUND, BROKEN, INTERRUPTED } the_system;
static unsigned char next_byte;

ssize_t __wrap_getrandom(void *to, size_t len, unsigned int flags);

/* Gives one byte at a time. */
ssize_t __wrap_getrandom(void *to, size_t len, unsigned int flags)
{
	(void)flags;
	if (the_system == BROKEN || len == 0) {
		errno = ENOSYS;
		return -1;
	}
	if (the_system == INTERRUPTED) {
		the_system = SOUND;
		errno = EINTR;
		return -1;
	}
	*(unsigned char *)to = next_byte;
	return 1;
}

TEST(a_uuid_has_its_version_and_variant)
{
	char uuid[RANDOM_UUID];

	next_byte = 0xff;
	random_uuid(uuid);
	assert_string_equal(uuid, "ffffffff-ffff-4fff-bfff-ffffffffffff");
	next_byte = 0;
	random_uuid(uuid);
	assert_string_equal(uuid, "00000000-0000-4000-8000-000000000000");
}

TEST(bytes_that_come_in_pieces_are_gathered)
{
	unsigned char bytes[3] = {0};

	next_byte = 7;
	the_system = INTERRUPTED;
	random_bytes(bytes, sizeof(bytes));
	assert_memory_equal(bytes, "\7\7\7", 3);
}

static void number(void)
{
	random_below(10);
}

static void uuid(void)
{
	char text[RANDOM_UUID];

	random_uuid(text);
}

static void assert_aborts(void (*make)(void))
{
	const struct rlimit no_core = {0, 0};
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		the_system = BROKEN;
		make();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

TEST(without_random_bytes_nothing_goes_on)
{
	assert_aborts(number);
	assert_aborts(uuid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_uuid_has_its_version_and_variant),
	    cmocka_unit_test(bytes_that_come_in_pieces_are_gathered),
	    cmocka_unit_test(without_random_bytes_nothing_goes_on),
	};

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
