/* SPDX-License-Identifier: MIT */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "worker/notice_http.h"
#include "worker/notice_webhook.h"

#define BODY_MAX (16u << 20)

void webhook_signature(const char *secret, int64_t timestamp, const void *body,
    size_t len, char to[static WEBHOOK_SIGNATURE])
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int mac_len = 0;
	struct buf text;

	buf_init(&text, BODY_MAX + 64);
	buf_int(&text, timestamp);
	buf_char(&text, '.');
	buf_add(&text, body, len);
	HMAC(EVP_sha256(), secret, (int)strlen(secret),
	    (const unsigned char *)text.data, text.len, mac, &mac_len);
	buf_free(&text);
	strcpy(to, "sha256=");
	for (unsigned int i = 0; i < mac_len; i++)
		snprintf(to + 7 + 2 * i, 3, "%02x", mac[i]);
}

int notice_webhook(struct services *s, const struct notice *n,
    int64_t *retry_ms, struct err *e)
{
	const struct settings *set = services_settings(s);
	char timestamp[64], key[80], signed_as[32 + WEBHOOK_SIGNATURE];
	char signature[WEBHOOK_SIGNATURE];
	const char *headers[] = {"Content-Type: application/json",
	    "User-Agent: reportd", key, timestamp, NULL, NULL};
	struct notice_post post = {.url = n->url,
	    .shown = n->recipient,
	    .hosts = set->webhook_hosts,
	    .hosts_key = "[webhook] hosts",
	    .headers = headers};
	int64_t now = (int64_t)time(NULL);
	json_t *v = notice_json(n);
	char *body = json_dumps(v, JSON_COMPACT);

	json_decref(v);
	if (body == NULL)
		return err_set(e, ERR_PERMANENT, "the notice is no JSON");
	buf_init(&post.body, BODY_MAX);
	buf_str(&post.body, body);
	free(body);
	snprintf(key, sizeof(key), "Idempotency-Key: %s", n->key);
	snprintf(timestamp, sizeof(timestamp), "X-Reportd-Timestamp: %lld",
	    (long long)now);
	if (set->webhook_secret != NULL) {
		webhook_signature(set->webhook_secret, now, post.body.data,
		    post.body.len, signature);
		snprintf(signed_as, sizeof(signed_as),
		    "X-Reportd-Signature: %s", signature);
		headers[4] = signed_as;
	}
	return notice_post(s, &post, retry_ms, e);
}
