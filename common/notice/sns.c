/* SPDX-License-Identifier: MIT */
#include "notice/sns.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/aws/aws.h"
#include "notice/json.h"
#include "notice/words.h"

#define SNS_VERSION "2010-03-31"
/* bytes; the attributes need the rest of 256 KiB */
#define MESSAGE_MAX (250u << 10)
#define ARGUMENTS_MAX 24

void sns_subject(const struct notice *n, char to[static SNS_SUBJECT])
{
	struct buf title;
	size_t len = 0;
	bool cut = false;

	buf_init(&title, 4096);
	notice_subject(n, &title);
	for (const char *c = title.data; *c != '\0'; c++) {
		unsigned char byte = (unsigned char)*c;

		/* SNS refuses a subject that begins with a space. */
		if (len == 0 && byte == ' ')
			continue;
		if ((byte & 0xc0) == 0x80)
			/* a character becomes one ?, not one for each byte */
			continue;
		cut = len + 1 == SNS_SUBJECT;
		if (cut)
			break;
		to[len++] = (char)(byte < 0x20 || byte > 0x7e ? '?' : byte);
	}
	to[len] = '\0';
	if (cut)
		memcpy(to + len - 3, "...", 3);
	buf_free(&title);
}

/* Makes the message, which SNS limits to 256 KiB with its attributes: when it
 * is larger, parameters and outputs are left out. The caller frees it. */
static char *make_message(const struct notice *n)
{
	json_t *v = notice_json(n);
	json_t *run = json_object_get(v, "run");
	char *text = notice_dump(v);

	if (text != NULL && strlen(text) > MESSAGE_MAX) {
		free(text);
		json_object_del(run, "parameters");
		json_object_set_new(run, "outputs", json_array());
		json_object_set_new(run, "inputs", json_array());
		text = notice_dump(v);
	}
	json_decref(v);
	return text;
}

struct arguments {
	struct sigv4_pair list[ARGUMENTS_MAX];
	char names[ARGUMENTS_MAX][64];
	int count, attributes;
};

static void add(struct arguments *a, const char *name, const char *value)
{
	a->list[a->count++] = (struct sigv4_pair){name, value};
}

static void add_attribute(
    struct arguments *a, const char *name, const char *type, const char *value)
{
	static const char *const parts[] = {
	    "Name", "Value.DataType", "Value.StringValue"};
	const char *values[] = {name, type, value};

	if (*value == '\0') /* SNS refuses an empty value */
		return;
	a->attributes++;
	for (int i = 0; i < 3; i++) {
		char *to = a->names[a->count];

		snprintf(to, sizeof(*a->names), "MessageAttributes.entry.%d.%s",
		    a->attributes, parts[i]);
		add(a, to, values[i]);
	}
}

/* Returns the client of the topic's region:
 * arn:aws:sns:REGION:ACCOUNT:TOPIC. */
static struct aws *client_of(struct services *s, const char *arn, struct err *e)
{
	char name[64];
	const char *region = arn;
	int len;

	for (int i = 0; i < 3 && region != NULL; i++) {
		region = strchr(region, ':');
		region = region ? region + 1 : NULL;
	}
	if (region == NULL || (len = (int)strcspn(region, ":")) > 40) {
		err_set(e, ERR_PERMANENT, "%s is no ARN of a topic", arn);
		return NULL;
	}
	snprintf(name, sizeof(name), "sns@%.*s", len, region);
	return services_aws(s, name, e);
}

static bool is_fifo(const char *arn)
{
	size_t len = strlen(arn);

	return len > 5 && strcmp(arn + len - 5, ".fifo") == 0;
}

int notice_sns(struct services *s, const struct notice *n,
    struct notice_answer *answer, struct err *e)
{
	char subject[SNS_SUBJECT], config[24], group[40], code[64] = "";
	struct arguments a = {.count = 0};
	struct aws *sns;
	char *message, *reply;

	(void)answer; /* AWS does not say when to try again */
	if (!settings_allows(services_settings(s)->sns_topics, n->recipient))
		return err_set(e, ERR_PERMANENT,
		    "the settings do not allow notices to %s; [sns] topics "
		    "lists the topics",
		    n->recipient);
	sns = client_of(s, n->recipient, e);
	if (sns == NULL)
		return -1;
	sns_subject(n, subject);
	message = make_message(n);
	if (message == NULL)
		return err_set(
		    e, ERR_PERMANENT, "the notice cannot be written as JSON");
	snprintf(config, sizeof(config), "%" PRId64, n->config_id);
	snprintf(group, sizeof(group), "report-%s", config);
	add(&a, "TopicArn", n->recipient);
	add(&a, "Subject", subject);
	add(&a, "Message", message);
	add_attribute(&a, "report_name", "String", n->report_name);
	add_attribute(
	    &a, "status", "String", n->failed ? "FAILED" : "COMPLETED");
	add_attribute(&a, "config_id", "Number", config);
	if (is_fifo(n->recipient)) {
		add(&a, "MessageGroupId", group);
		add(&a, "MessageDeduplicationId", n->key);
	}
	reply =
	    aws_query(sns, SNS_VERSION, "Publish", a.list, a.count, code, e);
	free(message);
	if (reply == NULL && (strcmp(code, "AuthorizationError") == 0 ||
				 strcmp(code, "AccessDenied") == 0))
		err_wrap(
		    e, "the credentials lack sns:Publish on %s", n->recipient);
	free(reply);
	return reply != NULL ? 0 : -1;
}
