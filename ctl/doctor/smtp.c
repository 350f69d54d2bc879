/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "ctl/doctor/doctor.h"
#include "ctl/lib/interrupt.h"
#include "net/mail/mime.h"
#include "services/services.h"

static const char *const mends[] = {
    [SMTP_NOT_REACHED] =
	"look at [smtp] host and port, and at what stands between (a "
	"firewall, [http] proxy and no_proxy)",
    [SMTP_NOT_TRUSTED] =
	"set [smtp] ca_file to the certificate (PEM) that has signed the "
	"server's, host to the name in it, and tls as the port wants it: "
	"starttls on 587, implicit on 465",
    [SMTP_LOGIN_REFUSED] = "look at [smtp] user and password, or at the "
			   "username and password in the secret",
    [SMTP_REFUSED] = "ask who runs the mail server whether this host and "
		     "user may send through it",
    [SMTP_NAME_REFUSED] = "set [smtp] helo to a name of this host that the "
			  "mail server takes, such "
			  "as reports.example.com",
    [SMTP_NO_SECRET] =
	"the secret of [smtp] secret_arn holds username and password; to "
	"read it allow secretsmanager:GetSecretValue on it, and kms:Decrypt "
	"on its key",
};

static void check(struct doctor *d, struct services *services)
{
	const struct settings *set = d->c->settings;
	int64_t started = clock_boot_ms();
	enum smtp_fault fault;
	struct err e;
	struct smtp *smtp = services_smtp(services, &e);

	if (smtp_check(smtp, &fault, &e) != 0)
		doctor_say(
		    d, DOCTOR_FAILED, "smtp", mends[fault], "%s", e.text);
	else
		doctor_say(d, DOCTOR_OK, "smtp", NULL,
		    "%s:%d, as %s, %s, %s in %lld ms", set->smtp_host,
		    (int)set->smtp_port, smtp_helo(smtp),
		    set->smtp_tls == SMTP_PLAIN ? "without TLS" : "over TLS",
		    set->smtp_user != NULL || set->smtp_secret_arn != NULL
			? "logged in"
			: "reached without a login",
		    (long long)(clock_boot_ms() - started));
}

static void check_address(struct doctor *d, const char *what, const char *text)
{
	struct mime_address address;
	struct err e;

	if (text == NULL)
		return;
	if (mime_address_parse(text, &address, &e) != 0) {
		doctor_say(d, DOCTOR_FAILED, what,
		    "write it as Reports <reports@example.com>", "%s", e.text);
		return;
	}
	mime_address_free(&address);
}

void doctor_smtp(struct doctor *d)
{
	const struct settings *set = d->c->settings;
	struct services *services;

	if (set->smtp_host == NULL)
		return;
	check_address(d, "smtp from", set->smtp_from);
	check_address(d, "smtp reply_to", set->smtp_reply_to);
	services = services_open(set);
	services_set_watch(services, &interrupt_watch);
	check(d, services);
	services_close(services);
	if (set->smtp_domains == NULL)
		doctor_say(d, DOCTOR_WARN, "smtp domains",
		    "write domains = example.com in [smtp], or * for all",
		    "not set: no mail goes anywhere");
}
