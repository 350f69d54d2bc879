/* SPDX-License-Identifier: MIT */
#include "notice/mail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "net/mail/mime_header.h"
#include "net/mail/smtp.h"
#include "notice/mail_report.h"
#include "notice/mail_text.h"
#include "notice/mail_url.h"
#include "notice/words.h"

/* Bytes of a subject; a longer one is cut. */
#define SUBJECT_MAX 2000
/* Bytes of a text that the report defines; a longer one is cut. */
#define BODY_MAX ((size_t)1 << 20)

/* A mail that is being made. */
struct mail {
	struct services *services;
	const struct settings *settings;
	const struct notice *notice;
	struct mime_address from, reply_to, recipient;
	struct mail_url url;
	struct buf subject;
	struct mail_text text;
	struct mail_reports reports;
	struct mime_attachment *attachments;
	int attachment_count;
	int64_t attached; /* bytes of the attachments, encoded */
	char *shown;      /* the report shown in the mail; NULL: none */
	char *html;
	char *message_id;
};

/* ---- addresses ---- */

static int check_allowed(const struct mail *m, struct err *e)
{
	const char *domain = mime_address_domain(&m->recipient);

	if (settings_allows(m->settings->smtp_domains, domain))
		return 0;
	return err_set(e, ERR_PERMANENT,
	    "mail to %s is not allowed: [smtp] domains is %s",
	    m->recipient.mailbox,
	    m->settings->smtp_domains ? m->settings->smtp_domains : "not set");
}

static int read_addresses(struct mail *m, struct err *e)
{
	const struct settings *s = m->settings;

	if (s->smtp_from == NULL)
		return err_set(e, ERR_PERMANENT,
		    "[smtp] from is not set: write the sender there, such as "
		    "from = Reports <reports@example.com>");
	if (mime_address_parse(s->smtp_from, &m->from, e) != 0)
		return err_wrap(e, "[smtp] from");
	if (s->smtp_reply_to != NULL &&
	    mime_address_parse(s->smtp_reply_to, &m->reply_to, e) != 0)
		return err_wrap(e, "[smtp] reply_to");
	if (mime_address_parse(m->notice->recipient, &m->recipient, e) != 0 ||
	    mail_url_parse(m->notice->url, &m->url, e) != 0)
		return -1;
	return check_allowed(m, e);
}

/* ---- reports ---- */

static void say_size(char to[static 80], const struct mail_report *r)
{
	char bytes[32], rows[32];

	mail_text_bytes(bytes, r->bytes);
	notice_count(rows, r->rows);
	if (r->rows >= 0)
		snprintf(to, 80, "%s, %s row%s", bytes, rows,
		    r->rows == 1 ? "" : "s");
	else
		str_copy(to, 80, bytes);
}

static void say_link(
    struct mail *m, const struct mail_report *r, const char *url, int64_t ends)
{
	char size[80], iso[32], *text, *place;
	time_t t = (time_t)ends;
	struct buf until;
	struct tm tm;

	say_size(size, r);
	if (url == NULL) {
		char host[256] = "";

		gethostname(host, sizeof(host) - 1);
		place = notice_show(r->place);
		mail_text_say(&m->text, "%s (%s) is the file %s on %s.",
		    r->shown, size, place, host);
		free(place);
		return;
	}
	gmtime_r(&t, &tm);
	strftime(iso, sizeof(iso), "%Y-%m-%dT%H:%M", &tm);
	buf_init(&until, 128);
	notice_date(iso, &until);
	text = mem_printf("%s (%s). The link works until %s (UTC); whoever has "
			  "it can read the report.",
	    r->shown, size, until.data);
	mail_text_link(&m->text, text, url);
	buf_free(&until);
	free(text);
}

static int add_link(struct mail *m, struct mail_report *r, struct err *e)
{
	int64_t ends = 0;
	char *url;

	if (mail_report_link(r, &url, &ends, e) != 0)
		return -1;
	say_link(m, r, url, ends);
	free(url);
	return 0;
}

static bool fits(const struct mail *m, const struct mail_report *r)
{
	return m->attached + mime_encoded(r->bytes) <=
	       m->settings->smtp_attach_max;
}

