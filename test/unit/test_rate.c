/* SPDX-License-Identifier: MIT */
#include "http/rate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "helper.h"

static struct peer peer4(uint32_t ip)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(ip)};

	return peer_of((const struct sockaddr *)&in);
}

static struct peer peer6(const char *ip)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	assert_int_equal(inet_pton(AF_INET6, ip, &in6.sin6_addr), 1);
	return peer_of((const struct sockaddr *)&in6);
}

static int taken(struct rate *r, struct peer p, int64_t rate, int64_t now)
{
	int n = 0;

	while (n < 1000 && rate_take(r, &p, rate, now))
		n++;
	return n;
}

TEST(a_bucket_fills_by_the_rate_up_to_twice_that)
{
	struct rate *r = rate_open();
	struct peer p = peer4(1), other = peer4(2);

	assert_int_equal(taken(r, p, 10, 1000), 20);
	assert_int_equal(taken(r, other, 10, 1000), 20);
	assert_int_equal(taken(r, p, 10, 1500), 5);
	assert_int_equal(taken(r, p, 10, 900000), 20);
	assert_int_equal(taken(r, p, 0, 900000), 1000);
	rate_free(r);
}

/* The bucket is empty most of the time when somebody asks as often as he can. */
TEST(what_costs_more_does_so_when_the_bucket_is_empty)
{
	struct rate *r = rate_open();
	struct peer p = peer4(1);
	int n = 0;

	for (int64_t now = 1000; now < 101000; now++) {
		if (!rate_take(r, &p, 10, now))
			continue;
		rate_charge(r, &p, 10, 9, now);
		n++;
	}
	assert_in_range(n, 100, 103);
	assert_int_equal(taken(r, p, 10, 200000), 20);
	rate_charge(r, &p, 0, 9, 200000);
	assert_int_equal(taken(r, p, 10, 200100), 1);
	rate_free(r);
}

TEST(an_address_is_that_of_a_customer)
{
	struct peer a = peer6("2001:db8:1:2:3::1"),
		    b = peer6("2001:db8:1:2:4::9"),
		    c = peer6("2001:db8:1:3::1"), d = peer6("::ffff:1.2.3.4"),
		    e = peer6("::ffff:1.2.3.5"), f = peer4(0x01020304);

	assert_true(peer_same(&a, &b));
	assert_false(peer_same(&a, &c));
	assert_false(peer_same(&d, &e));
	assert_true(peer_same(&d, &f));
}

TEST(many_addresses_do_not_grow_the_table)
{
	struct rate *r = rate_open();

	for (uint32_t ip = 0; ip < 100000; ip++) {
		struct peer p = peer4(ip);

		assert_true(rate_take(r, &p, 10, 1000 + ip));
	}
	rate_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_bucket_fills_by_the_rate_up_to_twice_that),
	    cmocka_unit_test(what_costs_more_does_so_when_the_bucket_is_empty),
	    cmocka_unit_test(an_address_is_that_of_a_customer),
	    cmocka_unit_test(many_addresses_do_not_grow_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
