/* SPDX-License-Identifier: MIT */
#include <stdbool.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "fuzz.h"
#include "net/mail/mime.h"
#include "notice/mail_url.h"

/* The fields of the mail's head; no input can add another one. */
static const char *const headers[] = {"Date: ", "From: ", "Reply-To: ", "To: ",
    "Cc: ", "Subject:", "Message-ID: ", "Auto-Submitted: ",
    "X-Auto-Response-Suppress: ", "MIME-Version: ", "Content-Type: "};

static bool is_known(const char *line)
{
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		if (strncmp(line, headers[i], strlen(headers[i])) == 0)
			return true;
	}
	return *line == ' ';
}

static void check_lines(const char *mail)
{
	bool head = true;

	for (const char *line = mail; *line != '\0';) {
		size_t n = strcspn(line, "\r\n");

		PROMISE(line[n] == '\r' && line[n + 1] == '\n');
		PROMISE(n <= 400 && line[0] != '.');
		for (size_t i = 0; i < n; i++)
			PROMISE(line[i] == '\t' ||
				(line[i] >= ' ' && line[i] <= '~'));
		head = head && n > 0;
		PROMISE(!head || is_known(line));
		line += n + 2;
	}
}

static int give_nothing(void *arg, char *to, size_t len, struct err *e)
{
	(void)arg;
	(void)e;
	memset(to, 'x', len);
	return 0;
}

static void check_refusal(const struct err *e)
{
	PROMISE(e->kind == ERR_PERMANENT && e->text[0] != '\0');
	PROMISE(str_is_utf8(e->text, strlen(e->text)));
}

static void compose(const struct mail_url *url, const struct mime_address *from,
    const char *file)
{
	const struct mime_attachment a = {
	    file, "text/csv", 100, give_nothing, NULL};
	const struct mime_mail mail = {.from = from,
	    .reply_to = from,
	    .to = url->to,
	    .to_count = url->to_count,
	    .cc = url->cc,
	    .cc_count = url->cc_count,
	    .subject = url->subject ? url->subject : "",
	    .message_id = "id@example.com",
	    .plain = url->body ? url->body : "",
	    .html = "",
	    .attachments = &a,
	    .attachment_count = 1};
	struct err e = {.text = ""};
	struct mime *m = mime_open(&mail, &e);
	struct buf all;
	char piece[999];
	ssize_t n;

	if (m == NULL) {
		check_refusal(&e);
		return;
	}
	buf_init(&all, 64 << 20);
	while ((n = mime_read(m, piece, sizeof(piece), &e)) > 0)
		buf_add(&all, piece, (size_t)n);
	PROMISE(n == 0 && (int64_t)all.len == mime_size(m));
	PROMISE(strlen(all.data) == all.len);
	check_lines(all.data);
	buf_free(&all);
	mime_free(m);
}

/* A mailto: URL, the sender, the name of a file: each in a line, a tab in them
 * being a line break. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size), *rest = text;
	char none[] = "", *words[3] = {none, none, none};
	struct mime_address from;
	struct mail_url url;
	struct err e = {.text = ""};

	for (int i = 0; i < 3 && rest != NULL; i++)
		words[i] = strsep(&rest, "\n");
	for (int i = 0; i < 3; i++) {
		for (char *c = words[i]; (c = strchr(c, '\t')) != NULL;)
			*c = '\n';
	}
	if (mime_address_parse(words[1], &from, &e) != 0) {
		check_refusal(&e);
	} else {
		if (mail_url_parse(words[0], &url, &e) != 0) {
			check_refusal(&e);
		} else {
			compose(&url, &from, words[2]);
			mail_url_free(&url);
		}
		mime_address_free(&from);
	}
	free(text);
	return 0;
}