static int add_attachment(struct mail *m, struct mail_report *r, struct err *e)
{
	if (!fits(m, r)) {
		char limit[32];

		mail_text_bytes(limit, m->settings->smtp_attach_max);
		mail_text_say(&m->text,
		    "%s is not attached: with it, the attachments would be "
		    "larger than %s once they are encoded.",
		    r->shown, limit);
		return add_link(m, r, e);
	}
	if (mail_report_begin(r, e) != 0)
		return -1;
	m->attached += mime_encoded(r->bytes);
	m->attachments[m->attachment_count++] =
	    (struct mime_attachment){.name = r->name,
		.type = r->type,
		.size = r->bytes,
		.read = mail_report_read,
		.arg = r};
	return 0;
}

/* Names a single attachment in a sentence, several in a list. */
static void say_attachments(struct mail *m)
{
	struct buf list;

	buf_init(&list, BODY_MAX);
	for (int i = 0; i < m->attachment_count; i++) {
		const struct mail_report *r = m->attachments[i].arg;
		char size[80];

		say_size(size, r);
		buf_printf(&list, "%s%s (%s)", i ? "\n" : "", r->shown, size);
	}
	if (m->attachment_count == 1)
		mail_text_say(&m->text, "%s is attached.", list.data);
	else if (m->attachment_count > 1)
		mail_text_say(&m->text, "%d files are attached:\n%s",
		    m->attachment_count, list.data);
	buf_free(&list);
}

static bool is_html(const struct mail_report *r)
{
	return strncmp(r->type, "text/html", 9) == 0;
}

static bool any_html(const struct mail_reports *all)
{
	for (int i = 0; i < all->count; i++) {
		if (is_html(&all->list[i]))
			return true;
	}
	return false;
}

/* Puts a report into the mail's body, or attaches it. The mail gives the reason
 * for attaching only where readers would expect to see the report: a file that
 * comes with an HTML report needs no reason. */
static int add_shown(struct mail *m, struct mail_report *r, struct err *e)
{
	if (!is_html(r)) {
		if (!any_html(&m->reports))
			mail_text_say(&m->text,
			    "%s cannot be shown in a mail, only HTML can.",
			    r->shown);
		return add_attachment(m, r, e);
	}
	if (r->rows > m->settings->smtp_inline_rows || !fits(m, r)) {
		char rows[32];

		notice_count(rows, m->settings->smtp_inline_rows);
		mail_text_say(&m->text,
		    "%s is too large to be shown in a mail (%s rows at most).",
		    r->shown, rows);
		return add_attachment(m, r, e);
	}
	if (m->shown != NULL)
		return add_attachment(m, r, e);
	m->shown = mail_report_shown(r, e);
	if (m->shown == NULL)
		return -1;
	m->attached += mime_encoded(r->bytes);
	mail_text_plain(
	    &m->text, "The report itself is in the HTML part of this mail.");
	return 0;
}

static int add_reports(struct mail *m, struct err *e)
{
	struct mail_reports *all = &m->reports;
	int rc = 0;

	if (m->notice->failed || m->url.report == MAIL_NONE)
		return 0;
	if (mail_reports_open(m->services, m->notice, all, e) != 0)
		return -1;
	m->attachments =
	    mem_zalloc((size_t)(all->count + 1) * sizeof(*m->attachments));
	for (int i = 0; i < all->count && rc == 0; i++) {
		struct mail_report *r = &all->list[i];

		rc = m->url.report == MAIL_LINK     ? add_link(m, r, e)
		     : m->url.report == MAIL_INLINE ? add_shown(m, r, e)
						    : add_attachment(m, r, e);
	}
	say_attachments(m);
	return rc;
}

/* ---- texts ---- */

/* The report's own template may hold what nobody sees as well as a value. */
static int add_own_subject(struct mail *m, struct err *e)
{
	struct buf text;
	char *shown;
	int rc;

	buf_init(&text, BODY_MAX);
	rc = mail_text_expand(m->notice, "subject", m->url.subject, &text, e);
	if (rc == 0)
		rc = mime_header_check("the subject", text.data, e);
	shown = notice_show(text.data);
	buf_str(&m->subject, shown);
	free(shown);
	buf_free(&text);
	return rc;
}

