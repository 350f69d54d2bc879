/* SPDX-License-Identifier: MIT */
#include "source/postgres/route.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "source/postgres/conninfo.h"
#include "source/postgres/resolved.h"

#define HOSTS_MAX 64
#define ADDRESSES_MAX 64
#define TROUBLE_MAX 4096
#define CONNECT_MIN_S 2

/* One element of each of libpq's three lists; NULL: that list is missing. */
struct host {
	const char *name, *address, *port;
};

struct route {
	char *conninfo;
	char *names, *addresses, *ports; /* own the texts of hosts */
	struct host hosts[HOSTS_MAX];
	int count;
	int at;   /* index of this step's host; -1: before the first */
	int pass; /* for prefer-standby: 0 tries only standbys, 1 any server */
	bool twice, shuffled, refused;
	int64_t connect_ms; /* 0: the string says none */
	char *found;        /* owns the addresses in next */
	/* addresses of this host, ends with NULL */
	const char *next[ADDRESSES_MAX + 1];
	int used; /* number of `next` tried so far */
	enum route_step step;
	const char *address; /* address of this step; NULL: as the host says */
	char *here;          /* connection string of this step */
	struct buf trouble;
	char sqlstate[6];
};

/* ---- reading the string ---- */

/* Cuts a list at its commas and stores the parts in the member at `offset` of
 * each host. Returns how many there are, 0 for a NULL list, -1 for too many. */
static int cut(struct route *r, char *list, size_t offset)
{
	int n = 0;

	while (list != NULL) {
		if (n == HOSTS_MAX)
			return -1;
		*(const char **)(void *)((char *)&r->hosts[n++] + offset) =
		    strsep(&list, ",");
	}
	return n;
}

static char *copy(const PQconninfoOption *all, const char *keyword)
{
	const char *value = resolved_value(all, keyword);

	return value ? mem_strdup(value) : NULL;
}

/* Reads libpq's three lists. Lists whose lengths do not match become one host
 * that replaces nothing: libpq then refuses the string before it contacts a
 * server. */
static void read_hosts(struct route *r, const PQconninfoOption *all)
{
	int names, addresses, ports;

	r->names = copy(all, "host");
	r->addresses = copy(all, "hostaddr");
	r->ports = copy(all, "port");
	names = cut(r, r->names, offsetof(struct host, name));
	addresses = cut(r, r->addresses, offsetof(struct host, address));
	ports = cut(r, r->ports, offsetof(struct host, port));
	r->count = addresses > 0 ? addresses : names;
	if (names < 0 || addresses < 0 || ports < 0 ||
	    (addresses > 0 && names > 0 && names != addresses) ||
	    (ports > 1 && ports != r->count) || r->count == 0) {
		r->count = 1;
		r->hosts[0] = (struct host){NULL, NULL, NULL};
	}
	for (int i = 1; i < r->count && ports == 1; i++)
		r->hosts[i].port = r->hosts[0].port;
}

static bool is_value(
    const PQconninfoOption *all, const char *keyword, const char *value)
{
	const char *said = resolved_value(all, keyword);

	return said != NULL && strcmp(said, value) == 0;
}

static void shuffle_hosts(struct route *r)
{
	for (int i = r->count - 1; i > 0; i--) {
		int j = (int)random_below(i + 1);
		struct host host = r->hosts[i];

		r->hosts[i] = r->hosts[j];
		r->hosts[j] = host;
	}
}

struct route *route_open(const char *conninfo, const char *attrs)
{
	PQconninfoOption *all = resolved_open(conninfo, attrs);
	struct route *r = mem_zalloc(sizeof(*r));
	const char *timeout = resolved_value(all, "connect_timeout");
	int64_t seconds;

	r->conninfo = mem_strdup(conninfo);
	r->at = -1;
	buf_init(&r->trouble, TROUBLE_MAX);
	read_hosts(r, all);
	r->twice = is_value(all, "target_session_attrs", "prefer-standby");
	r->shuffled = is_value(all, "load_balance_hosts", "random");
	if (r->shuffled)
		shuffle_hosts(r);
	if (timeout != NULL && str_to_i64(timeout, &seconds) == 0 &&
	    seconds > 0 && seconds < INT32_MAX)
		r->connect_ms =
		    1000 * (seconds > CONNECT_MIN_S ? seconds : CONNECT_MIN_S);
	PQconninfoFree(all);
	return r;
}

void route_free(struct route *r)
{
	if (r == NULL)
		return;
	conninfo_free(r->conninfo);
	conninfo_free(r->here);
	free(r->names);
	free(r->addresses);
	free(r->ports);
	free(r->found);
	buf_free(&r->trouble);
	free(r);
}

/* ---- steps ---- */

