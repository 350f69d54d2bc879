/* SPDX-License-Identifier: MIT */
#include "settings/apart.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "settings/folders.h"

/* Variables that tell libraries where to find keys, passwords and trusted
 * certificates. */
static const char *const variables[] = {"HOME", "XDG_CONFIG_HOME",
    "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CA_BUNDLE", "PGPASSFILE",
    "PGSERVICEFILE", "PGSYSCONFDIR", "PGSSLCERT", "PGSSLKEY", "PGSSLROOTCERT",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "KRB5_CONFIG",
    "KRB5_KTNAME", "OPENSSL_CONF"};

/* Resolves the path as the kernel does; a path that does not exist is taken as
 * written. */
static char *resolve(const char *path)
{
	char *real = realpath(path, NULL);

	return real ? real : mem_strdup(path);
}

static bool lies_in(const char *path, const char *root)
{
	char *p = resolve(path), *r = resolve(root);
	size_t n = strlen(r);
	bool yes;

	while (n > 0 && r[n - 1] == '/')
		n--;
	yes = strncmp(p, r, n) == 0 && (p[n] == '/' || p[n] == '\0');
	free(p);
	free(r);
	return yes;
}

/* A folder of these settings that reports reach. */
struct reached {
	const struct settings *settings;
	const char *file; /* the settings file; NULL: none */
	const char *about;
};

static int check(const char *root, const char *what, const char *path,
    const char *about, struct err *e)
{
	if (path == NULL || *path != '/' || !lies_in(path, root))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "%s is %s, which lies in %s (%s); move one of the two elsewhere",
	    what, path, about, root);
}

int settings_check_private(
    const struct settings *s, const char *file, struct err *e)
{
	if (s->secret_bare == NULL)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "%s holds a secret (%s), and every user of this machine can read "
	    "or change it; give it to the daemon's own group (chgrp reportd "
	    "%s) and close it for others (chmod 0640 %s)",
	    file, s->secret_bare, file, file);
}

/* Returns the home of the daemon's user; NULL: it has none. It is looked up once: the
 * user database may ask other machines, for which a daemon that reads its settings
 * again must not wait. */
static const char *home_of_user(void)
{
	static char *home;
	static bool known;
	const struct passwd *user = known ? NULL : getpwuid(geteuid());

	if (user != NULL)
		home = mem_strdup(user->pw_dir);
	known = true;
	return home;
}

static int check_folder(void *arg, const char *root, struct err *e)
{
	const struct reached *r = arg;
	const struct settings *s = r->settings;
	const struct {
		const char *what, *path;
	} named[] = {{"the settings file", r->file},
	    {"[http] ca_file", s->http_ca_file},
	    {"[aws] ca_file", s->aws_ca_file}, {"[s3] ca_file", s->s3_ca_file},
	    {"[smtp] ca_file", s->smtp_ca_file},
	    {"[server] token_file", s->server_token_file},
	    /* Some versions of libpq ask the user database before HOME. */
	    {"the home of the daemon's user", home_of_user()}};

	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		if (check(root, variables[i], getenv(variables[i]), r->about,
			e) != 0)
			return -1;
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++) {
		if (check(root, named[i].what, named[i].path, r->about, e) != 0)
			return -1;
	}
	return 0;
}

int settings_check_apart(
    const struct settings *s, const char *file, struct err *e)
{
	struct reached r = {.settings = s, .file = file};

	r.about = "output_root, where reports write: one of them could leave "
		  "keys and settings there for the daemon";
	if (s->output_root != NULL && check_folder(&r, s->output_root, e) != 0)
		return -1;
	r.about = "[inputs] folders, which reports read";
	return folders_each(s->inputs_folders, check_folder, &r, e);
}
