/* SPDX-License-Identifier: MIT */
#include "net/http/http.h"
#include "net/http/url.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "helper.h"
#include "net/http/guard.h"
#include "web.h"

#define OK(text) "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" text

/* Bodies of LARGE bytes; the second one is cut in its middle. */
#define LARGE ((size_t)3 << 20)
static char large[LARGE + 200], large_cut[LARGE / 2 + 200];

static const struct web_page pages[] = {
    {.path = "/one", .reply = OK("one\n")},
    {.path = "/slow", .reply = OK("slow"), .wait_ms = 300},
    {.path = "/silent"},
    {.path = "/cut",
	.reply = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1",
	.cut = true},
    {.path = "/cut-head", .reply = "HTTP/1.1 200 O", .cut = true},
    {.path = "/nothing", .reply = "", .cut = true},
    {.path = "/chunked-cut",
	.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab",
	.cut = true},
    {.path = "/no-http", .reply = "SSH-2.0-OpenSSH\r\n", .cut = true},
    {.path = "/continue",
	.reply = "HTTP/1.1 100 Continue\r\nX-A: no\r\n\r\n"
		 "HTTP/1.1 503 Slow Down\r\nx-a:  yes \r\nX-B:\r\nX-A: 2\r\n"
		 "Date: Fri, 24 May 2013 00:00:00 GMT\r\n"
		 "Content-Length: 0\r\n\r\n"},
    {.path = "/large", .reply = large},
    {.path = "/large-cut", .reply = large_cut, .cut = true},
    {.path = "/once", .reply = OK("1st\n"), .times = 1, .each = true},
    {.path = "/once", .reply = OK("2nd\n")},
    {.path = NULL},
};
static struct web web;

/* Writes a reply that announces LARGE bytes and has `len` of them. */
static void fill(char *to, size_t len)
{
	size_t at = (size_t)sprintf(
	    to, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", LARGE);

	for (size_t i = 0; i < len; i++)
		to[at + i] = (char)('a' + i % 26);
}

static int start(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	fill(large, LARGE);
	fill(large_cut, LARGE / 2);
	web_start(&web, pages);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	web_stop(&web);
	return 0;
}

/* Makes a request for a path of the test server. */
static struct http_request *to(const char *path)
{
	static struct http_request r;
	static char url[200];

	snprintf(url, sizeof(url), "%s%s", web.url, path);
	r = (struct http_request){.method = "GET", .url = url};
	return &r;
}

static int get(const char *path, struct http_reply *reply, struct err *e)
{
	struct http *h = http_open();
	int rc = http_send(h, to(path), reply, e);

	http_close(h);
	return rc;
}

TEST(a_reply_is_status_headers_and_body)
{
	struct http_reply r;
	struct err e;
	char text[8];

	assert_int_equal(get("/one", &r, &e), 0);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body.data, "one\n");
	assert_true(r.sent);
	assert_int_equal(http_date(&r), 0);
	http_reply_free(&r);

	assert_int_equal(get("/continue", &r, &e), 0);
	assert_int_equal(r.status, 503);
	assert_string_equal(http_header(&r, "X-A", text, sizeof(text)), "yes");
	assert_string_equal(http_header(&r, "x-b", text, sizeof(text)), "");
	assert_string_equal(http_header(&r, "X-C", text, sizeof(text)), "");
	assert_string_equal(
	    http_header(&r, "date", text, sizeof(text)), "Fri, 24");
	assert_int_equal(http_date(&r), 1369353600);
	http_reply_free(&r);
}

TEST(a_reply_that_is_cut_off_is_an_error)
{
	static const char *const paths[] = {
	    "/cut", "/cut-head", "/nothing", "/chunked-cut", "/no-http"};

	for (size_t i = 0; i < COUNT(paths); i++) {
		struct http_reply r;
		struct err e;

		assert_int_equal(get(paths[i], &r, &e), -1);
		assert_int_equal(e.kind, ERR_TRANSIENT);
		assert_err_has(&e, "the connection with 127.0.0.1:");
		assert_true(r.sent);
		http_reply_free(&r);
	}
}

TEST(a_reply_may_be_so_long_and_no_longer)
{
	struct http *h = http_open();
	struct http_request *r = to("/one");
	struct http_reply reply;
	struct err e;

	r->reply_max = 4;
	assert_int_equal(http_send(h, r, &reply, &e), 0);
	http_reply_free(&reply);
	r->reply_max = 3;
	assert_int_equal(http_send(h, r, &reply, &e), -1);
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_err_has(&e, "is longer than 3 bytes");
	http_reply_free(&reply);
	http_close(h);
}

