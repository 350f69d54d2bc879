/* SPDX-License-Identifier: MIT */
#include "ctl/lib/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

static int check(void *arg, struct err *e)
{
	(void)arg;
	return caught ? err_set(e, ERR_CANCELLED, "interrupted") : 0;
}

const struct watch interrupt_watch = {.check = check};

void interrupt_install(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	/* without SA_RESTART: a signal must end a read of standard input */
	struct sigaction action = {
	    .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	struct sigaction old;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		/* nohup, and shells without job control, ignore the signal */
		if (sigaction(numbers[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}

int interrupt_signal(void)
{
	return caught;
}
