/* SPDX-License-Identifier: MIT */
#include "net/mail/mime.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/mail/mime_header.h"

/* The limit in bytes for a mail without its attachments; a report that is shown
 * in the mail is the largest part of it. */
#define TEXT_MAX ((size_t)256 << 20)
/* A line of base64 has 76 characters, which stand for 57 bytes. */
#define LINE_BYTES 57
#define LINE_CHARS 76
#define CHUNK_LINES 512
#define QP_LINE_MAX 76

/* Text that goes out as it is, followed by an attachment. */
struct piece {
	struct buf text;
	const struct mime_attachment *attachment; /* NULL: none */
};

struct mime {
	struct mime_attachment *attachments;
	int attachment_count;
	/* one more than attachments; the last has text only */
	struct piece *pieces;
	int at; /* index of the piece being read */
	size_t text_done;
	int64_t attachment_done;
	struct buf encoded; /* encoded bytes of the attachment, not yet read */
	size_t encoded_done;
};

int64_t mime_encoded(int64_t size)
{
	return (size + 2) / 3 * 4 + (size + LINE_BYTES - 1) / LINE_BYTES * 2;
}

/* ---- bodies ---- */

static bool goes_as_it_is(const char *s, size_t column)
{
	if (*s == ' ' || *s == '\t')
		return s[1] != '\n' && s[1] != '\0';
	/* SMTP doubles a dot that opens a line; a mailbox may change "From " to
	 * ">From ". */
	if (column == 0 && (*s == '.' || strncmp(s, "From ", 5) == 0))
		return false;
	return *s > ' ' && *s < 0x7F && *s != '=';
}

/* Encodes by RFC 2045, section 6.7. */
static void add_quoted_printable(struct buf *b, const char *text)
{
	size_t column = 0;

	for (const char *s = text; *s != '\0'; s++) {
		bool plain = goes_as_it_is(s, column);
		size_t width = plain ? 1 : 3;

		if (*s == '\n') {
			buf_str(b, "\r\n");
			column = 0;
			continue;
		}
		if (column + width >= QP_LINE_MAX) {
			buf_str(b, "=\r\n");
			column = 0;
			plain = goes_as_it_is(s, column);
			width = plain ? 1 : 3;
		}
		if (plain)
			buf_char(b, *s);
		else
			buf_printf(b, "=%02X", (unsigned char)*s);
		column += width;
	}
	buf_str(b, "\r\n");
}

static void add_text(
    struct buf *b, const char *boundary, const char *type, const char *text)
{
	buf_printf(b,
	    "--%s\r\n"
	    "Content-Type: text/%s; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
	    boundary, type);
	add_quoted_printable(b, text);
}

static void add_bodies(
    struct buf *b, const struct mime_mail *mail, const char *boundary)
{
	add_text(b, boundary, "plain", mail->plain);
	add_text(b, boundary, "html", mail->html);
	buf_printf(b, "--%s--\r\n", boundary);
}

static void add_attachment(
    struct buf *b, const char *boundary, const struct mime_attachment *a)
{
	buf_printf(b, "\r\n--%s\r\n", boundary);
	mime_header_fallback(b, "Content-Type", a->type, "name", a->name);
	buf_str(b, "Content-Transfer-Encoding: base64\r\n");
	mime_header_parameter(
	    b, "Content-Disposition", "attachment", "filename", a->name);
	buf_str(b, "\r\n");
}

/* ---- composing ---- */

static int check(const struct mime_mail *mail, struct err *e)
{
	if (mime_header_check("the subject", mail->subject, e) != 0)
		return -1;
	for (int i = 0; i < mail->attachment_count; i++) {
		if (mime_header_check("the name of an attached file",
			mail->attachments[i].name, e) != 0)
			return -1;
	}
	/* Names and mailboxes were checked when they were parsed. */
	return mime_header_check("the Message-ID", mail->message_id, e);
}

static void add_headers(struct buf *b, const struct mime_mail *mail)
{
	mime_header_date(b, mail->date);
	mime_header_addresses(b, "From", mail->from, 1);
	if (mail->reply_to != NULL)
		mime_header_addresses(b, "Reply-To", mail->reply_to, 1);
	mime_header_addresses(b, "To", mail->to, mail->to_count);
	if (mail->cc_count > 0)
		mime_header_addresses(b, "Cc", mail->cc, mail->cc_count);
	mime_header_text(b, "Subject", mail->subject);
	buf_printf(b, "Message-ID: <%s>\r\n", mail->message_id);
	/* Auto-Submitted is RFC 3834; Exchange obeys the other header. */
	buf_str(b, "Auto-Submitted: auto-generated\r\n"
		   "X-Auto-Response-Suppress: All\r\n"
		   "MIME-Version: 1.0\r\n");
}

/* Boundaries that no line of an encoded part can begin with: base64 has no `=`
 * at the start of a line, and quoted-printable has two digits after `=`. */
#define OUTER "=_reportd-parts"
#define INNER "=_reportd-bodies"

