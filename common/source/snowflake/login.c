/* SPDX-License-Identifier: MIT */
#include "source/snowflake/login.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/aws/secret.h"
#include "source/snowflake/account.h"
#include "source/snowflake/jwt.h"
#include "source/snowflake/workload.h"

/* Bytes of a file with a key or a token. */
#define FILE_MAX ((size_t)64 << 10)
/* Seconds: a JWT is renewed this long before its end. */
#define EARLY_S 300
/* Seconds: a difference of clocks that is told. */
#define SKEW_S 30
#define PAT "PROGRAMMATIC_ACCESS_TOKEN"

struct login {
	const struct snowflake_config *config;
	struct source_reach reach;
	char *endpoint, *account, *user; /* the last two as in a JWT */
	char *warehouse, *database, *schema, *role;
	struct jwt_key *key; /* NULL: a token of another kind */
	char *given;         /* token of the secret; NULL: none */
	char *token;         /* NULL: none yet */
	int64_t until;       /* when it is renewed; 0: when it is refused */
	int64_t skew;        /* seconds that the server's clock is ahead */
	char *says;
};

/* ---- files ---- */

/* Reads a short file; the caller wipes the text. */
static char *read_file(const char *key, const char *path, struct err *e)
{
	FILE *f = fopen(path, "re");
	struct buf text;
	size_t n;
	int failed;

	if (f == NULL) {
		err_errno(e, errno, "%s: %s", key, path);
		return NULL;
	}
	buf_init(&text, FILE_MAX);
	do {
		char *at = buf_reserve(&text, 4096);

		n = at != NULL ? fread(at, 1, 4096, f) : 0;
		text.len += n;
	} while (n > 0);
	failed = ferror(f) ? errno : 0;
	fclose(f);
	if (failed != 0) {
		buf_wipe(&text);
		err_errno(e, failed, "%s: %s", key, path);
		return NULL;
	}
	if (text.overflow) {
		buf_wipe(&text);
		err_set(e, ERR_PERMANENT, "%s: %s is longer than %zu bytes",
		    key, path, FILE_MAX);
		return NULL;
	}
	text.data[text.len] = '\0';
	return text.data;
}

/* A line break at the end was added by an editor, or by whoever writes the
 * file. */
static char *read_token(const char *path, struct err *e)
{
	char *text = read_file("token_file", path, e);

	if (text == NULL)
		return NULL;
	text[strcspn(text, "\r\n \t")] = '\0';
	if (*text != '\0')
		return text;
	free(text);
	err_set(e, ERR_TRANSIENT, "token_file: %s is empty", path);
	return NULL;
}

/* ---- opening ---- */

static void take(char **to, const char *config, const char *secret)
{
	*to = mem_strdup(config ? config : secret);
}

static int check_secret(
    const struct login *l, const struct secret *s, struct err *e)
{
	const char *arn = l->config->secret_arn;

	if (s->private_key == NULL && s->token == NULL)
		return err_set(e, ERR_PERMANENT,
		    "secret_arn: secret %s holds %s and neither private_key "
		    "nor "
		    "token. Snowflake's SQL API takes no password: add the "
		    "user's private_key (and private_key_passphrase), whose "
		    "public key ALTER USER ... SET RSA_PUBLIC_KEY names, or a "
		    "token",
		    arn, s->password ? "a password" : "no password");
	if (s->private_key != NULL && s->user == NULL && s->username == NULL &&
	    l->config->user == NULL)
		return err_set(e, ERR_PERMANENT,
		    "secret_arn: secret %s holds private_key and no user; add "
		    "it, or set user",
		    arn);
	if (s->account == NULL && l->config->account == NULL &&
	    l->config->endpoint == NULL)
		return err_set(e, ERR_PERMANENT,
		    "secret_arn: secret %s holds no account; add it, or set "
		    "account",
		    arn);
	return 0;
}

