/* SPDX-License-Identifier: MIT */
#include <libpq-fe.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/http/guard.h"
#include "source/postgres/conninfo.h"
#include "source/postgres/resolved.h"

#define LOOPBACK "127.0.0.0/8 ::1/128"

/* Finds the system's file of trusted certificates. libpq offers a name for it
 * only from version 16 on. */
static const char *system_bundle(void)
{
	static const char *const files[] = {
	    "/etc/ssl/certs/ca-certificates.crt",                /* Debian */
	    "/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora */
	    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* RHEL 9 */
	    "/etc/ssl/ca-bundle.pem",                            /* SUSE */
	    "/etc/ssl/cert.pem"};                                /* Alpine */
	const char *given = getenv("SSL_CERT_FILE");

	if (given != NULL && *given != '\0')
		return given;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (access(files[i], R_OK) == 0)
			return files[i];
	}
	return NULL;
}

/* Says whether libpq's default file of trusted certificates exists. */
static bool has_own_root(void)
{
	const char *home = getenv("HOME");
	const struct passwd *user = home ? NULL : getpwuid(geteuid());
	char *path;
	bool there;

	if (home == NULL)
		home = user ? user->pw_dir : "";
	path = mem_printf("%s/.postgresql/root.crt", home);
	there = access(path, F_OK) == 0;
	free(path);
	return there;
}

bool conninfo_is_here(const char *host, const char *address)
{
	if (*address != '\0')
		return guard_listed(LOOPBACK, address);
	return *host == '\0' || *host == '/' || *host == '@' ||
	       strcasecmp(host, "localhost") == 0 ||
	       guard_listed(LOOPBACK, host);
}

static bool is_all_here(const char *hosts, const char *addresses)
{
	char *host = mem_strdup(hosts ? hosts : ""), *address;
	char *hosts_left = host, *addresses_left;
	bool here = true;

	address = addresses_left = mem_strdup(addresses ? addresses : "");
	while (here && (hosts_left != NULL || addresses_left != NULL)) {
		const char *h = hosts_left ? strsep(&hosts_left, ",") : "";
		const char *a =
		    addresses_left ? strsep(&addresses_left, ",") : "";

		here = conninfo_is_here(h, a);
	}
	free(host);
	free(address);
	return here;
}

/* Says whether a setting outside of this program chooses the sslmode. "prefer"
 * is libpq's default, so it counts as no choice. */
static bool is_said(const char *conninfo, const char *resolved)
{
	const char *variable = getenv("PGSSLMODE");
	char *said = conninfo_get(conninfo, "sslmode");
	bool yes = said != NULL || (variable != NULL && *variable != '\0') ||
		   (resolved != NULL && strcmp(resolved, "prefer") != 0);

	free(said);
	return yes;
}

void conninfo_protect(const char *conninfo, struct conninfo_tls *tls)
{
	PQconninfoOption *all = resolved_open(conninfo, NULL);
	const char *mode = resolved_value(all, "sslmode");
	bool verify = mode != NULL && strncmp(mode, "verify-", 7) == 0;

	*tls = (struct conninfo_tls){.sslmode = NULL};
	if (!is_said(conninfo, mode) &&
	    !is_all_here(
		resolved_value(all, "host"), resolved_value(all, "hostaddr"))) {
		tls->sslmode = "verify-full";
		verify = true;
	}
	/* With sslmode=require, a file of certificates would mean verify-ca. */
	if (verify && resolved_value(all, "sslrootcert") == NULL &&
	    !has_own_root())
		tls->sslrootcert = system_bundle();
	PQconninfoFree(all);
}

const char *conninfo_tls_hint(
    const struct conninfo_tls *tls, const char *message)
{
	/* libpq has no codes for the errors that it finds itself. */
	if (tls->sslmode == NULL || (strstr(message, "SSL") == NULL &&
					strstr(message, "certificate") == NULL))
		return "";
	return "connections to other hosts are verified: name the "
	       "certificate (PEM) that has signed the server's by "
	       "sslrootcert=FILE in conninfo, or write sslmode=require there "
	       "for TLS that nobody verifies, sslmode=disable for none";
}