static void compose(struct mime *m, const struct mime_mail *mail)
{
	struct buf *b = &m->pieces[0].text;
	static const char type[] =
	    "Content-Type: multipart/%s; boundary=\"%s\"\r\n\r\n";

	add_headers(b, mail);
	if (m->attachment_count == 0) {
		buf_printf(b, type, "alternative", INNER);
		add_bodies(b, mail, INNER);
		return;
	}
	buf_printf(b, type, "mixed", OUTER);
	buf_printf(b, "--%s\r\n", OUTER);
	buf_printf(b, type, "alternative", INNER);
	add_bodies(b, mail, INNER);
	for (int i = 0; i < m->attachment_count; i++) {
		m->pieces[i].attachment = &m->attachments[i];
		add_attachment(&m->pieces[i].text, OUTER, &m->attachments[i]);
	}
	buf_printf(
	    &m->pieces[m->attachment_count].text, "\r\n--%s--\r\n", OUTER);
}

struct mime *mime_open(const struct mime_mail *mail, struct err *e)
{
	size_t count = (size_t)mail->attachment_count;
	struct mime *m;

	if (check(mail, e) != 0)
		return NULL;
	m = mem_zalloc(sizeof(*m));
	m->attachment_count = mail->attachment_count;
	m->attachments = mem_zalloc((count + 1) * sizeof(*m->attachments));
	if (count > 0)
		memcpy(m->attachments, mail->attachments,
		    count * sizeof(*m->attachments));
	m->pieces = mem_zalloc((count + 1) * sizeof(*m->pieces));
	for (size_t i = 0; i <= count; i++)
		buf_init(&m->pieces[i].text, TEXT_MAX);
	buf_init(&m->encoded, CHUNK_LINES * (LINE_CHARS + 2) + 1);
	compose(m, mail);
	if (m->pieces[0].text.overflow) {
		err_set(e, ERR_PERMANENT, "the text of the mail is too long");
		mime_free(m);
		return NULL;
	}
	return m;
}

void mime_free(struct mime *m)
{
	if (m == NULL)
		return;
	for (int i = 0; i <= m->attachment_count; i++)
		buf_free(&m->pieces[i].text);
	free(m->pieces);
	free(m->attachments);
	buf_free(&m->encoded);
	free(m);
}

/* ---- reading ---- */

int64_t mime_size(const struct mime *m)
{
	int64_t size = 0;

	for (int i = 0; i <= m->attachment_count; i++) {
		const struct piece *p = &m->pieces[i];

		size += (int64_t)p->text.len;
		if (p->attachment != NULL)
			size += mime_encoded(p->attachment->size);
	}
	return size;
}

static size_t take(const struct buf *from, size_t *done, char *to, size_t size)
{
	size_t n = from->len - *done;

	n = n < size ? n : size;
	memcpy(to, from->data + *done, n);
	*done += n;
	return n;
}

/* Encodes some more lines of the attachment in base64. */
static int encode_lines(
    struct mime *m, const struct mime_attachment *a, struct err *e)
{
	static unsigned char raw[CHUNK_LINES * LINE_BYTES];
	int64_t left = a->size - m->attachment_done;
	size_t n = left < (int64_t)sizeof(raw) ? (size_t)left : sizeof(raw);

	if (a->read(a->arg, (char *)raw, n, e) != 0)
		return -1;
	m->attachment_done += (int64_t)n;
	buf_clear(&m->encoded);
	m->encoded_done = 0;
	for (size_t i = 0; i < n; i += LINE_BYTES) {
		size_t bytes = n - i < LINE_BYTES ? n - i : LINE_BYTES;
		char *line = buf_reserve(&m->encoded, LINE_CHARS + 2);

		m->encoded.len += (size_t)EVP_EncodeBlock(
		    (unsigned char *)line, raw + i, (int)bytes);
		buf_str(&m->encoded, "\r\n");
	}
	return 0;
}

/* Takes one step: returns 1 when there may be more, 0 at the end, -1 on
 * error. */
static int step(struct mime *m, char *to, size_t size, size_t *n, struct err *e)
{
	struct piece *p = &m->pieces[m->at];

	*n = take(&p->text, &m->text_done, to, size);
	if (*n == 0 && p->attachment != NULL) {
		if (m->encoded_done == m->encoded.len &&
		    m->attachment_done < p->attachment->size &&
		    encode_lines(m, p->attachment, e) != 0)
			return -1;
		*n = take(&m->encoded, &m->encoded_done, to, size);
	}
	if (*n > 0)
		return 1;
	if (m->at == m->attachment_count)
		return 0;
	m->at++;
	m->text_done = 0;
	m->attachment_done = 0;
	buf_clear(&m->encoded);
	m->encoded_done = 0;
	return 1;
}

ssize_t mime_read(struct mime *m, char *to, size_t size, struct err *e)
{
	size_t n = 0;
	int rc = 1;

	while (rc == 1 && n == 0)
		rc = step(m, to, size, &n, e);
	return rc < 0 ? -1 : (ssize_t)n;
}
