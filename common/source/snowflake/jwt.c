/* SPDX-License-Identifier: MIT */
#include "source/snowflake/jwt.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/sha256.h"

/*
 * JSON Web Tokens (RFC 7519) signed by RS256 (RFC 7518, 3.3), with the claims that
 * Snowflake's manual lists under "Authenticating Snowflake REST APIs".
 */
#define LEAST_BITS 2048
#define FINGERPRINT_MAX 64

struct jwt_key {
	EVP_PKEY *pkey;
	char fingerprint[FINGERPRINT_MAX];
};

/* ---- the key ---- */

/* Without a function of its own, OpenSSL asks the terminal. */
static int give_passphrase(char *to, int size, int writing, void *passphrase)
{
	size_t len = passphrase ? strlen(passphrase) : 0;

	(void)writing;
	if (len == 0 || len > (size_t)size)
		return -1;
	memcpy(to, passphrase, len);
	return (int)len;
}

static EVP_PKEY *read_pem(
    const char *pem, const char *passphrase, struct err *e)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(
	    in, NULL, give_passphrase, (void *)(uintptr_t)passphrase);

	BIO_free(in);
	ERR_clear_error();
	if (pkey != NULL)
		return pkey;
	if (strstr(pem, "-----BEGIN ") == NULL)
		err_set(e, ERR_PERMANENT,
		    "the private key is no PEM, which begins with -----BEGIN "
		    "PRIVATE KEY-----");
	else if (strstr(pem, "ENCRYPTED") != NULL)
		err_set(e, ERR_PERMANENT,
		    passphrase
			? "the passphrase does not open the private key"
			: "the private key is encrypted; give its passphrase "
			  "as private_key_passphrase");
	else
		err_set(e, ERR_PERMANENT,
		    "the private key cannot be read; is it whole, with its "
		    "line breaks?");
	return NULL;
}

static int check_key(EVP_PKEY *pkey, struct err *e)
{
	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)
		return err_set(e, ERR_PERMANENT,
		    "the private key is no RSA key, and Snowflake takes no "
		    "other; make one: openssl genrsa 2048");
	if (EVP_PKEY_get_bits(pkey) < LEAST_BITS)
		return err_set(e, ERR_PERMANENT,
		    "the private key has %d bits; Snowflake wants %d or more",
		    EVP_PKEY_get_bits(pkey), LEAST_BITS);
	return 0;
}

/* The hash is that of the DER form of SubjectPublicKeyInfo. */
static void find_fingerprint(struct jwt_key *key)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key->pkey, &der);

	if (len < 0)
		abort();
	memcpy(key->fingerprint, "SHA256:", 7);
	sha256_base64(der, (size_t)len, key->fingerprint + 7);
	OPENSSL_free(der);
}

struct jwt_key *jwt_key_read(
    const char *pem, const char *passphrase, struct err *e)
{
	EVP_PKEY *pkey = read_pem(pem, passphrase, e);
	struct jwt_key *key;

	if (pkey == NULL)
		return NULL;
	if (check_key(pkey, e) != 0) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	key = mem_zalloc(sizeof(*key));
	key->pkey = pkey;
	find_fingerprint(key);
	return key;
}

void jwt_key_free(struct jwt_key *key)
{
	if (key != NULL)
		EVP_PKEY_free(key->pkey);
	free(key);
}

const char *jwt_key_fingerprint(const struct jwt_key *key)
{
	return key->fingerprint;
}

/* ---- the token ---- */

/* Encodes bytes by base64url without padding (RFC 7515, 2); the caller frees the
 * text. */
static char *encode(const void *data, size_t len)
{
	char *text = mem_alloc(len / 3 * 4 + 5);
	int n = EVP_EncodeBlock((unsigned char *)text, data, (int)len);

	while (n > 0 && text[n - 1] == '=')
		text[--n] = '\0';
	for (char *c = text; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	return text;
}

static char *encode_json(json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);
	char *encoded = encode(text, strlen(text));

	free(text);
	json_decref(o);
	return encoded;
}

/* Returns the signature of the text, encoded; NULL when libcrypto fails. */
static char *sign(const struct jwt_key *key, const char *text)
{
	size_t len = (size_t)EVP_PKEY_get_size(key->pkey);
	unsigned char *bytes = mem_alloc(len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char *encoded = NULL;

	if (ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
	    EVP_DigestSign(ctx, bytes, &len, (const unsigned char *)text,
		strlen(text)) == 1)
		encoded = encode(bytes, len);
	EVP_MD_CTX_free(ctx);
	free(bytes);
	return encoded;
}

char *jwt_make(const struct jwt_key *key, const char *account, const char *user,
    int64_t now, struct err *e)
{
	char *subject = mem_printf("%s.%s", account, user);
	char *issuer = mem_printf("%s.%s", subject, key->fingerprint);
	char *head =
	    encode_json(json_pack("{ss ss}", "alg", "RS256", "typ", "JWT"));
	char *claims = encode_json(
	    json_pack("{ss ss sI sI}", "iss", issuer, "sub", subject, "iat",
		(json_int_t)now, "exp", (json_int_t)(now + JWT_LIFE_S)));
	char *signed_part = mem_printf("%s.%s", head, claims);
	char *signature = sign(key, signed_part), *token = NULL;

	if (signature != NULL)
		token = mem_printf("%s.%s", signed_part, signature);
	else
		err_set(e, ERR_PERMANENT,
		    "libcrypto does not sign with the private key");
	free(subject);
	free(issuer);
	free(head);
	free(claims);
	free(signed_part);
	free(signature);
	return token;
}
