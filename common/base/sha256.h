/* SPDX-License-Identifier: MIT */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>

#define SHA256_BASE64 45 /* bytes of a hash in base64, and its NUL */

/* Writes the SHA-256 of the data in base64 (RFC 4648, 4), as a
 * Content-Security-Policy names a script. */
void sha256_base64(const void *data, size_t len, char to[static SHA256_BASE64]);

#endif