static bool is_address(const char *host)
{
	struct addrinfo hints = {
	    .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

static bool wants_look_up(const struct host *host)
{
	return host->name != NULL && *host->name != '\0' &&
	       *host->name != '/' && *host->name != '@' &&
	       (host->address == NULL || *host->address == '\0') &&
	       !is_address(host->name);
}

static enum route_step connect_to(struct route *r, const char *address)
{
	const struct host *host = &r->hosts[r->at];
	const struct conninfo_pair pairs[] = {{"host", host->name},
	    {"hostaddr", address ? address : host->address},
	    {"port", host->port},
	    {"target_session_attrs", !r->twice      ? NULL
				     : r->pass == 0 ? "standby"
						    : "any"}};
	struct err e;

	conninfo_free(r->here);
	r->here = conninfo_replace(
	    r->conninfo, pairs, sizeof(pairs) / sizeof(*pairs), &e);
	/* libpq will say what is wrong with the string. */
	if (r->here == NULL)
		r->here = mem_strdup(r->conninfo);
	r->address = address;
	return ROUTE_CONNECT;
}

static enum route_step next_host(struct route *r)
{
	r->used = 0;
	r->next[0] = NULL;
	if (++r->at == r->count) {
		if (!r->twice || r->pass == 1)
			return ROUTE_END;
		r->pass = 1;
		r->at = 0;
	}
	return wants_look_up(&r->hosts[r->at]) ? ROUTE_LOOK_UP
					       : connect_to(r, NULL);
}

enum route_step route_next(struct route *r)
{
	if (r->refused || (r->step == ROUTE_END && r->at >= 0))
		return ROUTE_END;
	if (r->next[r->used] != NULL)
		r->step = connect_to(r, r->next[r->used++]);
	else
		r->step = next_host(r);
	return r->step;
}

const char *route_host(const struct route *r)
{
	return r->hosts[r->at].name;
}

void route_found(struct route *r, const char *addresses)
{
	char *rest;
	int n = 0;

	free(r->found);
	r->found = rest = mem_strdup(addresses);
	while (rest != NULL && n < ADDRESSES_MAX) {
		const char *one = strsep(&rest, " ");

		if (*one != '\0')
			r->next[n++] = one;
	}
	r->next[n] = NULL;
	for (int i = n - 1; i > 0 && r->shuffled; i--) {
		int j = (int)random_below(i + 1);
		const char *one = r->next[i];

		r->next[i] = r->next[j];
		r->next[j] = one;
	}
}

char *route_look_up(const char *host, struct err *e)
{
	struct addrinfo hints = {
	    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	char one[NI_MAXHOST];
	struct buf list;
	int rc = getaddrinfo(host, NULL, &hints, &found);

	if (rc != 0) {
		err_set(e, ERR_TRANSIENT,
		    "could not translate host name \"%s\" to address: %s", host,
		    gai_strerror(rc));
		return NULL;
	}
	buf_init(&list, ADDRESSES_MAX * NI_MAXHOST);
	buf_str(&list, "");
	for (const struct addrinfo *a = found; a != NULL; a = a->ai_next) {
		if (getnameinfo(a->ai_addr, a->ai_addrlen, one, sizeof(one),
			NULL, 0, NI_NUMERICHOST) == 0)
			buf_printf(&list, "%s%s", list.len > 0 ? " " : "", one);
	}
	freeaddrinfo(found);
	return list.data;
}

const char *route_conninfo(const struct route *r)
{
	return r->here;
}

int64_t route_step_ms(const struct route *r, int64_t otherwise)
{
	return r->connect_ms > 0 ? r->connect_ms : otherwise;
}

/* ---- failures ---- */

/* SQLSTATE class 57 means that the server is starting or shutting down. */
void route_failed(struct route *r, const char *text, const char *sqlstate)
{
	size_t n = strlen(text);

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	buf_printf(&r->trouble, "%s%.*s", r->trouble.len > 0 ? "\n" : "",
	    (int)n, text);
	str_copy(r->sqlstate, sizeof(r->sqlstate), sqlstate);
	r->refused = *sqlstate != '\0' && strncmp(sqlstate, "57", 2) != 0;
}

void route_silent(struct route *r, int64_t ms)
{
	const struct host *host = &r->hosts[r->at];
	double s = (double)ms / 1000;
	char *text;

	if (r->step == ROUTE_LOOK_UP)
		text = mem_printf("could not translate host name \"%s\" to "
				  "address: no answer within %g s",
		    host->name, s);
	else
		text = mem_printf("connection to server at \"%s\"%s%s%s, port "
				  "%s failed: no answer within %g s",
		    host->name      ? host->name
		    : host->address ? host->address
				    : "",
		    r->address ? " (" : "", r->address ? r->address : "",
		    r->address ? ")" : "", host->port ? host->port : "5432", s);
	route_failed(r, text, "");
	free(text);
}

const char *route_trouble(const struct route *r)
{
	return r->trouble.data ? r->trouble.data : "";
}

const char *route_sqlstate(const struct route *r)
{
	return r->sqlstate;
}
