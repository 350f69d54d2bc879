/* SPDX-License-Identifier: MIT */
#include "base/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>

void sha256_base64(const void *data, size_t len, char to[static SHA256_BASE64])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(data, len, digest, &n, EVP_sha256(), NULL) != 1)
		abort();
	EVP_EncodeBlock((unsigned char *)to, digest, (int)n);
}