/* Bytes that the window of a call may hold: its own, and what curl writes last. */
#define WINDOW ((size_t)10000)
#define WINDOW_MAX (WINDOW + 16384)

/* Reads a body piece by piece and checks that its letters are in order. */
static int read_large(const char *path, size_t *got, struct err *e)
{
	struct http *h = http_open();
	struct http_request *r = to(path);
	struct http_call *c;
	const char *data;
	size_t len;
	int rc;

	r->window = WINDOW;
	c = http_start(h, r);
	assert_int_equal(http_status(c, e), 200);
	*got = 0;
	while ((rc = http_read(c, &data, &len, e)) == 1) {
		assert_in_range(len, 1, WINDOW_MAX);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(data[i], 'a' + (int)((*got + i) % 26));
		*got += len;
	}
	http_drop(c);
	http_close(h);
	return rc;
}

TEST(a_body_with_a_window_is_read_as_it_comes)
{
	struct err e;
	size_t got;

	assert_int_equal(read_large("/large", &got, &e), 0);
	assert_int_equal(got, LARGE);
}

TEST(a_body_with_a_window_that_is_cut_is_an_error)
{
	struct err e;
	size_t got;

	assert_int_equal(read_large("/large-cut", &got, &e), -1);
	assert_int_equal(got, LARGE / 2);
	assert_int_equal(e.kind, ERR_TRANSIENT);
}

TEST(silence_is_noticed_within_milliseconds)
{
	struct http *h = http_open();
	struct http_request *r = to("/silent");
	int64_t begun = clock_boot_ms();
	struct http_reply reply;
	struct err e;

	r->terms.silence_ms = 200;
	assert_int_equal(http_send(h, r, &reply, &e), -1);
	assert_int_equal(e.kind, ERR_TRANSIENT);
	assert_err_has(&e, "was silent for 200 ms");
	assert_true(reply.sent);
	assert_in_range(clock_boot_ms() - begun, 200, 2000);
	http_close(h);
}

TEST(calls_go_side_by_side)
{
	struct http *h = http_open();
	struct http_call *calls[8];
	int64_t begun = clock_boot_ms();
	struct err e;

	for (size_t i = 0; i < COUNT(calls); i++)
		calls[i] = http_start(h, to("/slow"));
	for (size_t i = 0; i < COUNT(calls); i++) {
		struct http_reply reply;

		while (!http_done(calls[i]))
			assert_int_equal(http_step(h, 1000, &e), 0);
		assert_int_equal(http_take(calls[i], &reply, &e), 0);
		assert_string_equal(reply.body.data, "slow");
		http_reply_free(&reply);
	}
	/* One after another, the eight calls would take 2.4 s. */
	assert_true(clock_boot_ms() - begun < 2000);
	http_close(h);
}

TEST(calls_are_dropped_at_any_time)
{
	struct http *h = http_open();
	struct http_call *first = http_start(h, to("/slow"));
	struct http_call *second = http_start(h, to("/silent"));
	struct err e;

	assert_int_equal(http_step(h, 10, &e), 0);
	http_drop(first);
	assert_false(http_done(second));
	http_start(h, to("/one"));
	assert_int_equal(http_step(h, 0, &e), 0);
	http_close(h);
	http_close(NULL);
}

TEST(a_connection_is_used_again_unless_a_fresh_one_is_wanted)
{
	struct http *h = http_open();
	struct http_reply reply;
	struct err e;

	for (int i = 0; i < 3; i++) {
		struct http_request *r = to("/once");

		r->fresh = i == 2;
		assert_int_equal(http_send(h, r, &reply, &e), 0);
		assert_string_equal(
		    reply.body.data, i == 1 ? "2nd\n" : "1st\n");
		http_reply_free(&reply);
	}
	http_close(h);
}

/* A guarded call does not reuse a connection that was made without a guard. */
TEST(the_guard_looks_at_a_connection_that_was_there_before)
{
	struct http *h = http_open();
	struct http_request *r = to("/one");
	struct http_reply reply;
	struct err e;

	assert_int_equal(http_send(h, r, &reply, &e), 0);
	http_reply_free(&reply);
	r->terms.guarded = true;
	assert_int_equal(http_send(h, r, &reply, &e), -1);
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_err_has(&e, "has the address 127.0.0.1, which is not allowed");
	assert_false(reply.sent);
	r->terms.allow = "127.0.0.0/8, localhost";
	assert_int_equal(http_send(h, r, &reply, &e), -1);
	assert_int_equal(e.kind, ERR_PERMANENT);
	assert_err_has(&e, "localhost is no network; write one as ");
	http_close(h);
}

