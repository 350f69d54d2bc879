/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "config.h"
#include "worker/ask.h"
#include "worker/worker.h"

static const char usage[] =
    "reportd-worker is a part of reportd, which starts it; see reportd(8).\n";

int main(int argc, char **argv)
{
	int64_t memory;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("reportd-worker " PACKAGE_VERSION);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "--memory") == 0 &&
	    str_to_i64(argv[2], &memory) == 0)
		return worker_main(memory);
	if (argc == 3 && strcmp(argv[1], "--ask") == 0)
		return ask_main(argv[2]);
	fputs(usage, stderr);
	return 2;
}
