/* SPDX-License-Identifier: MIT */
#include "settings/tokens.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"

#define DIGEST 32
#define TOKENS_MAX 1000
/* Bytes of a role's name in PostgreSQL. */
#define ROLE_MAX 63

struct token {
	unsigned char digest[DIGEST];
	char role[ROLE_MAX + 1];
	char *refusal; /* NULL: none */
};

struct tokens {
	struct token *list;
	size_t count;
};

void tokens_free(struct tokens *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->list[i].refusal);
	free(t->list);
	free(t);
}

static int read_digest(const char *hex, unsigned char digest[DIGEST])
{
	for (size_t i = 0; i < DIGEST; i++) {
		int high = str_hex_digit(hex[2 * i]);
		int low = high < 0 ? -1 : str_hex_digit(hex[2 * i + 1]);

		if (low < 0)
			return -1;
		digest[i] = (unsigned char)(high * 16 + low);
	}
	return hex[2 * DIGEST] == '\0' ? 0 : -1;
}

/* Takes "ROLE DIGEST"; the role is everything up to the last blank. */
static int take_line(struct tokens *t, char *line, struct err *e)
{
	char *end = line + strlen(line), *hex;
	struct token *token;
	size_t role;

	while (end > line && strchr(" \t\r\n", end[-1]) != NULL)
		*--end = '\0';
	line += strspn(line, " \t");
	if (*line == '\0' || *line == '#')
		return 0;
	if (t->count == TOKENS_MAX)
		return err_set(e, ERR_PERMANENT,
		    "there are more than %d tokens", TOKENS_MAX);
	t->list = mem_realloc(t->list, t->count + 1, sizeof(*t->list));
	token = &t->list[t->count];
	*token = (struct token){.refusal = NULL};
	for (hex = end; hex > line && strchr(" \t", hex[-1]) == NULL;)
		hex--;
	for (role = (size_t)(hex - line);
	     role > 0 && strchr(" \t", line[role - 1]) != NULL;)
		role--;
	if (role == 0 || role > ROLE_MAX ||
	    read_digest(hex, token->digest) != 0)
		return err_set(e, ERR_PERMANENT,
		    "write a role, a blank and the SHA-256 of its token as 64 "
		    "hexadecimal digits");
	memcpy(token->role, line, role);
	t->count++;
	return 0;
}

static int read_lines(
    struct tokens *t, FILE *f, const char *path, struct err *e)
{
	char *line = NULL;
	size_t size = 0;
	int rc = 0;

	for (int number = 1; rc == 0 && getline(&line, &size, f) >= 0;
	     number++) {
		if (take_line(t, line, e) != 0)
			rc = err_wrap(e, "%s:%d", path, number);
	}
	if (rc == 0 && ferror(f))
		rc = err_errno(e, errno, "%s", path);
	free(line);
	return rc;
}

static int check_mode(FILE *f, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fileno(f), &st) == 0 && (st.st_mode & 022) == 0)
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "%s: others than its owner may write it, and so make tokens: chmod "
	    "go-w %s",
	    path, path);
}

struct tokens *tokens_load(const char *path, struct err *e)
{
	struct tokens *t = mem_zalloc(sizeof(*t));
	FILE *f;
	int rc;

	if (path == NULL)
		return t;
	f = fopen(path, "re");
	if (f == NULL) {
		err_errno(e, errno, "[server] token_file %s", path);
		tokens_free(t);
		return NULL;
	}
	rc = check_mode(f, path, e) == 0 ? read_lines(t, f, path, e) : -1;
	fclose(f);
	if (rc == 0)
		return t;
	err_wrap(e, "[server] token_file");
	tokens_free(t);
	return NULL;
}

/* Returns the token of "Bearer TOKEN", or NULL. */
static const char *bearer(const char *authorization)
{
	static const char scheme[] = "Bearer ";

	if (authorization == NULL ||
	    strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return NULL;
	authorization += sizeof(scheme) - 1;
	return authorization + strspn(authorization, " ");
}

const char *tokens_role(const struct tokens *t, const char *authorization)
{
	const char *token = bearer(authorization), *role = NULL;
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (token == NULL || *token == '\0' ||
	    EVP_Digest(
		token, strlen(token), digest, NULL, EVP_sha256(), NULL) != 1)
		return NULL;
	for (size_t i = 0; i < t->count; i++) {
		if (CRYPTO_memcmp(t->list[i].digest, digest, DIGEST) == 0)
			role = t->list[i].role;
	}
	return role;
}

void tokens_list_roles(const struct tokens *t, struct buf *b)
{
	buf_char(b, '{');
	for (size_t i = 0; i < t->count; i++) {
		buf_str(b, i > 0 ? ",\"" : "\"");
		for (const char *c = t->list[i].role; *c != '\0'; c++) {
			if (*c == '"' || *c == '\\')
				buf_char(b, '\\');
			buf_char(b, *c);
		}
		buf_char(b, '"');
	}
	buf_char(b, '}');
}

void tokens_refuse(struct tokens *t, const char *role, const char *why)
{
	for (size_t i = 0; i < t->count; i++) {
		if (strcmp(t->list[i].role, role) == 0) {
			free(t->list[i].refusal);
			t->list[i].refusal = mem_strdup(why);
		}
	}
}

const char *tokens_refusal(const struct tokens *t, const char *role)
{
	for (size_t i = 0; i < t->count; i++) {
		if (strcmp(t->list[i].role, role) == 0)
			return t->list[i].refusal;
	}
	return NULL;
}
