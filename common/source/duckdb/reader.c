/* SPDX-License-Identifier: MIT */
#include "source/duckdb/reader.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/duckdb/serve.h"

/* The reader's socket; above it nothing stays open. */
#define READER_FD 3
/* Bytes that the reader may send before its job reads them. */
#define AHEAD (512 << 10)

/* Leaves the reader nothing of the worker but standard error and its socket:
 * no connection to the supervisor, no outputs, no signal handlers. */
static void leave_worker(int fd, pid_t worker)
{
	struct rlimit none = {0, 0};
	sigset_t all;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != worker)
		_exit(0);
	prctl(PR_SET_NAME, "reportd-duckdb");
	/* A core file would hold the data of others. */
	setrlimit(RLIMIT_CORE, &none);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	dup2(fd, READER_FD);
	close_range(READER_FD + 1, ~0u, 0);
	clearenv();
}

int reader_start(
    struct reader *r, const struct engine_options *o, struct err *e)
{
	int pair[2], ahead = AHEAD;
	pid_t worker = getpid();

	*r = (struct reader){.fd = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return err_errno(e, errno, "DuckDB's process");
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &ahead, sizeof(ahead));
	fflush(NULL);
	r->pid = fork();
	if (r->pid == 0) {
		leave_worker(pair[1], worker);
		_exit(serve(READER_FD, o));
	}
	close(pair[1]);
	r->fd = pair[0];
	if (r->pid > 0)
		return 0;
	r->pid = 0;
	err_errno(e, errno, "DuckDB's process cannot be started");
	reader_stop(r);
	return -1;
}

static int wait_for(struct reader *r)
{
	int status = 0;

	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	r->pid = 0;
	return status;
}

int reader_died(struct reader *r, struct err *e)
{
	int status = wait_for(r);

	if (!WIFSIGNALED(status))
		return err_set(e, ERR_PERMANENT,
		    "DuckDB's process ended with status %d",
		    WEXITSTATUS(status));
	if (WTERMSIG(status) == SIGKILL)
		return err_set(e, ERR_TRANSIENT,
		    "DuckDB's process was killed by signal 9; was the machine "
		    "out of memory?");
	return err_set(e, ERR_PERMANENT,
	    "DuckDB's process crashed by signal %d (%s) on this query: it "
	    "wanted more memory than worker_memory of the settings allows, or "
	    "it reads a file that is damaged",
	    WTERMSIG(status), strsignal(WTERMSIG(status)));
}

void reader_stop(struct reader *r)
{
	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		wait_for(r);
	}
	if (r->fd >= 0)
		close(r->fd);
	*r = (struct reader){.fd = -1};
}
