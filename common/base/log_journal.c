/* SPDX-License-Identifier: MIT */
#include "base/log_journal.h"

#include <ctype.h>
#include <endian.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

/* Bytes of an entry; what is longer goes to standard error. */
#define ENTRY_MAX (128u << 10)

/* A length before the value allows any bytes in it. */
static void add_value(struct buf *b, const char *value)
{
	uint64_t len = htole64(strlen(value));

	buf_char(b, '\n');
	buf_add(b, (const char *)&len, sizeof(len));
	buf_str(b, value);
	buf_char(b, '\n');
}

static void add_field(struct buf *b, const struct log_field *f)
{
	buf_str(b, "REPORTD_");
	for (const char *s = f->key; *s != '\0'; s++)
		buf_char(b, (char)toupper((unsigned char)*s));
	if (f->str == NULL)
		buf_printf(b, "=%lld\n", (long long)f->num);
	else
		add_value(b, f->str);
}

static int send_entry(const struct buf *b)
{
	struct sockaddr_un to = {
	    .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t sent;

	if (fd < 0)
		return -1;
	sent = sendto(fd, b->data, b->len, MSG_NOSIGNAL | MSG_DONTWAIT,
	    (const struct sockaddr *)&to, sizeof(to));
	close(fd);
	return sent == (ssize_t)b->len ? 0 : -1;
}

int journal_send(
    int priority, const char *message, const struct log_field *fields)
{
	struct buf b;
	int rc;

	buf_init(&b, 1 << 20);
	buf_printf(
	    &b, "PRIORITY=%d\nSYSLOG_IDENTIFIER=reportd\nMESSAGE", priority);
	add_value(&b, message);
	for (const struct log_field *f = fields + 1; f->key != NULL; f++)
		add_field(&b, f);
	rc = b.len > ENTRY_MAX ? -1 : send_entry(&b);
	buf_free(&b);
	return rc;
}