/* ---- names ---- */

/* Replaces the C library's function, for libcurl as well. slow.test gets no
 * answer for a while; rebind.test gets another address at each look-up. */
#define SLOW_MS 3000
static int asked, answered;

int getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **list)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **) = NULL;

	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (name != NULL && strcmp(name, "slow.test") == 0) {
		__atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
		poll(NULL, 0, SLOW_MS);
		__atomic_add_fetch(&answered, 1, __ATOMIC_SEQ_CST);
		return EAI_AGAIN;
	}
	if (name != NULL && strcmp(name, "rebind.test") == 0)
		name = asked++ == 0 ? "127.0.0.1" : "127.0.0.2";
	return real(name, service, hints, list);
}

static void wait_for_answers(void)
{
	while (__atomic_load_n(&answered, __ATOMIC_SEQ_CST) <
	       __atomic_load_n(&asked, __ATOMIC_SEQ_CST))
		poll(NULL, 0, 10);
}

TEST(a_name_server_that_is_silent_holds_nobody_up)
{
	struct http *h = http_open();
	struct http_request r = {.method = "GET", .url = "http://slow.test/"};
	int before = dir_count("/proc/self/fd");
	int64_t begun = clock_boot_ms();
	struct http_reply reply;
	struct err e;

	asked = answered = 0;
	r.terms.connect_ms = 200;
	for (int i = 0; i < 2; i++) {
		struct http_call *call = http_start(h, &r);

		assert_int_equal(http_send(h, &r, &reply, &e), -1);
		assert_err_has(&e, "no connection to slow.test within 200 ms");
		http_drop(call);
	}
	assert_true(clock_boot_ms() - begun < SLOW_MS - 500);
	/* curl releases the dropped calls once the answers have come. */
	wait_for_answers();
	while (dir_count("/proc/self/fd") > before)
		assert_int_equal(http_step(h, 10, &e), 0);
	assert_int_equal(http_send(h, to("/one"), &reply, &e), 0);
	http_reply_free(&reply);
	http_close(h);
}

/* The first address passes the check; the connection would go to the second
 * one. */
TEST(the_guard_looks_at_the_address_that_is_dialled)
{
	struct http *h = http_open();
	char url[100];
	struct http_request r = {.method = "GET",
	    .url = url,
	    .terms = {.guarded = true, .allow = "127.0.0.1/32"}};
	struct http_reply reply;
	struct err e;

	snprintf(url, sizeof(url), "http://rebind.test:%d/one", web.port);
	asked = 0;
	r.fresh = true;
	assert_int_equal(http_send(h, &r, &reply, &e), 0);
	http_reply_free(&reply);
	http_close(h);
	h = http_open();
	assert_int_equal(http_send(h, &r, &reply, &e), -1);
	assert_err_has(&e, "rebind.test:");
	assert_err_has(&e, " has the address 127.0.0.2, which is not allowed");
	http_close(h);
	asked = answered = 0;
}

/* ---- the watch ---- */

static int after_300_ms(void *arg, struct err *e)
{
	int64_t *begun = arg;

	return clock_boot_ms() - *begun > 300
		   ? err_set(e, ERR_CANCELLED, "enough")
		   : 0;
}

TEST(the_watch_ends_a_wait)
{
	int64_t begun = clock_boot_ms();
	struct watch watch = {.check = after_300_ms, .arg = &begun};
	struct http *h = http_open();
	struct http_reply reply;
	struct err e;

	http_set_watch(h, &watch);
	assert_int_equal(http_send(h, to("/silent"), &reply, &e), -1);
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_err(&e, "enough");
	assert_in_range(clock_boot_ms() - begun, 300, 1500);
	http_close(h);
}

static volatile sig_atomic_t told;

static void on_usr1(int number)
{
	(void)number;
	told = 1;
}

static int when_told(void *arg, struct err *e)
{
	(void)arg;
	return told ? err_set(e, ERR_CANCELLED, "told") : 0;
}

