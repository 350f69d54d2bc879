/* SPDX-License-Identifier: MIT */
/* Adds the line of the test that led to a failure in a helper; cmocka names
 * only the helper's line. libcmocka calls this _fail instead of its own,
 * because the dynamic linker searches the program first. */
#include <dlfcn.h>
#include <elf.h>
#include <execinfo.h>
#include <inttypes.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "helper.h"

#define FRAMES_MAX 32

/* the address at which the program was loaded */
extern const ElfW(Ehdr) __ehdr_start;

/* Prints the lines of test files from addr2line's output. */
static void print_lines(FILE *names)
{
	char line[1024];

	while (fgets(line, sizeof(line), names) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, "test/unit/") != NULL &&
		    strstr(line, "caller.c:") == NULL)
			print_error("  on the way: %s\n", line);
	}
}

static void print_callers(void)
{
	void *frames[FRAMES_MAX];
	int n = backtrace(frames, FRAMES_MAX);
	uintptr_t base =
	    __ehdr_start.e_type == ET_DYN ? (uintptr_t)&__ehdr_start : 0;
	struct buf command;
	FILE *names;

	buf_init(&command, 4096);
	buf_printf(&command, "addr2line -ipf -e /proc/%d/exe", (int)getpid());
	/* A frame holds the address after its call, so 1 is subtracted. */
	for (int i = 0; i < n; i++)
		buf_printf(
		    &command, " 0x%" PRIxPTR, (uintptr_t)frames[i] - base - 1);
	names = popen(command.data, "r");
	buf_free(&command);
	if (names == NULL)
		return;
	print_lines(names);
	pclose(names);
}

void _fail(const char *const file, const int line)
{
	void (*real)(const char *, int);

	*(void **)&real = dlsym(RTLD_NEXT, "_fail");
	print_callers();
	real(file, line);
	_exit(1); /* not reached: the real _fail does not return */
}
