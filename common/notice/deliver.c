/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "notice/mail.h"
#include "notice/notice.h"
#include "notice/slack.h"
#include "notice/sns.h"
#include "notice/webhook.h"

/* The kinds of notices. `repeats`: the receivers recognize a notice that comes
 * twice, so a delivery may be broken off when other notices wait. */
static const struct kind {
	const char *channel;
	int (*deliver)(struct services *services, const struct notice *n,
	    struct notice_answer *answer, struct err *e);
	bool repeats;
} kinds[] = {
    {"mail", notice_mail, false},
    {"slack", notice_slack, false},
    {"sns", notice_sns, false},
    {"webhook", notice_webhook, true},
};

static const struct kind *find(const char *channel)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].channel, channel) == 0)
			return &kinds[i];
	}
	return NULL;
}

bool notice_channel_repeats(const char *channel)
{
	const struct kind *kind = find(channel);

	return kind != NULL && kind->repeats;
}

int notice_deliver(struct services *services, const struct notice *n,
    struct notice_answer *answer, struct err *e)
{
	const struct kind *kind = find(n->channel);

	*answer = (struct notice_answer){.retry_ms = 0};
	if (kind == NULL)
		return err_set(e, ERR_PERMANENT,
		    "there is no notification channel \"%s\"", n->channel);
	return kind->deliver(services, n, answer, e);
}
