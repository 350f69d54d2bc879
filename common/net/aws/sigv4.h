/* SPDX-License-Identifier: MIT */
#ifndef NET_AWS_SIGV4_H
#define NET_AWS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * AWS Signature Version 4, as pure functions on libcrypto.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
struct sigv4_key {
	const char *access_key, *secret_key;
	const char *session_token; /* NULL: none */
};

struct sigv4_pair {
	const char *name, *value; /* not escaped; "" for ?uploads */
};

struct sigv4_request {
	const char *service, *region;
	const char *method;
	const char *host; /* with :port unless it is the scheme's default */
	const char *path; /* not escaped, begins with '/'; any bytes */
	const struct sigv4_pair *query;
	int query_count;
	/* signed in addition to host and x-amz-* */
	const struct sigv4_pair *headers;
	int header_count;
	/* SHA-256 of the body in hexadecimal, or "UNSIGNED-PAYLOAD" for
	 * presigned URLs. */
	const char *payload_sha256;
	time_t now;
	/* For S3, the path is escaped once and not normalised, and the hash of
	 * the payload is sent as x-amz-content-sha256. For other services, the
	 * path is escaped twice, and `.` and `..` are resolved. */
	bool s3;
	bool path_is_escaped; /* the path is sent unchanged */
};

/* Adds the header lines that the request must carry ("Name: value", each ends
 * with NUL in `lines`): Host, X-Amz-Date, X-Amz-Security-Token,
 * X-Amz-Content-Sha256, Authorization, and request->headers as they were
 * signed. */
void sigv4_sign(const struct sigv4_key *key,
    const struct sigv4_request *request, struct buf *lines);

/* Writes the path and query that carry the signature, valid for `expires`
 * seconds. */
void sigv4_presign(const struct sigv4_key *key,
    const struct sigv4_request *request, int64_t expires, struct buf *target);

/* Writes the path and query as they must be sent: escaped as they were
 * signed. */
void sigv4_target(const struct sigv4_request *request, struct buf *target);

#define SIGV4_HEX 65
void sigv4_sha256(const void *data, size_t len, char hex[static SIGV4_HEX]);

#endif