/* Makes the name of a user as the claims have it. */
static char *upper(const char *text)
{
	char *copy = mem_strdup(text);

	for (char *c = copy; c != NULL && *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	return copy;
}

static void take_user(struct login *l, const struct secret *s)
{
	const char *own = l->config->user;

	free(l->user);
	l->user = upper(own ? own : s->user ? s->user : s->username);
}

static void take_context(struct login *l, const struct secret *s)
{
	const struct snowflake_config *c = l->config;
	const char *account = c->account ? c->account : s->account;

	take(&l->warehouse, c->warehouse, s->warehouse);
	take(&l->database, c->database, s->database);
	take(&l->schema, c->schema, s->schema);
	take(&l->role, c->role, s->role);
	take_user(l, s);
	l->account = account ? account_claim(account) : NULL;
	l->endpoint = c->endpoint ? mem_strdup(c->endpoint)
		      : account   ? account_endpoint(account)
				  : NULL;
}

/* Logs in with the current content of the secret, which may have changed from a
 * key to a token, or to another user. The old login stays when the new key
 * cannot be read. */
static int take_login(struct login *l, const struct secret *s, struct err *e)
{
	struct jwt_key *key = NULL;

	if (s->private_key != NULL) {
		key =
		    jwt_key_read(s->private_key, s->private_key_passphrase, e);
		if (key == NULL)
			return err_wrap(e, "secret_arn: private_key");
	}
	jwt_key_free(l->key);
	mem_wipe(l->given);
	l->key = key;
	l->given = key == NULL ? mem_strdup(s->token) : NULL;
	take_user(l, s);
	return 0;
}

static int use_secret(struct login *l, bool fresh, struct err *e)
{
	struct aws *aws = l->reach.aws(l->reach.arg, "secretsmanager", e);
	struct secret s = {0};
	int rc = 0;

	if (aws == NULL ||
	    secret_get(aws, l->config->secret_arn, fresh, &s, e) != 0)
		return err_wrap(e, "secret_arn");
	if (check_secret(l, &s, e) != 0)
		rc = -1;
	if (rc == 0 && l->endpoint == NULL)
		take_context(l, &s);
	if (rc == 0)
		rc = take_login(l, &s, e);
	secret_free(&s);
	return rc;
}

static int use_key_file(struct login *l, struct err *e)
{
	const struct snowflake_config *c = l->config;
	char *pem = read_file("private_key_file", c->private_key_file, e);

	if (pem == NULL)
		return -1;
	l->key = jwt_key_read(pem, c->private_key_passphrase, e);
	mem_wipe(pem);
	return l->key != NULL ? 0 : err_wrap(e, "%s", c->private_key_file);
}

static const char *kind_of(const struct login *l)
{
	if (l->key != NULL)
		return "KEYPAIR_JWT";
	if (l->config->workload_identity)
		return "WORKLOAD_IDENTITY_FEDERATION";
	return l->config->token_type == SNOWFLAKE_PAT ? PAT : "OAUTH";
}

static void describe(struct login *l)
{
	const char *tls = strncmp(l->endpoint, "https:", 6) == 0
			      ? "TLS, the server verified"
			      : "no TLS, on this host";

	if (l->key != NULL)
		l->says = mem_printf("%s; key pair of %s.%s, %s", tls,
		    l->account, l->user, jwt_key_fingerprint(l->key));
	else
		l->says = mem_printf("%s; token of type %s", tls, kind_of(l));
}

struct login *login_open(const struct source_how *how, struct err *e)
{
	static const struct secret none;
	struct login *l = mem_zalloc(sizeof(*l));
	int rc = 0;

	l->config = (const struct snowflake_config *)how->config;
	l->reach = *how->reach;
	if (l->config->secret_arn != NULL)
		rc = use_secret(l, false, e);
	else
		take_context(l, &none);
	if (rc == 0 && l->config->private_key_file != NULL)
		rc = use_key_file(l, e);
	if (rc == 0) {
		describe(l);
		return l;
	}
	login_close(l);
	return NULL;
}

void login_close(struct login *l)
{
	if (l == NULL)
		return;
	jwt_key_free(l->key);
	mem_wipe(l->given);
	mem_wipe(l->token);
	free(l->endpoint);
	free(l->account);
	free(l->user);
	free(l->warehouse);
	free(l->database);
	free(l->schema);
	free(l->role);
	free(l->says);
	free(l);
}

const char *login_endpoint(const struct login *l)
{
	return l->endpoint;
}

const char *login_warehouse(const struct login *l)
{
	return l->warehouse;
}

const char *login_database(const struct login *l)
{
	return l->database;
}

const char *login_schema(const struct login *l)
{
	return l->schema;
}

const char *login_role(const struct login *l)
{
	return l->role;
}

const char *login_says(const struct login *l)
{
	return l->says;
}

/* ---- tokens ---- */

/* Makes the token anew. */
static char *renew(struct login *l, bool fresh, struct err *e)
{
	int64_t now = time(NULL) + l->skew;

	l->until = 0;
	if (fresh && l->config->secret_arn != NULL &&
	    use_secret(l, true, e) != 0)
		return NULL;
	if (l->key != NULL) {
		l->until = now + JWT_LIFE_S - EARLY_S;
		return jwt_make(l->key, l->account, l->user, now, e);
	}
	if (l->config->workload_identity)
		return workload_token(&l->reach, now, &l->until, e);
	return l->given ? mem_strdup(l->given)
			: read_token(l->config->token_file, e);
}

int login_token(struct login *l, bool fresh, int64_t server_now,
    struct login_token *token, struct err *e)
{
	if (fresh && server_now != 0)
		l->skew = server_now - time(NULL);
	if (fresh || l->token == NULL ||
	    (l->until != 0 && time(NULL) + l->skew >= l->until)) {
		mem_wipe(l->token);
		l->token = renew(l, fresh, e);
		if (l->token == NULL)
			return -1;
	}
	*token = (struct login_token){l->token, kind_of(l)};
	return 0;
}

void login_explain(const struct login *l, int64_t server_now, struct err *e)
{
	int64_t ahead = server_now != 0 ? server_now - time(NULL) : 0;

	if (l->key != NULL)
		err_hint(e,
		    "the token says it comes from %s.%s with key %s; DESCRIBE "
		    "USER must show this as RSA_PUBLIC_KEY_FP or "
		    "RSA_PUBLIC_KEY_2_FP, and the account must be written "
		    "without its region",
		    l->account, l->user, jwt_key_fingerprint(l->key));
	else if (l->config->token_file != NULL || l->given != NULL)
		err_hint(e,
		    "the token was sent as type %s; look whether that is what "
		    "it is (token_type), and whether it has ended",
		    kind_of(l));
	if (strcmp(kind_of(l), PAT) == 0)
		err_hint(e,
		    "PAT_INVALID says that the token, its user or its role is "
		    "gone; a network policy must hold for the user as well");
	if (ahead > SKEW_S || ahead < -SKEW_S)
		err_hint(e, "the server's clock is %lld s %s that of this host",
		    (long long)(ahead < 0 ? -ahead : ahead),
		    ahead < 0 ? "behind" : "ahead of");
}
