/* SPDX-License-Identifier: MIT */
#include "supervisor/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* Lowest number for the descriptor, above those that a worker uses itself. */
#define LOWEST_FD 10

struct program {
	int fd;
	char path[40];
	void (*unfit)(void *arg);
	void *arg;
};

/* Returns the path of the program beside this process's own, which the caller
 * frees; NULL: /proc does not tell. */
static char *beside_us(const char *name)
{
	char self[4096], *slash;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len <= 0)
		return NULL;
	self[len] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	return mem_printf("%s/%s", self, name);
}

static int open_path(const char *path)
{
	int low = open(path, O_PATH | O_CLOEXEC), fd;

	if (low < 0)
		return -1;
	fd = fcntl(low, F_DUPFD_CLOEXEC, LOWEST_FD);
	close(low);
	return fd;
}

static int open_one(const char *name, struct err *e)
{
	char *beside = beside_us(name);
	char *installed = mem_printf(PROGRAM_FOLDER "/%s", name);
	int fd = beside ? open_path(beside) : -1;

	if (fd < 0)
		fd = open_path(installed);
	if (fd < 0)
		err_set(e, ERR_PERMANENT,
		    "the program %s cannot be opened: neither %s nor %s (%s); "
		    "install reportd again, it is a part of it",
		    name, beside ? beside : name, installed, strerror(errno));
	free(beside);
	free(installed);
	return fd;
}

struct program *program_open(const char *name, struct err *e)
{
	struct program *p;
	struct stat st;
	int fd = open_one(name, e);

	if (fd < 0)
		return NULL;
	p = mem_zalloc(sizeof(*p));
	p->fd = fd;
	snprintf(p->path, sizeof(p->path), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    access(p->path, X_OK) == 0)
		return p;
	err_set(e, ERR_PERMANENT,
	    "the program %s is not a file that this user may run; install "
	    "reportd again",
	    name);
	program_close(p);
	return NULL;
}

void program_close(struct program *p)
{
	if (p == NULL)
		return;
	close(p->fd);
	free(p);
}

int program_fd(const struct program *p)
{
	return p->fd;
}

const char *program_path(const struct program *p)
{
	return p->path;
}

void program_watch(struct program *p, void (*unfit)(void *arg), void *arg)
{
	p->unfit = unfit;
	p->arg = arg;
}

void program_is_unfit(const struct program *p)
{
	p->unfit(p->arg);
}
