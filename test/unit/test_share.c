/* SPDX-License-Identifier: MIT */
#include "http/share.h"

#include "helper.h"

/* Works for `took` whenever it may, up to `end`; returns how long in all. */
static int64_t work(struct share *s, int64_t took, int64_t now, int64_t end)
{
	int64_t worked = 0;

	while (now < end) {
		now += took;
		worked += took;
		share_took(s, took, now);
		now += share_rest(s, now);
	}
	return worked;
}

TEST(a_share_of_the_time_and_a_burst)
{
	struct share s = {.percent = 25, .burst = 1000, .longest = 10000};

	assert_in_range(work(&s, 10, 0, 100000), 25000, 25300);
	/* After a quiet time there is a burst again, and no more than one. */
	assert_int_equal(share_rest(&s, 900000), 0);
	assert_in_range(work(&s, 10, 900000, 901000), 400, 520);
}

TEST(work_within_the_share_never_rests)
{
	struct share s = {.percent = 25, .burst = 0, .longest = 10000};

	for (int64_t now = 0; now < 100000; now += 400) {
		share_took(&s, 90, now);
		assert_int_equal(share_rest(&s, now + 360), 0);
	}
}

TEST(a_rest_has_an_end)
{
	struct share s = {.percent = 25, .burst = 1000, .longest = 500};

	share_took(&s, 1000000, 1000000);
	assert_int_equal(share_rest(&s, 1000000), 500);
	assert_int_equal(share_rest(&s, 1000500), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_share_of_the_time_and_a_burst),
	    cmocka_unit_test(work_within_the_share_never_rests),
	    cmocka_unit_test(a_rest_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
