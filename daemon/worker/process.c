/* SPDX-License-Identifier: MIT */
#include "worker/process.h"

#include <stddef.h>
#include <sys/resource.h>
#include <time.h>

static volatile sig_atomic_t told_to_stop;

static void on_term(int sig)
{
	(void)sig;
	told_to_stop = 1;
}

void process_set_signals(sigset_t *wait_mask)
{
	struct sigaction term = {.sa_handler = on_term};
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, wait_mask);
	sigdelset(wait_mask, SIGTERM);
	sigaction(SIGTERM, &term, NULL);
	/* A terminal's Ctrl-C and hang-up are for the supervisor to handle. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

bool process_is_told_to_stop(void)
{
	return told_to_stop != 0;
}

void process_forget_signals(void)
{
	static const struct timespec at_once = {0};
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	while (sigtimedwait(&term, NULL, &at_once) == SIGTERM)
		;
	told_to_stop = 0;
}

static void limit_memory(int64_t bytes)
{
	struct rlimit limit = {(rlim_t)bytes, (rlim_t)bytes};

/* AddressSanitizer reserves terabytes of address space, so no limit is set with
 * it. */
#ifndef __SANITIZE_ADDRESS__
	setrlimit(RLIMIT_DATA, &limit);
#else
	(void)limit;
#endif
}

/* Raises the limit of open files: a run with many partitions keeps all of their
 * files open until it is published. */
static void allow_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

void process_limit(int64_t memory)
{
	limit_memory(memory);
	allow_files();
}
