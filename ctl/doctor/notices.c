/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ctl/doctor/doctor.h"
#include "ctl/lib/interrupt.h"
#include "net/aws/aws.h"
#include "net/http/guard.h"
#include "services/services.h"

#define SNS_VERSION "2010-03-31"

static bool is_denied(const char *code)
{
	return strcmp(code, "AuthorizationError") == 0 ||
	       strcmp(code, "AccessDenied") == 0;
}

static void check_topic(
    struct doctor *d, struct services *services, const char *arn)
{
	struct sigv4_pair argument = {"TopicArn", arn};
	char *copy = mem_strdup(arn), *rest = copy, *region = NULL, *name;
	char code[64] = "", *reply = NULL, *mend = NULL;
	struct aws *sns;
	struct err e;

	for (int i = 0; i < 4; i++)
		region = strsep(&rest, ":");
	name = mem_printf("sns@%s", region ? region : "");
	sns = services_aws(services, name, &e);
	if (sns != NULL)
		reply = aws_query(sns, SNS_VERSION, "GetTopicAttributes",
		    &argument, 1, code, &e);
	if (is_denied(code))
		mend = mem_printf("allow the daemon's role "
				  "sns:GetTopicAttributes and sns:Publish on "
				  "%s",
		    arn);
	else if (strcmp(code, "NotFound") == 0)
		mend = mem_strdup("correct [sns] topics, or make the topic");
	if (reply != NULL)
		doctor_say(d, DOCTOR_OK, "sns topic", NULL, "%s is there", arn);
	else
		doctor_say(d, DOCTOR_FAILED, "sns topic", mend, "%s", e.text);
	free(reply);
	free(mend);
	free(name);
	free(copy);
}

/* Checks each topic that is named in full; a pattern cannot be looked up. */
static void check_topics(struct doctor *d, struct services *services)
{
	char *copy = mem_strdup(d->c->settings->sns_topics), *rest = copy;
	const char *one;

	while (rest != NULL && (one = strsep(&rest, ", \t")) != NULL &&
	       interrupt_signal() == 0) {
		if (*one != '\0' && strpbrk(one, "*?[") == NULL)
			check_topic(d, services, one);
	}
	free(copy);
}

/* Checks that each host that is named in full has a secret of sufficient
 * length. */
static void check_secrets(struct doctor *d)
{
	const struct settings *s = d->c->settings;
	char *copy = mem_strdup(s->webhook_hosts), *rest = copy;
	const char *one;

	while (rest != NULL && (one = strsep(&rest, ", \t")) != NULL) {
		bool name = *one != '\0' && strpbrk(one, "*?[") == NULL;
		char *secret = name ? settings_webhook_secret(s, one) : NULL;

		if (name && secret == NULL)
			doctor_say(d, DOCTOR_WARN, "webhook secrets",
			    "add HOST=SECRET to secrets in [webhook], and "
			    "check the signature there",
			    "webhooks to %s are not signed", one);
		else if (secret != NULL && strlen(secret) < 16)
			doctor_say(d, DOCTOR_WARN, "webhook secrets",
			    "use 32 random bytes: openssl rand -hex 32",
			    "the secret of %s is shorter than 16 bytes", one);
		free(secret);
	}
	free(copy);
}

static void check_webhooks(struct doctor *d)
{
	const struct settings *s = d->c->settings;
	struct err e;

	if (s->webhook_allow != NULL &&
	    guard_check_list(s->webhook_allow, &e) != 0)
		doctor_say(d, DOCTOR_FAILED, "webhook allow",
		    "write networks such as 127.0.0.1/32, separated by commas",
		    "%s", e.text);
	else if (s->webhook_allow != NULL)
		doctor_say(d, DOCTOR_WARN, "webhook allow", NULL,
		    "everybody who may write reports can send requests to %s",
		    s->webhook_allow);
	check_secrets(d);
}

void doctor_notices(struct doctor *d)
{
	struct services *services = services_open(d->c->settings);

	services_set_watch(services, &interrupt_watch);
	check_topics(d, services);
	check_webhooks(d);
	services_close(services);
}