static int add_subject(struct mail *m, struct err *e)
{
	int rc = 0;

	if (m->url.subject != NULL)
		rc = add_own_subject(m, e);
	else
		notice_subject(m->notice, &m->subject);
	str_shorten_utf8(m->subject.data, SUBJECT_MAX);
	return rc;
}

/* Adds the body that the report defines. The remark of the run is always shown,
 * even when the template leaves it out. */
static int add_own_body(struct mail *m, struct err *e)
{
	struct buf body;
	int rc;

	buf_init(&body, BODY_MAX);
	rc = mail_text_expand(m->notice, "body", m->url.body, &body, e);
	if (body.overflow)
		str_cut_utf8(body.data, BODY_MAX - 4);
	if (rc == 0) {
		mail_text_say(
		    &m->text, "%s%s", body.data, body.overflow ? " …" : "");
		if (*m->notice->remark != '\0' &&
		    strstr(m->url.body, "{remark}") == NULL)
			mail_text_say(
			    &m->text, "Note: %s", m->notice->shown_remark);
	}
	buf_free(&body);
	return rc;
}

static int write_texts(struct mail *m, struct err *e)
{
	if (add_subject(m, e) != 0 ||
	    (m->url.body != NULL && add_own_body(m, e) != 0))
		return -1;
	if (m->url.body == NULL)
		mail_text_open(&m->text, m->notice);
	if (add_reports(m, e) != 0)
		return -1;
	if (m->url.body == NULL)
		mail_text_close(
		    &m->text, m->notice, m->url.report != MAIL_LINK);
	if (m->text.plain.overflow || m->text.html.overflow)
		return err_set(e, ERR_PERMANENT,
		    "the mail's text is too long; 16 MiB is the most");
	m->html = mail_text_document(&m->text, m->shown);
	m->message_id = mem_printf("reportd.%" PRId64 ".%s@%s",
	    m->notice->run_id, m->notice->key, mime_address_domain(&m->from));
	return 0;
}

/* ---- sending ---- */

static ssize_t read_mail(void *arg, char *to, size_t size, struct err *e)
{
	return mime_read(arg, to, size, e);
}

static int send(struct mail *m, struct smtp *smtp, struct err *e)
{
	struct mime_mail mail = {.from = &m->from,
	    .reply_to = m->reply_to.mailbox ? &m->reply_to : NULL,
	    .to = m->url.to,
	    .to_count = m->url.to_count,
	    .cc = m->url.cc,
	    .cc_count = m->url.cc_count,
	    .subject = m->subject.data,
	    .message_id = m->message_id,
	    .date = time(NULL),
	    .plain = m->text.plain.data,
	    .html = m->html,
	    .attachments = m->attachments,
	    .attachment_count = m->attachment_count};
	struct mime *mime = mime_open(&mail, e);
	int rc;

	if (mime == NULL)
		return -1;
	rc = smtp_send(smtp,
	    &(struct smtp_mail){.from = m->from.mailbox,
		.to = m->recipient.mailbox,
		.message_id = m->message_id,
		.size = mime_size(mime),
		.read = read_mail,
		.arg = mime},
	    e);
	mime_free(mime);
	return rc;
}

static void mail_free(struct mail *m)
{
	mime_address_free(&m->from);
	mime_address_free(&m->reply_to);
	mime_address_free(&m->recipient);
	mail_url_free(&m->url);
	buf_free(&m->subject);
	mail_text_free(&m->text);
	mail_reports_free(&m->reports);
	free(m->attachments);
	free(m->shown);
	free(m->html);
	free(m->message_id);
}

int notice_mail(struct services *s, const struct notice *n,
    struct notice_answer *answer, struct err *e)
{
	struct mail m = {
	    .services = s, .settings = services_settings(s), .notice = n};
	struct smtp *smtp = services_smtp(s, e);
	int rc = -1;

	(void)answer; /* a mail server does not say when to try again */
	if (smtp == NULL)
		return -1;
	buf_init(&m.subject, BODY_MAX);
	mail_text_init(&m.text);
	if (read_addresses(&m, e) == 0 && write_texts(&m, e) == 0)
		rc = send(&m, smtp, e);
	mail_free(&m);
	return rc;
}
