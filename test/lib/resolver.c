/* SPDX-License-Identifier: MIT */
/*
 * A resolver and a file server that tests load with LD_PRELOAD: silent.test is never
 * answered, two.test has the addresses 127.0.0.2 and 127.0.0.1, in this order; nobody
 * learns what kind of file lies in a folder silent/.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int resolve(
    const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int two(resolve *next, const char *service, const struct addrinfo *hints,
    struct addrinfo **found)
{
	int rc = next("127.0.0.2", service, hints, found);
	struct addrinfo *last;

	if (rc != 0)
		return rc;
	for (last = *found; last->ai_next != NULL; last = last->ai_next)
		;
	return next("127.0.0.1", service, hints, &last->ai_next);
}

int getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **found)
{
	resolve *next = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");

	if (name == NULL || (hints && hints->ai_flags & AI_NUMERICHOST))
		return next(name, service, hints, found);
	while (strcmp(name, "silent.test") == 0)
		pause();
	if (strcmp(name, "two.test") == 0)
		return two(next, service, hints, found);
	return next(name, service, hints, found);
}

typedef int look(const char *, struct stat *);

int stat(const char *path, struct stat *found)
{
	look *next = (look *)dlsym(RTLD_NEXT, "stat");

	while (strstr(path, "/silent/") != NULL)
		pause();
	return next(path, found);
}
