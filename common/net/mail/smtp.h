/* SPDX-License-Identifier: MIT */
#ifndef NET_MAIL_SMTP_H
#define NET_MAIL_SMTP_H

#include <stdint.h>
#include <sys/types.h>

#include "base/watch.h"
#include "net/aws/secret.h"
#include "net/http/http.h"

/*
 * Sends mails to one relay over libcurl. The connection is kept for the next
 * mail; when it has died meanwhile, a new one is made, unless a byte of the
 * mail has already been sent. TLS certificates are always verified; without TLS
 * no password is sent.
 */
enum smtp_security { SMTP_BY_STARTTLS, SMTP_BY_TLS, SMTP_WITHOUT_TLS };

struct smtp_options { /* strings must outlive the struct smtp */
	const char *host;
	int64_t port;
	enum smtp_security security;
	const char *helo; /* this host's name in EHLO; NULL: see smtp_name */
	const char *user, *password; /* NULL: no authentication */
	/*
	 * Optional: reads user and password; called again when they were
	 * refused: `fresh` asks for the current values, not for kept ones.
	 * NULL: user and password above are used.
	 */
	int (*login)(void *arg, bool fresh, struct secret *to, struct err *e);
	void *arg;
	/* total_ms is the limit for one mail. A proxy is asked for a tunnel;
	 * the environment's proxy is not used. */
	struct http_terms terms;
};

struct smtp;

struct smtp *smtp_open(const struct smtp_options *o);
/* Sends QUIT without waiting for the answer; accepts NULL. */
void smtp_close(struct smtp *s);
void smtp_set_watch(struct smtp *s, const struct watch *watch);
/* Returns this host's name in EHLO. */
const char *smtp_helo(const struct smtp *s);

struct smtp_mail {
	const char *from, *to;  /* addresses of the envelope: name@domain */
	const char *message_id; /* for error messages */
	int64_t size;
	/* Gives the next bytes; 0 at the end; -1 on error, and then nothing is
	 * delivered. Called only after the relay has agreed to take the
	 * mail. */
	ssize_t (*read)(void *arg, char *to, size_t size, struct err *e);
	void *arg;
};

/*
 * Sends a mail. Returns 0 when the relay has taken the mail; -1 when it has
 * not, or when that is unknown. The code of the reply makes a refusal transient
 * (4xx) or permanent (5xx). Failures that new settings can mend are always
 * transient: TLS, the login, "you must authenticate", this host's name. After
 * the last byte, the call waits for the answer whatever the watch says (except
 * ERR_LOST), because a mail that is abandoned then may arrive twice.
 */
int smtp_send(struct smtp *s, const struct smtp_mail *mail, struct err *e);

/* The cause of a failed check, so that the mend can be named. */
enum smtp_fault {
	SMTP_NOT_REACHED,
	SMTP_NOT_TRUSTED,
	SMTP_LOGIN_REFUSED,
	SMTP_REFUSED,
	SMTP_NO_SECRET,
	SMTP_NAME_REFUSED, /* this host's name in EHLO */
};

/* Connects, sends EHLO and logs in, without sending a mail. */
int smtp_check(struct smtp *s, enum smtp_fault *fault, struct err *e);

#endif