TEST(a_signal_that_is_let_in_ends_a_wait_at_once)
{
	struct sigaction act = {.sa_handler = on_usr1};
	sigset_t blocked, mask;
	struct watch watch = {.check = when_told, .wait_mask = &mask};
	struct http *h = http_open();
	struct http_reply reply;
	struct err e;
	int64_t begun;
	pid_t child;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &mask);
	sigaction(SIGUSR1, &act, NULL);
	http_set_watch(h, &watch);
	begun = clock_boot_ms();
	child = fork();
	if (child == 0) {
		usleep(200000);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	assert_int_equal(http_send(h, to("/silent"), &reply, &e), -1);
	assert_err(&e, "told");
	assert_in_range(clock_boot_ms() - begun, 100, 1500);
	http_close(h);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

static void drain(void *arg)
{
	int *fd = arg;
	char c;

	assert_int_equal(read(*fd, &c, 1), 1);
	told = 1;
}

TEST(who_wakes_the_watch_is_heard_while_waiting)
{
	int fd[2];
	struct wake wake = {.ready = drain, .arg = fd};
	struct watch watch = {.check = when_told, .wake = &wake};
	struct http *h = http_open();
	struct http_reply reply;
	struct err e;

	told = 0;
	assert_return_code(pipe(fd), 0);
	wake.fd = fd[0];
	assert_int_equal(write(fd[1], "x", 1), 1);
	http_set_watch(h, &watch);
	assert_int_equal(http_send(h, to("/silent"), &reply, &e), -1);
	assert_err(&e, "told");
	http_close(h);
	close(fd[0]);
	close(fd[1]);
}

/* ---- text ---- */

TEST(all_but_unreserved_characters_are_escaped)
{
	struct buf b;

	buf_init(&b, 1000);
	http_escape(&b, "aZ0-._~ /+%\xc3\xbc\0'", 15, false);
	assert_string_equal(b.data, "aZ0-._~%20%2F%2B%25%C3%BC%00%27");
	buf_clear(&b);
	http_escape(&b, "/a b/", 5, true);
	assert_string_equal(b.data, "/a%20b/");
	buf_free(&b);
}

TEST(messages_show_the_host_of_a_url_alone)
{
	char host[64];

	http_host("https://u:p@h.example:8443/x?y", host, sizeof(host));
	assert_string_equal(host, "h.example:8443");
	http_host("http://[::1]/", host, sizeof(host));
	assert_string_equal(host, "[::1]");
	http_host("proxy:3128", host, sizeof(host));
	assert_string_equal(host, "proxy:3128");
	http_host("https://", host, sizeof(host));
	assert_string_equal(host, "?");
}

TEST(networks_are_read_or_refused)
{
	struct err e;

	assert_int_equal(guard_check_list(NULL, &e), 0);
	assert_int_equal(
	    guard_check_list("10.0.0.0/8, fd00::/8 ::1,127.0.0.1", &e), 0);
	assert_int_equal(guard_check_list("10.0.0.0/8,10.0.0.0/33", &e), -1);
	assert_err_has(&e, "10.0.0.0/33 is no network");
	assert_int_equal(guard_check_list("localhost", &e), -1);
	assert_int_equal(guard_check_list("::1/129", &e), -1);
	assert_int_equal(guard_check_list("1.2.3.4/", &e), -1);
	assert_true(guard_listed("10.128.0.0/9", "10.129.1.1"));
	assert_false(guard_listed("10.128.0.0/9", "10.127.255.255"));
	assert_true(guard_listed("::/0", "1.2.3.4"));
	assert_true(guard_listed("0.0.0.0/0", "1.2.3.4"));
	assert_false(guard_listed("0.0.0.0/0", "2001:db8::1"));
	assert_true(guard_listed("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(guard_listed("2001:db8::/33", "2001:db8:8000::1"));
}

TEST(addresses_of_this_machine_are_refused_in_every_dress)
{
	static const char *const no[] = {"127.0.0.1", "127.255.255.254",
	    "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "::1",
	    "::", "fe80::1", "fe80::1%lo", "ff02::1", "::ffff:127.0.0.1",
	    "64:ff9b::127.0.0.1", "64:ff9b:1::169.254.169.254",
	    "2002:7f00:1::1", "::127.0.0.1", "::ffff:0:127.0.0.1",
	    "fd00:ec2::254", "10.0.0.1", "172.31.255.255", "192.168.1.1",
	    "100.64.0.1", "::ffff:10.1.2.3", "64:ff9b::192.168.0.1", "fd12::1",
	    "fc00::1", "198.19.0.1", "192.0.0.192", "no address", ""};
	static const char *const yes[] = {"8.8.8.8", "2001:db8::1",
	    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
	    "128.0.0.1", "223.255.255.255", "172.32.0.1", "172.15.255.255",
	    "100.128.0.1", "11.0.0.1", "fe00::1"};

	for (size_t i = 0; i < COUNT(no); i++) {
		if (guard_allows_text(no[i], NULL))
			fail_msg("%s is allowed", no[i]);
	}
	for (size_t i = 0; i < COUNT(yes); i++) {
		if (!guard_allows_text(yes[i], NULL))
			fail_msg("%s is refused", yes[i]);
	}
	assert_true(guard_allows_text("127.0.0.1", "127.0.0.0/8"));
	assert_true(guard_allows_text("64:ff9b::127.0.0.1", "127.0.0.1"));
	assert_false(guard_allows_text("127.0.0.2", "127.0.0.1, ::1"));
	assert_true(guard_allows_text("10.1.2.3", "10.1.0.0/16"));
	assert_false(guard_allows_text("10.2.2.3", "10.1.0.0/16"));
}

/* Checks addresses in a network namespace of its own, whose only interface has
 * a public address. Returns 0, or the number of the step that failed. */
static int in_a_public_network(void)
{
	struct ifreq r = {.ifr_name = "lo"};
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd, rc = 0;

	if (unshare(geteuid() == 0 ? CLONE_NEWNET
				   : CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return 1;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, "203.0.113.70", &a.sin_addr);
	memcpy(&r.ifr_addr, &a, sizeof(a));
	rc |= ioctl(fd, SIOCSIFADDR, &r);
	inet_pton(AF_INET, "255.255.255.192", &a.sin_addr);
	memcpy(&r.ifr_netmask, &a, sizeof(a));
	rc |= ioctl(fd, SIOCSIFNETMASK, &r);
	close(fd);
	if (rc != 0)
		return 2;
	return guard_allows_text("203.0.113.70", NULL)                 ? 3
	       : guard_allows_text("203.0.113.65", NULL)               ? 4
	       : guard_allows_text("::ffff:203.0.113.126", NULL)       ? 5
	       : !guard_allows_text("203.0.113.63", NULL)              ? 6
	       : !guard_allows_text("203.0.113.128", NULL)             ? 7
	       : !guard_allows_text("203.0.113.70", "203.0.113.70/32") ? 8
								       : 0;
}

TEST(public_addresses_of_this_machine_and_its_neighbours_are_refused)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(in_a_public_network());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 0);
}

TEST(retry_after_has_two_forms)
{
	int64_t now = 1700000000; /* Tue, 14 Nov 2023 22:13:20 GMT */

	assert_int_equal(http_retry_after("", now), 0);
	assert_int_equal(http_retry_after("120", now), 120000);
	assert_int_equal(http_retry_after("-5", now), 0);
	assert_int_equal(http_retry_after("soon", now), 0);
	assert_int_equal(http_retry_after("99999999999", now), 86400000);
	assert_int_equal(
	    http_retry_after("Tue, 14 Nov 2023 22:13:30 GMT", now), 10000);
	assert_int_equal(
	    http_retry_after("Tue, 14 Nov 2023 22:13:10 GMT", now), 0);
	assert_int_equal(
	    http_retry_after("Tue, 14 Nov 2023 22:13:30 GMT x", now), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_reply_is_status_headers_and_body),
	    cmocka_unit_test(a_reply_that_is_cut_off_is_an_error),
	    cmocka_unit_test(a_reply_may_be_so_long_and_no_longer),
	    cmocka_unit_test(a_body_with_a_window_is_read_as_it_comes),
	    cmocka_unit_test(a_body_with_a_window_that_is_cut_is_an_error),
	    cmocka_unit_test(silence_is_noticed_within_milliseconds),
	    cmocka_unit_test(calls_go_side_by_side),
	    cmocka_unit_test(calls_are_dropped_at_any_time),
	    cmocka_unit_test(
		a_connection_is_used_again_unless_a_fresh_one_is_wanted),
	    cmocka_unit_test(
		the_guard_looks_at_a_connection_that_was_there_before),
	    cmocka_unit_test(
		public_addresses_of_this_machine_and_its_neighbours_are_refused),
	    cmocka_unit_test(a_name_server_that_is_silent_holds_nobody_up),
	    cmocka_unit_test(the_guard_looks_at_the_address_that_is_dialled),
	    cmocka_unit_test(the_watch_ends_a_wait),
	    cmocka_unit_test(a_signal_that_is_let_in_ends_a_wait_at_once),
	    cmocka_unit_test(who_wakes_the_watch_is_heard_while_waiting),
	    cmocka_unit_test(all_but_unreserved_characters_are_escaped),
	    cmocka_unit_test(messages_show_the_host_of_a_url_alone),
	    cmocka_unit_test(retry_after_has_two_forms),
	    cmocka_unit_test(networks_are_read_or_refused),
	    cmocka_unit_test(
		addresses_of_this_machine_are_refused_in_every_dress),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
