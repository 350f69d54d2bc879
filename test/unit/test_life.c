/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/runs/life.h"

#include "helper.h"

/* Rows are states, from LIFE_WAITING on; columns are events. A letter is the
 * next state, by its index in `states`; a dot means no change. */
static const char states[] = " WAXSQqPDEru";
static const char *const table[] = {
    /* given recall stop ask send yes no unheard anew end later recorded */
    "A........E..", /* waiting */
    ".XSQ....WE..", /* at a worker */
    "..SQ....WE..", /* recalled */
    "...D....WE..", /* stopping */
    "..D.q...WE..", /* asks */
    "..D..PDQWE..", /* asked */
    "..PQ.....E..", /* publishing: the output may be visible, so no new run */
    "...D....WE..", /* denied */
    "....r......!", /* ended */
    ".......E..u!", /* recording */
    ".......E...!", /* unrecorded */
    "............", /* over */
};

static char letter(enum life state)
{
	if (state == LIFE_NONE)
		return '.';
	return state == LIFE_OVER ? '!' : states[state];
}

TEST(the_table_is_the_life_of_a_run)
{
	for (int from = LIFE_WAITING; from < LIFE_COUNT; from++) {
		for (int event = 0; event < LIFE_EVENTS; event++)
			assert_int_equal(letter(life_next(from, event)),
			    table[from - 1][event]);
	}
}

static void visit(enum life state, bool *seen)
{
	if (seen[state])
		return;
	seen[state] = true;
	for (int event = 0; event < LIFE_EVENTS; event++)
		visit(life_next(state, event), seen);
}

TEST(every_state_is_reached_and_every_life_ends)
{
	for (int from = LIFE_WAITING; from < LIFE_COUNT; from++) {
		bool from_claim[LIFE_COUNT] = {0}, from_here[LIFE_COUNT] = {0};

		visit(LIFE_WAITING, from_claim);
		visit(from, from_here);
		assert_true(from_claim[from]);
		assert_true(from_here[LIFE_OVER]);
	}
}

TEST(only_a_yes_lets_a_run_publish)
{
	for (int from = LIFE_NONE; from < LIFE_COUNT; from++) {
		for (int event = 0; event < LIFE_EVENTS; event++) {
			if (life_next(from, event) == LIFE_PUBLISHING)
				assert_true(event == LIFE_YES ||
					    (event == LIFE_STOP &&
						from == LIFE_PUBLISHING));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_table_is_the_life_of_a_run),
	    cmocka_unit_test(every_state_is_reached_and_every_life_ends),
	    cmocka_unit_test(only_a_yes_lets_a_run_publish),
	};

	return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
