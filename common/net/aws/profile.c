/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/aws/provider.h"

/*
 * The configuration files that all AWS programs share:
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 *
 * They are read at each look-up, so that keys that were replaced there take
 * effect.
 */

static char *file_path(const char *variable, const char *name)
{
	const char *given = env_first(variable, NULL);
	const char *home = env_first("HOME", NULL);
	struct passwd *user;

	if (given != NULL && given[0] != '~')
		return mem_strdup(given);
	if (home == NULL && (user = getpwuid(getuid())) != NULL)
		home = user->pw_dir;
	return given != NULL ? mem_printf("%s%s", home ? home : "", given + 1)
			     : mem_printf("%s/.aws/%s", home ? home : "", name);
}

static char *credentials_path(void)
{
	return file_path("AWS_SHARED_CREDENTIALS_FILE", "credentials");
}

static char *config_path(void)
{
	return file_path("AWS_CONFIG_FILE", "config");
}

/* Removes the blanks around the text, in place. */
static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* Says whether "[profile x]" or "[x]" is the head of the profile. In the config
 * file, every name except "default" follows the word "profile"; "[x]" alone is
 * no profile there. */
static bool is_section(char *line, const char *profile, bool config)
{
	char *end = strchr(line, ']'), *name;

	if (end == NULL)
		return false;
	*end = '\0';
	name = trim(line + 1);
	if (config && strncmp(name, "profile", 7) == 0 &&
	    (name[7] == ' ' || name[7] == '\t'))
		return strcmp(trim(name + 7), profile) == 0;
	return strcmp(name, profile) == 0 &&
	       (!config || strcmp(name, "default") == 0);
}

/* Returns 1 when the key was found, 0 when the profile lacks it, -1 when the
 * profile is missing; errno then tells about the file. A NULL key asks for the
 * profile only. */
static int read_value(const char *path, const char *profile, bool config,
    const char *key, char **value)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	bool inside = false;
	int rc = -1;

	if (f == NULL)
		return -1;
	while (rc != 1 && getline(&line, &size, f) >= 0) {
		char *equals = strchr(line, '=');

		if (line[0] == '[') {
			inside = is_section(line, profile, config);
			if (inside && rc < 0)
				rc = key == NULL;
		} else if (inside && key != NULL && equals != NULL &&
			   strchr(" \t#;", line[0]) == NULL) {
			*equals = '\0';
			if (strcasecmp(trim(line), key) != 0)
				continue;
			*value = mem_strdup(trim(equals + 1));
			rc = 1;
		}
	}
	/* The line may hold a secret. */
	if (line != NULL)
		explicit_bzero(line, size);
	free(line);
	fclose(f);
	return rc;
}

char *profile_value(const char *profile, const char *key)
{
	char *credentials = credentials_path(), *config = config_path();
	char *value = NULL;

	if (read_value(credentials, profile, false, key, &value) != 1)
		read_value(config, profile, true, key, &value);
	free(credentials);
	free(config);
	if (value != NULL && *value == '\0') {
		free(value);
		value = NULL;
	}
	return value;
}

static bool profile_exists(const char *profile)
{
	char *credentials = credentials_path(), *config = config_path();
	bool found = read_value(credentials, profile, false, NULL, NULL) >= 0 ||
		     read_value(config, profile, true, NULL, NULL) >= 0;

	free(credentials);
	free(config);
	return found;
}

/* Notes a missing profile. It is an error when the settings or the environment
 * name it. */
static int no_profile(struct lookup *l, const char *profile, struct err *e)
{
	char *credentials = credentials_path(), *config = config_path();
	int rc;

	if (strcmp(profile, "default") == 0)
		rc = lookup_note(l, "profile default: neither in %s nor in %s",
		    credentials, config);
	else
		rc = err_set(e, ERR_PERMANENT,
		    "profile %s is neither in %s nor in %s", profile,
		    credentials, config);
	free(credentials);
	free(config);
	return rc;
}

/* ---- keys of a profile ---- */

static int own_keys(
    struct lookup *l, const char *profile, struct keys *k, struct err *e)
{
	k->access_key = profile_value(profile, "aws_access_key_id");
	k->secret_key = profile_value(profile, "aws_secret_access_key");
	k->session_token = profile_value(profile, "aws_session_token");
	if (k->access_key != NULL && k->secret_key != NULL)
		return 1;
	if (k->access_key != NULL || k->secret_key != NULL) {
		keys_free(k);
		return err_set(e, ERR_PERMANENT,
		    "profile %s has only one of aws_access_key_id and "
		    "aws_secret_access_key",
		    profile);
	}
	keys_free(k);
	return lookup_note(
	    l, "profile %s: no aws_access_key_id in it", profile);
}

