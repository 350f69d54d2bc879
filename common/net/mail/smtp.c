/* SPDX-License-Identifier: MIT */
#include "net/mail/smtp.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "net/http/doze.h"
#include "net/mail/smtp_name.h"

#define CONNECT_MS 10000
#define SILENCE_MS 60000
#define REPLY_MAX 400

struct smtp {
	struct smtp_options o;
	char *url, *helo;
	CURLM *multi; /* keeps the connection between mails */
	CURL *easy;
	curl_socket_t kept; /* the kept connection's; CURL_SOCKET_BAD: none */
	const struct watch *watch;
	struct secret secret;
	bool logged_in; /* the secret has been read */
};

/* The state of one mail, or of one check, on a connection. */
struct exchange {
	struct smtp *smtp;
	const struct smtp_mail *mail; /* NULL: a check */
	int64_t given;                /* bytes of the mail given to libcurl */
	/* reading of the mail has begun, has ended */
	bool begun, ended;
	/* its reader or the watch has stopped it */
	bool stopped;
	int code;  /* code of the relay's last reply */
	bool more; /* the reply continues in the next line */
	enum smtp_fault fault;
	char reply[REPLY_MAX];
	char detail[CURL_ERROR_SIZE];
	struct err *error;
};

static char *own_name(void)
{
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	return smtp_name(host);
}

struct smtp *smtp_open(const struct smtp_options *o)
{
	struct smtp *s = mem_zalloc(sizeof(*s));
	bool v6 = strchr(o->host, ':') != NULL;
	char *escaped;

	curl_global_init(CURL_GLOBAL_ALL);
	s->o = *o;
	s->helo = o->helo ? mem_strdup(o->helo) : own_name();
	escaped = curl_easy_escape(NULL, s->helo, 0);
	/* libcurl sends the path of the URL with EHLO. */
	s->url = mem_printf("%s://%s%s%s:%d/%s",
	    o->security == SMTP_BY_TLS ? "smtps" : "smtp", v6 ? "[" : "",
	    o->host, v6 ? "]" : "", (int)o->port, escaped ? escaped : "");
	curl_free(escaped);
	s->multi = curl_multi_init();
	s->easy = curl_easy_init();
	s->kept = CURL_SOCKET_BAD;
	if (s->multi == NULL || s->easy == NULL)
		abort();
	return s;
}

void smtp_close(struct smtp *s)
{
	if (s == NULL)
		return;
	/* libcurl sends QUIT and would wait for the answer, for minutes when
	 * the relay hangs. With its socket shut for reading, it does not
	 * wait. */
	if (s->kept != CURL_SOCKET_BAD)
		shutdown(s->kept, SHUT_RD);
	curl_easy_cleanup(s->easy);
	curl_multi_cleanup(s->multi);
	curl_global_cleanup();
	secret_free(&s->secret);
	free(s->url);
	free(s->helo);
	free(s);
}

const char *smtp_helo(const struct smtp *s)
{
	return s->helo;
}

void smtp_set_watch(struct smtp *s, const struct watch *watch)
{
	s->watch = watch;
}

/* ---- callbacks from libcurl ---- */

/* Receives one line from the relay, which is not NUL-terminated. */
static size_t on_reply(char *line, size_t size, size_t count, void *arg)
{
	struct exchange *x = arg;
	size_t n = size * count, used;
	char text[REPLY_MAX];

	snprintf(text, sizeof(text), "%.*s", (int)n, line);
	text[strcspn(text, "\r\n")] = '\0';
	/* A challenge of the login must not be shown; the goodbye after a
	 * refusal must not replace the refusal. */
	if (strspn(text, "0123456789") != 3 || strncmp(text, "334", 3) == 0 ||
	    strncmp(text, "221", 3) == 0)
		return n;
	if (!x->more)
		x->reply[0] = '\0';
	used = strlen(x->reply);
	x->code = atoi(text);
	x->more = text[3] == '-';
	snprintf(x->reply + used, sizeof(x->reply) - used, "%s%s",
	    used > 0 ? " " : "", text + (used > 0 && text[3] ? 4 : 0));
	return n;
}

static size_t on_read(char *to, size_t size, size_t count, void *arg)
{
	struct exchange *x = arg;
	ssize_t n;

	x->begun = true;
	if (x->stopped)
		return CURL_READFUNC_ABORT;
	n = x->mail->read(x->mail->arg, to, size * count, x->error);
	if (n < 0) {
		x->stopped = true;
		return CURL_READFUNC_ABORT;
	}
	x->given += n;
	x->ended = n == 0 || x->given == x->mail->size;
	return (size_t)n;
}

/* Looks at the watch. After the last byte, the exchange waits for the answer
 * whatever the watch says, except when the lease is lost: then nobody could use
 * the answer. */
