/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "place/https/https.h"
#include "place/https/web.h"
#include "settings/urls.h"

struct probe {
	const struct place_lent *lent;
	place_say *say;
	void *arg;
};

/* The beginning of URLs need not be a file, so each answer shows that its server
 * is there; but one that refuses it may refuse what lies below as well. */
static void tell(
    const struct probe *p, const char *what, int status, int64_t took_ms)
{
	bool refused = status == 401 || status == 403;
	char text[96];

	snprintf(text, sizeof(text), "answers in %lld ms with HTTP %d",
	    (long long)took_ms, status);
	if (status >= 500)
		p->say(p->arg, PLACE_WARN, what, "ask those who run the server",
		    text);
	else
		p->say(p->arg, refused ? PLACE_WARN : PLACE_OK, what,
		    refused ? "if files below it need a login, add it to "
			      "headers in [inputs]"
			    : NULL,
		    text);
}

static void try_url(void *arg, const char *url)
{
	const struct probe *p = arg;
	char *what = mem_printf("inputs %s", url);
	int64_t started = clock_boot_ms();
	struct http_reply reply;
	struct err e;

	if (web_send(p->lent,
		&(struct web_request){.method = "HEAD", .url = url, .tries = 1},
		&reply, &e) == 0)
		tell(p, what, reply.status, clock_boot_ms() - started);
	else
		p->say(p->arg, PLACE_FAILED, what,
		    "correct it, or take it out of urls in [inputs]", e.text);
	http_reply_free(&reply);
	free(what);
}

void https_probe(const struct place_lent *lent, place_say *say, void *arg)
{
	struct probe p = {lent, say, arg};

	urls_each(services_settings(lent->services)->inputs_urls, try_url, &p);
}