static int by_source(struct lookup *l, const char *profile, const char *source,
    struct keys *k, struct err *e)
{
	int rc;

	if (strcmp(source, "Environment") == 0)
		rc = provide_environment(l, k, e);
	else if (strcmp(source, "EcsContainer") == 0)
		rc = provide_container(l, k, e);
	else if (strcmp(source, "Ec2InstanceMetadata") == 0)
		rc = provide_instance(l, k, e);
	else
		return err_set(e, ERR_PERMANENT,
		    "profile %s: credential_source = %s is none of "
		    "Environment, EcsContainer and Ec2InstanceMetadata",
		    profile, source);
	if (rc == 0)
		return err_set(e, ERR_PERMANENT,
		    "profile %s: credential_source = %s has none; looked at %s",
		    profile, source, l->looked.data);
	return rc;
}

/* The chain of profiles visited so far, to detect a cycle. */
struct way {
	const struct way *before;
	const char *profile;
};

static bool on_way(const struct way *w, const char *profile)
{
	while (w != NULL && strcmp(w->profile, profile) != 0)
		w = w->before;
	return w != NULL;
}

static int from_profile(struct lookup *l, const struct way *before,
    const char *profile, struct keys *k, struct err *e);

/* Finds the keys that may assume the profile's role. */
static int base_keys(
    struct lookup *l, const struct way *w, struct keys *k, struct err *e)
{
	char *source = profile_value(w->profile, "source_profile");
	char *place = profile_value(w->profile, "credential_source");
	int rc;

	if (source != NULL && strcmp(source, w->profile) == 0)
		rc = own_keys(l, source, k, e);
	else if (source != NULL && on_way(w, source))
		rc = err_set(e, ERR_PERMANENT,
		    "profile %s: source_profile = %s leads back to itself",
		    w->profile, source);
	else if (source != NULL)
		rc = from_profile(l, w, source, k, e);
	else if (place != NULL)
		rc = by_source(l, w->profile, place, k, e);
	else
		rc = err_set(e, ERR_PERMANENT,
		    "profile %s has a role_arn, but neither source_profile "
		    "nor credential_source nor web_identity_token_file",
		    w->profile);
	if (rc == 0)
		rc = err_set(e, ERR_PERMANENT,
		    "profile %s: source_profile = %s has no credentials",
		    w->profile, source);
	free(source);
	free(place);
	return rc;
}

static int by_role(struct lookup *l, const struct way *w, const char *arn,
    struct keys *k, struct err *e)
{
	char *external_id = profile_value(w->profile, "external_id");
	char *session = profile_value(w->profile, "role_session_name");
	char *token = profile_value(w->profile, "web_identity_token_file");
	char *duration = profile_value(w->profile, "duration_seconds");
	char *mfa = profile_value(w->profile, "mfa_serial");
	struct role role = {.arn = arn,
	    .external_id = external_id,
	    .session_name = session,
	    .token_file = token,
	    .duration = duration};
	int rc;

	if (mfa != NULL)
		rc = err_set(e, ERR_PERMANENT,
		    "profile %s asks for a code (mfa_serial), which a daemon "
		    "has not",
		    w->profile);
	else
		rc = token != NULL ? 1 : base_keys(l, w, k, e);
	if (rc == 1)
		rc = sts_assume(l, &role, k, e) == 0 ? 1 : -1;
	free(external_id);
	free(session);
	free(token);
	free(duration);
	free(mfa);
	return rc;
}

/* Returns the first key of the profile that needs a browser or another program;
 * NULL: it has none. */
static const char *unsupported(const char *profile)
{
	static const char *const keys[] = {"sso_session", "sso_start_url",
	    "credential_process", "login_session", NULL};

	for (const char *const *key = keys; *key != NULL; key++) {
		char *value = profile_value(profile, *key);

		free(value);
		if (value != NULL)
			return *key;
	}
	return NULL;
}

static int from_profile(struct lookup *l, const struct way *before,
    const char *profile, struct keys *k, struct err *e)
{
	struct way w = {before, profile};
	char *arn;
	int rc;

	if (!profile_exists(profile))
		return no_profile(l, profile, e);
	arn = profile_value(profile, "role_arn");
	rc = arn ? by_role(l, &w, arn, k, e) : own_keys(l, profile, k, e);
	free(arn);
	if (rc == 0 && unsupported(profile) != NULL)
		return err_set(e, ERR_PERMANENT,
		    "profile %s uses %s, which a daemon cannot; give it keys "
		    "or "
		    "a role",
		    profile, unsupported(profile));
	return rc;
}

int provide_profile(struct lookup *l, struct keys *k, struct err *e)
{
	return from_profile(l, NULL, l->profile, k, e);
}