static void look_up(struct exchange *x)
{
	const struct watch *watch = x->smtp->watch;
	struct err e;

	if (x->stopped || watch == NULL || watch_check(watch, &e) == 0 ||
	    (x->ended && e.kind != ERR_LOST))
		return;
	x->stopped = true;
	*x->error = e;
}

/*
 * Stops a mail that has begun. There is no other way: when its handle is
 * removed from the multi handle, libcurl ends the mail with a dot, and the
 * relay delivers a part of it. libcurl also waits for some answers (to the last
 * dot, to QUIT) by itself and calls this function once a second, so the watch
 * must be asked here.
 */
static int on_progress(
    void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct exchange *x = arg;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	look_up(x);
	return x->stopped;
}

/* ---- one exchange ---- */

static long seconds(int64_t ms)
{
	return (long)((ms + 999) / 1000);
}

static void set_limits(CURL *easy, const struct http_terms *t)
{
	int64_t silence = t->silence_ms ? t->silence_ms : SILENCE_MS;

	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(t->connect_ms ? t->connect_ms : CONNECT_MS));
	curl_easy_setopt(
	    easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, seconds(silence));
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, seconds(silence));
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)t->total_ms);
}

static void set_security(CURL *easy, const struct smtp_options *o)
{
	curl_easy_setopt(easy, CURLOPT_USE_SSL,
	    o->security == SMTP_WITHOUT_TLS ? (long)CURLUSESSL_NONE
					    : (long)CURLUSESSL_ALL);
	curl_easy_setopt(
	    easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (o->terms.ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, o->terms.ca_file);
	curl_easy_setopt(
	    easy, CURLOPT_PROXY, o->terms.proxy ? o->terms.proxy : "");
	curl_easy_setopt(
	    easy, CURLOPT_NOPROXY, o->terms.no_proxy ? o->terms.no_proxy : "");
	curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static void set_login(struct smtp *s)
{
	const char *user = s->logged_in ? s->secret.username : s->o.user;
	const char *password =
	    s->logged_in ? s->secret.password : s->o.password;

	if (user == NULL)
		return;
	curl_easy_setopt(s->easy, CURLOPT_USERNAME, user);
	curl_easy_setopt(s->easy, CURLOPT_PASSWORD, password ? password : "");
}

static void set_mail(
    CURL *easy, const struct smtp_mail *mail, struct curl_slist *to)
{
	if (mail == NULL) {
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "NOOP");
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_MAIL_FROM, mail->from);
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, to);
	curl_easy_setopt(
	    easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail->size);
}

static void configure(struct exchange *x, struct curl_slist *to, bool fresh)
{
	struct smtp *s = x->smtp;
	CURL *easy = s->easy;

	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_URL, s->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->detail);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)fresh);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_reply);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, x);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, x);
	set_limits(easy, &s->o.terms);
	set_security(easy, &s->o);
	set_login(s);
	set_mail(easy, x->mail, to);
}

static bool is_over(CURLM *multi, CURLcode *result)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left)) != NULL) {
		if (m->msg == CURLMSG_DONE) {
			*result = m->data.result;
			return true;
		}
	}
	return false;
}

static CURLcode run(struct exchange *x)
{
	struct smtp *s = x->smtp;
	CURLcode result;
	int running;

	curl_multi_add_handle(s->multi, s->easy);
	for (;;) {
		look_up(x);
		curl_multi_perform(s->multi, &running);
		if (is_over(s->multi, &result))
			break;
		doze(s->multi, s->watch, DOZE_MS);
	}
	/* The socket is known only while the handle is in the multi. */
	curl_easy_getinfo(s->easy, CURLINFO_ACTIVESOCKET, &s->kept);
	curl_multi_remove_handle(s->multi, s->easy);
	return result;
}

/* ---- the result ---- */

/* Says whether the reply is about the sender's login, not about the mail. */
static bool is_about_login(int code)
{
	return code == 530 || code == 534 || code == 535 || code == 538;
}

static bool is_about_tls(CURLcode result)
{
	return result == CURLE_PEER_FAILED_VERIFICATION ||
	       result == CURLE_SSL_CACERT_BADFILE ||
	       result == CURLE_SSL_CONNECT_ERROR ||
	       result == CURLE_USE_SSL_FAILED;
}

/* Says whether the relay refused this host's name, after EHLO or, in some
 * relays, after the first recipient: with 504, which RFC 5321 defines for
 * parameters only. */
static bool is_about_name(const struct exchange *x, CURLcode result)
{
	return x->code >= 500 &&
	       (result == CURLE_REMOTE_ACCESS_DENIED || x->code == 504);
}

static const char *why(const struct exchange *x, CURLcode result)
{
	return x->detail[0] ? x->detail : curl_easy_strerror(result);
}

