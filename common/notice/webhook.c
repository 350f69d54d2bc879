/* SPDX-License-Identifier: MIT */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "notice/http.h"
#include "notice/json.h"
#include "notice/webhook.h"

#define BODY_MAX (16u << 20)
#define URL_MAX (64u << 10)

void webhook_signature(const char *secret, int64_t timestamp, const char *url,
    const struct buf *body, char to[static WEBHOOK_SIGNATURE])
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int mac_len = 0;
	struct buf text;

	buf_init(&text, BODY_MAX + URL_MAX + 64);
	buf_printf(&text, "%lld\n%s\n", (long long)timestamp, url);
	buf_add(&text, body->data, body->len);
	HMAC(EVP_sha256(), secret, (int)strlen(secret),
	    (const unsigned char *)text.data, text.len, mac, &mac_len);
	buf_free(&text);
	strcpy(to, "sha256=");
	str_hex(to + strlen(to), mac, mac_len);
}

int notice_webhook(struct services *s, const struct notice *n,
    struct notice_answer *answer, struct err *e)
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
	char host[256], *secret = NULL;

	if (notice_post_json(&post, notice_json(n), BODY_MAX, e) != 0)
		return -1;
	snprintf(key, sizeof(key), "Idempotency-Key: %s", n->key);
	snprintf(timestamp, sizeof(timestamp), "X-Reportd-Timestamp: %lld",
	    (long long)now);
	if (notice_host(n->url, host, sizeof(host)) == 0)
		secret = settings_webhook_secret(set, host);
	if (secret != NULL) {
		webhook_signature(secret, now, post.url, &post.body, signature);
		snprintf(signed_as, sizeof(signed_as),
		    "X-Reportd-Signature: %s", signature);
		headers[4] = signed_as;
	}
	mem_wipe(secret);
	return notice_post(s, &post, answer, e);
}
