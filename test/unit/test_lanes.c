/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/errands_lanes.h"

#include "daemon/supervisor/errands.h"
#include "helper.h"

static struct errand *add(struct lanes *s, struct errand *e, int64_t now)
{
	lane_add(lanes_need(s, e->lane, now), e);
	return e;
}

static struct errand *begin(struct lanes *s, bool slow_too, int64_t now)
{
	struct lane *lane = lanes_next(s, slow_too);

	if (lane == NULL)
		return NULL;
	lane->used_ms = now;
	lane->running = lane_take(lane);
	return lane->running;
}

static void end(struct lanes *s, struct errand *e, int64_t took, bool in_vain)
{
	struct lane *lane = lanes_find(s, e->lane);

	lane->running = NULL;
	lane_learn(lane, took, in_vain, 1000);
}

TEST(errands_of_a_lane_go_one_after_the_other)
{
	struct lanes s = {0};
	struct errand a = {.lane = 1}, b = {.lane = 1}, c = {.lane = 2};

	add(&s, &a, 1);
	add(&s, &b, 2);
	add(&s, &c, 3);
	assert_ptr_equal(begin(&s, true, 4), &a);
	assert_ptr_equal(begin(&s, true, 5), &c);
	assert_null(begin(&s, true, 6));
	end(&s, &a, 10, false);
	assert_ptr_equal(begin(&s, true, 7), &b);
	lanes_free(&s);
}

TEST(the_owner_with_the_fewest_under_way_is_next)
{
	struct lanes s = {0};
	struct errand mine[3], other = {.lane = 9, .owner = 2};

	for (int i = 0; i < 3; i++) {
		mine[i] = (struct errand){.lane = i, .owner = 1};
		add(&s, &mine[i], i);
	}
	add(&s, &other, 9);
	assert_ptr_equal(begin(&s, true, 10), &mine[0]);
	assert_ptr_equal(begin(&s, true, 11), &other);
	assert_ptr_equal(begin(&s, true, 12), &mine[1]);
	lanes_free(&s);
}

TEST(a_slow_lane_waits_until_slow_ones_may)
{
	struct lanes s = {0};
	struct errand a = {.lane = 1}, b = {.lane = 1};

	add(&s, &a, 1);
	add(&s, &b, 2);
	end(&s, begin(&s, true, 3), LANES_SLOW_MS, false);
	assert_int_equal(lanes_ready(&s, false), 0);
	assert_int_equal(lanes_ready(&s, true), 1);
	assert_null(begin(&s, false, 4));
	assert_ptr_equal(begin(&s, true, 5), &b);
	assert_int_equal(lanes_slow(&s), 1);
	end(&s, &b, LANES_SLOW_MS - 1, false);
	assert_false(lanes_find(&s, 1)->slow);
	lanes_free(&s);
}

TEST(who_does_not_answer_is_left_alone_longer_each_time)
{
	struct lanes s = {0};
	struct lane *lane = lanes_need(&s, 1, 0);
	const int64_t took = 30000, most = 600000;

	for (int64_t wait = 2 * took; wait < most; wait *= 2) {
		lane_learn(lane, took, true, 7);
		assert_int_equal(lane->alone_ms, 7 + wait);
	}
	for (int i = 0; i < 100; i++) {
		lane_learn(lane, took, true, 7);
		assert_int_equal(lane->alone_ms, 7 + most);
	}
	/* An early answer counts, even a refusal. */
	lane_learn(lane, 5, true, 7);
	lane_learn(lane, took, true, 7);
	assert_int_equal(lane->alone_ms, 7 + 2 * took);
	lanes_free(&s);
}

TEST(lanes_without_errands_are_forgotten_the_oldest_first)
{
	struct lanes s = {0};
	struct errand waits = {.lane = -1};

	add(&s, &waits, 0);
	for (int i = 0; i < 1000; i++)
		lanes_need(&s, i, 1 + i);
	assert_int_equal(s.count, 256);
	assert_non_null(lanes_find(&s, -1));
	assert_non_null(lanes_find(&s, 999));
	assert_null(lanes_find(&s, 1));
	lanes_free(&s);
}

TEST(an_errand_is_taken_back_while_it_waits)
{
	struct lanes s = {0};
	struct errand a = {.lane = 1}, b = {.lane = 1};
	struct lane *lane;

	add(&s, &a, 1);
	add(&s, &b, 2);
	lane = lanes_find(&s, 1);
	assert_true(lane_remove(lane, &b));
	assert_false(lane_remove(lane, &b));
	lane_add_first(lane, &b);
	assert_ptr_equal(lane_take(lane), &b);
	assert_ptr_equal(lane_take(lane), &a);
	assert_null(lane_take(lane));
	lanes_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(errands_of_a_lane_go_one_after_the_other),
	    cmocka_unit_test(the_owner_with_the_fewest_under_way_is_next),
	    cmocka_unit_test(a_slow_lane_waits_until_slow_ones_may),
	    cmocka_unit_test(
		who_does_not_answer_is_left_alone_longer_each_time),
	    cmocka_unit_test(
		lanes_without_errands_are_forgotten_the_oldest_first),
	    cmocka_unit_test(an_errand_is_taken_back_while_it_waits),
	};

	return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
