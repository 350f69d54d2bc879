/* SPDX-License-Identifier: MIT */
#include "net/mail/smtp.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "helper.h"
#include "net/mail/smtp_name.h"

/*
 * A mail server without TLS for one connection. It answers 250 to everything,
 * keeps the mails whose last dot arrived, and does not answer QUIT.
 */
struct server {
	int listener;
	int64_t port;
	pthread_t thread;
	struct buf mail;
	int mails;
	bool login; /* a password has been sent */
	bool deaf;  /* does not answer the last dot */
};

static void answer(FILE *to, const char *text)
{
	fputs(text, to);
	fflush(to);
}

static void take_mail(struct server *s, FILE *from, FILE *to)
{
	char line[2000];

	buf_clear(&s->mail);
	answer(to, "354 go on\r\n");
	while (fgets(line, sizeof(line), from) != NULL) {
		if (strcmp(line, ".\r\n") == 0) {
			s->mails++;
			if (s->deaf)
				return;
			answer(to, "250 taken\r\n");
			return;
		}
		buf_str(&s->mail, line);
	}
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd = accept(s->listener, NULL, NULL);
	FILE *from = fdopen(fd, "re"), *to = fdopen(dup(fd), "we");
	char line[2000];

	answer(to, "220 here\r\n");
	while (fgets(line, sizeof(line), from) != NULL) {
		s->login = s->login || strncmp(line, "AUTH", 4) == 0;
		if (strncmp(line, "EHLO", 4) == 0)
			answer(to, "250-here\r\n250 AUTH PLAIN\r\n");
		else if (strcmp(line, "DATA\r\n") == 0)
			take_mail(s, from, to);
		else if (strcmp(line, "QUIT\r\n") != 0)
			answer(to, "250 fine\r\n");
	}
	fclose(from);
	fclose(to);
	return NULL;
}

static struct smtp *start(struct server *s)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	*s = (struct server){.listener = socket(AF_INET, SOCK_STREAM, 0)};
	buf_init(&s->mail, 64 << 20);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(s->listener, 1), 0);
	getsockname(s->listener, (struct sockaddr *)&at, &len);
	s->port = ntohs(at.sin_port);
	pthread_create(&s->thread, NULL, serve, s);
	return smtp_open(&(struct smtp_options){.host = "127.0.0.1",
	    .port = s->port,
	    .security = SMTP_WITHOUT_TLS});
}

static void end(struct server *s, struct smtp *smtp)
{
	smtp_close(smtp);
	pthread_join(s->thread, NULL);
	close(s->listener);
	buf_free(&s->mail);
}

/* An endless mail. After `most` bytes it ends, fails, or makes the watch
 * stop. */
struct text {
	size_t given, most;
	bool ends, fails, stops, lost;
	bool stop; /* the watch stops now */
};

static ssize_t read_text(void *arg, char *to, size_t size, struct err *e)
{
	struct text *t = arg;
	size_t n = 0;

	if (t->given >= t->most) {
		if (t->ends)
			return 0;
		if (t->fails)
			return err_set(e, ERR_PERMANENT, "no more of it");
	}
	for (; n + 10 <= size && n < 8000; n += 10)
		memcpy(to + n, "12345678\r\n", 10);
	t->given += n;
	t->stop = t->stops && t->given >= t->most;
	return (ssize_t)n;
}

static int send_text(
    struct smtp *smtp, struct text *t, int64_t size, struct err *e)
{
	return smtp_send(smtp,
	    &(struct smtp_mail){.from = "a@example.com",
		.to = "b@example.com",
		.message_id = "id@example.com",
		.size = size,
		.read = read_text,
		.arg = t},
	    e);
}

TEST(mails_arrive_whole_over_one_connection)
{
	struct server s;
	struct smtp *smtp = start(&s);
	struct err e;

	for (int i = 1; i <= 3; i++) {
		struct text t = {.most = 80000, .ends = true};

		assert_int_equal(send_text(smtp, &t, 80000, &e), 0);
		assert_int_equal(s.mails, i);
		assert_int_equal(s.mail.len, 80000);
	}
	end(&s, smtp);
}

static int look(void *arg, struct err *e)
{
	struct text *t = arg;

	return t->stop ? err_set(e, t->lost ? ERR_LOST : ERR_CANCELLED,
			     "stopped on request")
		       : 0;
}