static int explain(struct exchange *x, CURLcode result, struct err *e)
{
	const struct smtp_options *o = &x->smtp->o;
	bool refused = x->code >= 400;

	str_clean_utf8(x->reply);
	x->fault = refused ? SMTP_REFUSED : SMTP_NOT_REACHED;
	if (is_about_login(x->code) || result == CURLE_LOGIN_DENIED) {
		x->fault = SMTP_LOGIN_REFUSED;
		err_set(e, ERR_TRANSIENT, "it refused the login of %s: %s",
		    o->login          ? "the secret"
		    : o->user != NULL ? o->user
				      : "nobody ([smtp] user is not set)",
		    refused ? x->reply : why(x, result));
	} else if (is_about_tls(result)) {
		x->fault = SMTP_NOT_TRUSTED;
		err_set(e, ERR_TRANSIENT,
		    "no trusted TLS connection: %s (look at [smtp] tls and "
		    "ca_file)",
		    why(x, result));
	} else if (is_about_name(x, result)) {
		x->fault = SMTP_NAME_REFUSED;
		err_set(e, ERR_TRANSIENT,
		    "it does not take the name %s that this host says of "
		    "itself: %s (set [smtp] helo to a name that it takes)",
		    x->smtp->helo, x->reply);
	} else if (refused) {
		err_set(e, x->code >= 500 ? ERR_PERMANENT : ERR_TRANSIENT,
		    "it answered: %s%s", x->reply,
		    x->code == 552 ? " (lower [smtp] attach_max when the mail "
				     "is too large for it)"
				   : "");
	} else if (x->ended) {
		err_set(e, ERR_TRANSIENT,
		    "the whole mail was sent, but no answer came: it may "
		    "arrive twice when it is sent again, with the same "
		    "Message-ID <%s>: %s",
		    x->mail->message_id, why(x, result));
	} else {
		err_set(e, ERR_TRANSIENT, "%s", why(x, result));
	}
	return err_wrap(e, "mail server %s:%d", o->host, (int)o->port);
}

/* Says whether a kept connection had died, or was closed by the relay, before
 * any part of the mail went out: a new connection can then send the mail. */
static bool was_stale(const struct exchange *x)
{
	long made = 1;

	curl_easy_getinfo(x->smtp->easy, CURLINFO_NUM_CONNECTS, &made);
	return made == 0 && !x->begun && !x->stopped &&
	       (x->code < 400 || x->code == 421);
}

static void begin_again(struct exchange *x)
{
	*x = (struct exchange){
	    .smtp = x->smtp, .mail = x->mail, .error = x->error};
}

/* Returns 0, -1, or 1 when the login was refused. */
static int attempt(struct exchange *x, struct err *e)
{
	struct curl_slist *to =
	    x->mail ? curl_slist_append(NULL, x->mail->to) : NULL;
	CURLcode result;

	configure(x, to, false);
	result = run(x);
	if (result != CURLE_OK && was_stale(x)) {
		begin_again(x);
		configure(x, to, true);
		result = run(x);
	}
	curl_slist_free_all(to);
	if (result == CURLE_OK)
		return 0;
	if (x->stopped)
		return -1;
	explain(x, result, e);
	return x->code == 535 ? 1 : -1;
}

static int read_login(struct smtp *s, bool fresh, struct err *e)
{
	struct secret secret = {0};

	if (s->o.login == NULL || (s->logged_in && !fresh))
		return 0;
	if (s->o.login(s->o.arg, fresh, &secret, e) != 0) {
		/* permanent for the secret, not for the mail */
		if (e->kind == ERR_PERMANENT)
			e->kind = ERR_TRANSIENT;
		return err_wrap(e, "[smtp] secret_arn");
	}
	secret_free(&s->secret);
	s->secret = secret;
	s->logged_in = true;
	return 0;
}

static int check_options(const struct smtp_options *o, struct err *e)
{
	if (o->security != SMTP_WITHOUT_TLS ||
	    (o->user == NULL && o->login == NULL))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "[smtp] tls = none, but a password is not sent in the clear: set "
	    "tls = starttls or implicit, or unset user and secret_arn");
}

static int exchange(struct exchange *x, struct err *e)
{
	struct smtp *s = x->smtp;
	int rc;

	x->fault = SMTP_NO_SECRET;
	if (check_options(&s->o, e) != 0 || read_login(s, false, e) != 0)
		return -1;
	rc = attempt(x, e);
	/* the password may have been rotated */
	if (rc == 1 && s->o.login != NULL) {
		begin_again(x);
		x->fault = SMTP_NO_SECRET;
		if (read_login(s, true, e) != 0)
			return -1;
		rc = attempt(x, e);
	}
	return rc == 0 ? 0 : -1;
}

int smtp_send(struct smtp *s, const struct smtp_mail *mail, struct err *e)
{
	struct exchange x = {.smtp = s, .mail = mail, .error = e};

	return exchange(&x, e);
}

int smtp_check(struct smtp *s, enum smtp_fault *fault, struct err *e)
{
	struct exchange x = {.smtp = s, .error = e};
	int rc = exchange(&x, e);

	*fault = x.fault;
	return rc;
}
