/* SPDX-License-Identifier: MIT */
#ifndef NET_MAIL_SMTP_H
#define NET_MAIL_SMTP_H

#include <stdint.h>
#include <sys/types.h>

#include "base/watch.h"
#include "net/aws/secret.h"
#include "net/http/http.h"

/*
 * Mails to one relay over libcurl. The connection stays for the next mail; one
 * that died meanwhile is made anew, unless a byte of the mail has gone over it.
 * TLS is verified always; without TLS no password is sent.
 */
enum smtp_security { SMTP_BY_STARTTLS, SMTP_BY_TLS, SMTP_WITHOUT_TLS };

struct smtp_options { /* strings live as long as the smtp */
	const char *host;
	int64_t port;
	enum smtp_security security;
	const char *helo; /* what it is told that we are; NULL: see smtp_name */
	const char *user, *password; /* NULL: no authentication */
	/*
	 * Or where both are found, anew when they were refused: `fresh` asks for
	 * what is there now, not for what was kept. NULL: nowhere.
	 */
	int (*login)(void *arg, bool fresh, struct secret *to, struct err *e);
	void *arg;
	/* total_ms is that of one mail; a proxy is asked for a tunnel, none is
	 * taken from the environment. */
	struct http_terms terms;
};

struct smtp;

struct smtp *smtp_open(const struct smtp_options *o);
/* Says goodbye and waits for no answer; accepts NULL. */
void smtp_close(struct smtp *s);
void smtp_set_watch(struct smtp *s, const struct watch *watch);
/* What it is told that we are. */
const char *smtp_helo(const struct smtp *s);

struct smtp_mail {
	const char *from, *to;  /* of the envelope: name@domain */
	const char *message_id; /* for messages */
	int64_t size;
	/* The next bytes; 0 at the end, -1 on error: nothing is delivered. Is
	 * called by nobody before the relay has agreed to take the mail. */
	ssize_t (*read)(void *arg, char *to, size_t size, struct err *e);
	void *arg;
};

/*
 * 0: the relay has the mail. -1: it has it not, or it is not known. By the
 * reply's code a refusal is transient (4xx) or permanent (5xx), but what a
 * change of the settings mends is always transient: TLS, the login, "you must
 * authenticate", the name that we tell of us. Once the last byte is out the answer is waited for whatever the
 * watch says (but ERR_LOST), because a mail that is given up then may arrive
 * twice.
 */
int smtp_send(struct smtp *s, const struct smtp_mail *mail, struct err *e);

/* What a failed check is about, so that a mend can be named. */
enum smtp_fault {
	SMTP_NOT_REACHED,
	SMTP_NOT_TRUSTED,
	SMTP_LOGIN_REFUSED,
	SMTP_REFUSED,
	SMTP_NO_SECRET,
	SMTP_NAME_REFUSED, /* that we tell of us */
};

/* Connects, says EHLO, logs in, and asks for nothing. */
int smtp_check(struct smtp *s, enum smtp_fault *fault, struct err *e);

#endif