TEST(a_mail_that_is_stopped_is_none)
{
	struct text t = {.most = 80000, .stops = true};
	struct watch watch = {.check = look, .arg = &t};
	struct server s;
	struct smtp *smtp = start(&s);
	struct err e;

	smtp_set_watch(smtp, &watch);
	assert_int_equal(send_text(smtp, &t, 50 << 20, &e), -1);
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_err(&e, "stopped on request");
	smtp_set_watch(smtp, NULL);
	smtp_close(smtp);
	pthread_join(s.thread, NULL);
	assert_int_equal(s.mails, 0);
	end(&s, NULL);
}

TEST(a_mail_that_cannot_be_read_is_none)
{
	struct text t = {.most = 80000, .fails = true};
	struct server s;
	struct smtp *smtp = start(&s);
	struct err e;

	assert_int_equal(send_text(smtp, &t, 50 << 20, &e), -1);
	assert_err(&e, "no more of it");
	smtp_close(smtp);
	pthread_join(s.thread, NULL);
	assert_int_equal(s.mails, 0);
	end(&s, NULL);
}

TEST(what_comes_after_the_last_byte_is_not_stopped)
{
	struct text t = {.most = 80000, .ends = true, .stops = true};
	struct watch watch = {.check = look, .arg = &t};
	struct server s;
	struct smtp *smtp = start(&s);
	struct err e;

	smtp_set_watch(smtp, &watch);
	assert_int_equal(send_text(smtp, &t, 80000, &e), 0);
	assert_true(t.stop);
	assert_int_equal(s.mails, 1);
	smtp_set_watch(smtp, NULL);
	end(&s, smtp);
}

TEST(nobody_waits_for_an_answer_that_cannot_be_told)
{
	struct text t = {
	    .most = 80000, .ends = true, .stops = true, .lost = true};
	struct watch watch = {.check = look, .arg = &t};
	struct server s;
	struct smtp *smtp = start(&s);
	struct err e;

	s.deaf = true;
	smtp_set_watch(smtp, &watch);
	assert_int_equal(send_text(smtp, &t, 80000, &e), -1);
	assert_int_equal(e.kind, ERR_LOST);
	smtp_set_watch(smtp, NULL);
	end(&s, smtp);
}

TEST(nobody_waits_for_a_goodbye)
{
	struct text t = {.most = 100, .ends = true};
	struct server s;
	struct smtp *smtp = start(&s);
	int64_t before;
	struct err e;

	assert_int_equal(send_text(smtp, &t, 8000, &e), 0);
	before = clock_boot_ms();
	smtp_close(smtp);
	assert_true(clock_boot_ms() - before < 1000);
	pthread_join(s.thread, NULL);
	close(s.listener);
	buf_free(&s.mail);
}

TEST(no_password_goes_out_without_tls)
{
	struct smtp *smtp =
	    smtp_open(&(struct smtp_options){.host = "127.0.0.1",
		.port = 1,
		.security = SMTP_WITHOUT_TLS,
		.user = "reports",
		.password = "secret"});
	struct text t = {0};
	struct err e;

	assert_int_equal(send_text(smtp, &t, 100, &e), -1);
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_err_has(&e, "password is not sent in the clear");
	smtp_close(smtp);
}

TEST(a_host_calls_itself_by_a_full_name_or_an_address)
{
	static const char *const full[] = {"a.example.com", "x-1.y2", "1a.b"};
	static const char *const none[] = {"", "host", ".a", "a.", "a..b",
	    "-a.b", "a-.b", "a_b.c", "10.0.0.1", "a b.c", "h\xE4.de"};
	char *name;

	for (size_t i = 0; i < sizeof(full) / sizeof(*full); i++) {
		assert_true(smtp_name_is_full(full[i]));
		name = smtp_name(full[i]);
		assert_string_equal(name, full[i]);
		free(name);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_false(smtp_name_is_full(none[i]));
	name = smtp_name("");
	assert_int_equal(name[0], '[');
	assert_int_equal(name[strlen(name) - 1], ']');
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mails_arrive_whole_over_one_connection),
	    cmocka_unit_test(a_mail_that_is_stopped_is_none),
	    cmocka_unit_test(a_mail_that_cannot_be_read_is_none),
	    cmocka_unit_test(what_comes_after_the_last_byte_is_not_stopped),
	    cmocka_unit_test(nobody_waits_for_an_answer_that_cannot_be_told),
	    cmocka_unit_test(nobody_waits_for_a_goodbye),
	    cmocka_unit_test(no_password_goes_out_without_tls),
	    cmocka_unit_test(a_host_calls_itself_by_a_full_name_or_an_address),
	};

	return cmocka_run_group_tests_name("smtp", tests, NULL, NULL);
}
