/* SPDX-License-Identifier: MIT */
#include "net/aws/secret.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#define KEEP_MS 300000

/* A secret that the client of Secrets Manager keeps. */
struct kept {
	struct kept *next;
	char *arn;
	struct secret secret;
	int64_t until_ms;
};

static void wipe(char *text)
{
	if (text != NULL)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

void secret_free(struct secret *s)
{
#define WIPE(name) wipe(s->name);
	SECRET_MEMBERS(WIPE)
#undef WIPE
	*s = (struct secret){0};
}

static void kept_free(void *all)
{
	for (struct kept *k = all, *next; k != NULL; k = next) {
		next = k->next;
		secret_free(&k->secret);
		free(k->arn);
		free(k);
	}
}

static struct secret copy(const struct secret *s)
{
#define COPY(name) .name = mem_strdup(s->name),
	return (struct secret){SECRET_MEMBERS(COPY)};
#undef COPY
}

/* Returns the entry of a secret, which is made when it is new. */
static struct kept *find(struct aws *a, const char *arn)
{
	void **all = aws_beside(a, kept_free);
	struct kept *k = *all;

	while (k != NULL && strcmp(k->arn, arn) != 0)
		k = k->next;
	if (k == NULL) {
		k = mem_zalloc(sizeof(*k));
		k->arn = mem_strdup(arn);
		k->next = *all;
		*all = k;
	}
	return k;
}

static char *member(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_integer(v))
		return mem_printf("%lld", (long long)json_integer_value(v));
	return mem_strdup(json_string_value(v));
}

static void parse(const char *text, struct secret *s)
{
	json_t *o = json_loads(text, 0, NULL);

	if (json_is_object(o))
#define READ(name) .name = member(o, #name),
		*s = (struct secret){SECRET_MEMBERS(READ)};
#undef READ
	else
		/* A line break at the end was added by an editor. */
		*s = (struct secret){
		    .password = mem_strndup(text, strcspn(text, "\r\n"))};
	json_decref(o);
}

static int read_secret(
    struct aws *a, const char *arn, struct secret *s, struct err *e)
{
	json_t *arguments = json_pack("{ss}", "SecretId", arn), *reply;
	const char *text;
	char code[64] = "";
	int rc = 0;

	reply = aws_json(
	    a, "secretsmanager.GetSecretValue", "1.1", arguments, code, e);
	json_decref(arguments);
	text = json_str(reply, "SecretString", NULL);
	if (text != NULL)
		parse(text, s);
	else if (reply != NULL)
		rc = err_set(e, ERR_PERMANENT,
		    "it is binary; it must be text: {\"username\": ..., "
		    "\"password\": ...}, or the password");
	else
		rc = -1;
	if (strncmp(code, "AccessDenied", 12) == 0) {
		struct err said = *e;

		err_set(e, said.kind,
		    "%s; the credentials need secretsmanager:GetSecretValue on "
		    "it, and kms:Decrypt where it has a key of its own",
		    said.text);
	}
	json_decref(reply);
	return rc == 0 ? 0 : err_wrap(e, "secret %s", arn);
}

int secret_get(struct aws *secretsmanager, const char *arn, bool fresh,
    struct secret *secret, struct err *e)
{
	struct kept *k = find(secretsmanager, arn);
	struct secret s = {0};

	if (fresh || clock_boot_ms() >= k->until_ms) {
		if (read_secret(secretsmanager, arn, &s, e) != 0)
			return -1;
		secret_free(&k->secret);
		k->secret = s;
		k->until_ms = clock_boot_ms() + KEEP_MS;
	}
	*secret = copy(&k->secret);
	return 0;
}
