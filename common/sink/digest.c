/* SPDX-License-Identifier: MIT */
#include "sink/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

struct digest {
	struct sink base;
	EVP_MD_CTX *ctx;
	uint64_t bytes;
	char hex[DIGEST_HEX];
};

static int digest_write(
    struct sink *s, const void *data, size_t len, struct err *e)
{
	struct digest *d = (struct digest *)s;

	if (EVP_DigestUpdate(d->ctx, data, len) != 1)
		return err_set(e, ERR_TRANSIENT, "SHA-256 failed");
	d->bytes += len;
	return sink_write(s->next, data, len, e);
}

static int digest_finish(struct sink *s, struct err *e)
{
	struct digest *d = (struct digest *)s;
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (EVP_DigestFinal_ex(d->ctx, sum, &len) != 1)
		return err_set(e, ERR_TRANSIENT, "SHA-256 failed");
	str_hex(d->hex, sum, len);
	return 0;
}

static void digest_free(struct sink *s)
{
	struct digest *d = (struct digest *)s;

	EVP_MD_CTX_free(d->ctx);
	free(d);
}

static const struct sink_type digest_type = {
    .name = "sha256",
    .write = digest_write,
    .finish = digest_finish,
    .free = digest_free,
};

struct sink *digest_open(struct sink *next, struct err *e)
{
	struct digest *d = mem_zalloc(sizeof(*d));

	d->base = (struct sink){.type = &digest_type, .next = next};
	d->ctx = EVP_MD_CTX_new();
	if (d->ctx == NULL ||
	    EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1) {
		err_set(e, ERR_TRANSIENT, "SHA-256 is not available");
		sink_free(&d->base);
		return NULL;
	}
	return &d->base;
}

uint64_t digest_bytes(const struct sink *s)
{
	return ((const struct digest *)s)->bytes;
}

const char *digest_sha256(const struct sink *s)
{
	return ((const struct digest *)s)->hex;
}
