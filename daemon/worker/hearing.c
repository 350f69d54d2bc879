/* SPDX-License-Identifier: MIT */
#include "worker/hearing.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/str.h"
#include "net/aws/aws.h"
#include "place/place.h"

/* Ten messages of 1 MiB each, with escapes. */
#define REPLY_MAX ((size_t)32 << 20)
/* Most messages of one call, by SQS. */
#define TOGETHER 10
/* While calls bring as many as they can, this many are made. */
#define ROUNDS 10
#define WAIT_S 20
/* ms of an errand that gets no message. */
#define LEAST_MS 1000

struct hearing {
	struct aws *aws;
	const char *url;
	int64_t wait_s;
	json_t *objects, *receipts, *refused;
};

static json_t *call(const struct hearing *h, const char *target,
    json_t *arguments, struct err *e)
{
	json_t *answer;

	json_object_set_new(arguments, "QueueUrl", json_string(h->url));
	answer = aws_json_call(h->aws,
	    &(struct aws_json_call){.target = target,
		.version = "1.0",
		.arguments = arguments,
		.reply_max = REPLY_MAX},
	    NULL, e);
	json_decref(arguments);
	return answer;
}

/* ---- one message ---- */

static bool is_whole(const json_t *message)
{
	const char *body = json_str(message, "Body", "");
	const char *said = json_str(message, "MD5OfBody", "");
	unsigned char md5[EVP_MAX_MD_SIZE];
	char text[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned int len = 0;

	EVP_Digest(body, strlen(body), md5, &len, EVP_md5(), NULL);
	str_hex(text, md5, len);
	/* OpenSSL in FIPS mode has no MD5. */
	return len == 0 || strcasecmp(text, said) == 0;
}

static bool is_first(const json_t *message)
{
	const json_t *attributes = json_object_get(message, "Attributes");

	return strcmp(json_str(attributes, "ApproximateReceiveCount", "1"),
		   "1") == 0;
}

static void take(struct hearing *h, const json_t *message)
{
	const char *body = json_str(message, "Body", "");
	const char *fault = is_whole(message)
				? place_heard(body, strlen(body), h->objects)
				: "its MD5 is another";
	const json_t *receipt = json_object_get(message, "ReceiptHandle");

	if (fault == NULL && json_is_string(receipt))
		json_array_append(h->receipts, (json_t *)(uintptr_t)receipt);
	else if (fault != NULL && is_first(message))
		json_array_append_new(h->refused,
		    json_pack("{ss ss}", "message_id",
			json_str(message, "MessageId", "?"), "error", fault));
}

/* ---- calls ---- */

/* Returns how many messages came, or -1. */
static int receive(struct hearing *h, int64_t wait_s, struct err *e)
{
	json_t *answer = call(h, "AmazonSQS.ReceiveMessage",
	    json_pack("{sI sI s[s]}", "MaxNumberOfMessages",
		(json_int_t)TOGETHER, "WaitTimeSeconds", (json_int_t)wait_s,
		"AttributeNames", "All"),
	    e);
	const json_t *list = json_object_get(answer, "Messages"), *one;
	int n = answer ? (int)json_array_size(list) : -1;
	size_t i;

	json_array_foreach(list, i, one)
	{
		take(h, one);
	}
	json_decref(answer);
	return n;
}

/* Removes messages, as many in each call as SQS allows. A message that cannot
 * be removed comes again. */
static int remove_heard(
    const struct hearing *h, const json_t *receipts, struct err *e)
{
	size_t n = json_array_size(receipts);

	for (size_t from = 0; from < n; from += TOGETHER) {
		json_t *entries = json_array(), *answer;

		for (size_t i = from; i < n && i < from + TOGETHER; i++) {
			char id[24];

			snprintf(id, sizeof(id), "%zu", i);
			json_array_append_new(entries,
			    json_pack("{ss sO}", "Id", id, "ReceiptHandle",
				json_array_get(receipts, i)));
		}
		answer = call(h, "AmazonSQS.DeleteMessageBatch",
		    json_pack("{so}", "Entries", entries), e);
		if (answer == NULL)
			return -1;
		json_decref(answer);
	}
	return 0;
}

/* A wait that ends before the connection counts as silent. */
static int64_t wait_of(const struct settings *set)
{
	int64_t s = set->http_silence_timeout / 2000;

	return s < 1 ? 1 : s < WAIT_S ? s : WAIT_S;
}

static int hear(struct hearing *h, const json_t *receipts, const bool *stopped,
    const struct watch *watch, struct err *e)
{
	int n = TOGETHER;
	int64_t least_ms = clock_boot_ms() + LEAST_MS;

	if (remove_heard(h, receipts, e) != 0)
		return -1;
	for (int i = 0; i < ROUNDS && n == TOGETHER && !*stopped; i++) {
		n = receive(h, i == 0 ? h->wait_s : 0, e);
		/* Messages of earlier rounds are passed on; the next errand
		 * meets the error again. */
		if (n < 0)
			return i > 0 ? 0 : -1;
	}
	/* A server that answers without waiting is not asked endlessly. */
	if (n == 0 && watch != NULL && *stopped == false)
		return watch_wait(watch, -1, 0, least_ms, e);
	return 0;
}

void hearing_run(const json_t *message, struct services *services,
    const bool *stopped, struct buf *out)
{
	const struct settings *set = services_settings(services);
	struct hearing h = {.url = set->inputs_queue_url,
	    .wait_s = wait_of(set),
	    .objects = json_array(),
	    .receipts = json_array(),
	    .refused = json_array()};
	struct err e = {.kind = ERR_CANCELLED};
	int rc = -1;

	if (h.url == NULL)
		err_set(&e, ERR_PERMANENT, "[inputs] queue_url is not set");
	else
		h.aws = services_queue(services, h.url, &e);
	if (h.aws != NULL)
		rc = hear(&h, json_object_get(message, "receipts"), stopped,
		    services_watch(services), &e);
	message_errand(out, MSG_HEARD, json_int(message, "run_id", 0),
	    json_pack("{sb ss* so so so}", "heard",
		rc == 0 || e.kind == ERR_CANCELLED, "error",
		rc == 0 || e.kind == ERR_CANCELLED ? NULL : e.text, "objects",
		h.objects, "receipts", h.receipts, "refused", h.refused));
}

void hearing_decline(const json_t *message, struct buf *out)
{
	message_errand(out, MSG_HEARD, json_int(message, "run_id", 0),
	    json_pack("{sb sO*}", "heard", true, "receipts",
		json_object_get(message, "receipts")));
}
