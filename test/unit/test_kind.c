/* SPDX-License-Identifier: MIT */
#include "source/postgres/kind.h"

#include "helper.h"

/* OIDs from src/include/catalog/pg_type.dat. */
TEST(built_in_types_have_a_kind)
{
	static const struct {
		uint32_t oid;
		enum column_kind kind;
	} cases[] = {
	    {16, KIND_BOOLEAN},
	    {17, KIND_BYTES},
	    {20, KIND_INTEGER},
	    {21, KIND_INTEGER},
	    {23, KIND_INTEGER},
	    {25, KIND_TEXT},
	    {1042, KIND_TEXT},
	    {1043, KIND_TEXT},
	    {114, KIND_JSON},
	    {3802, KIND_JSON},
	    {700, KIND_FLOAT},
	    {701, KIND_FLOAT},
	    {1700, KIND_DECIMAL},
	    {1082, KIND_DATE},
	    {1083, KIND_TIME},
	    {1266, KIND_TIMETZ},
	    {1114, KIND_TIMESTAMP},
	    {1184, KIND_TIMESTAMPTZ},
	    {1186, KIND_INTERVAL},
	    {2950, KIND_UUID},
	    {1007, KIND_ARRAY},
	    {1009, KIND_ARRAY},
	    {26, KIND_INTEGER},
	    {705, KIND_TEXT},
	    {869, KIND_OTHER}, /* inet */
	    {0, KIND_OTHER},
	    {100000, KIND_OTHER},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct column c = {.name = NULL};

		assert_int_equal(
		    kind_fill(&c, cases[i].oid, -1), kind_known(cases[i].oid));
		assert_int_equal(
		    kind_known(cases[i].oid), cases[i].kind != KIND_OTHER);
		assert_int_equal(c.kind, cases[i].kind);
		assert_int_equal(c.precision, 0);
		assert_int_equal(c.scale, 0);
	}
}

TEST(sizes_and_elements)
{
	static const struct {
		uint32_t oid;
		int size;
		enum column_kind element;
	} cases[] = {
	    {21, 2, 0},
	    {23, 4, 0},
	    {20, 8, 0},
	    {700, 4, 0},
	    {701, 8, 0},
	    {25, 0, 0},
	    {1700, 0, 0},
	    {1005, 2, KIND_INTEGER},
	    {1007, 4, KIND_INTEGER},
	    {1022, 8, KIND_FLOAT},
	    {1009, 0, KIND_TEXT},
	    {1231, 0, KIND_DECIMAL},
	    {3807, 0, KIND_JSON},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct column c = {.name = NULL};

		kind_fill(&c, cases[i].oid, -1);
		assert_int_equal(c.size, cases[i].size);
		assert_int_equal(c.element, cases[i].element);
		assert_true(c.nullable);
	}
}

static int modifier(int precision, int scale)
{
	return ((precision << 16) | (scale & 0x7FF)) + 4;
}

TEST(decimals_tell_precision_and_scale)
{
	static const int cases[][2] = {
	    {1, 0}, {10, 2}, {38, 38}, {1000, 1000}, {5, -3}, {1, -1000}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct column c = {.name = NULL};

		kind_fill(&c, 1700, modifier(cases[i][0], cases[i][1]));
		assert_int_equal(c.precision, cases[i][0]);
		assert_int_equal(c.scale, cases[i][1]);
		c = (struct column){.name = NULL};
		kind_fill(&c, 1231, modifier(cases[i][0], cases[i][1]));
		assert_int_equal(c.precision, cases[i][0]);
		assert_int_equal(c.scale, cases[i][1]);
	}
}

TEST(other_types_have_neither)
{
	struct column c = {.name = NULL};

	kind_fill(&c, 1043, 14); /* varchar(10) */
	assert_int_equal(c.kind, KIND_TEXT);
	assert_int_equal(c.precision, 0);
	assert_int_equal(c.scale, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(built_in_types_have_a_kind),
	    cmocka_unit_test(sizes_and_elements),
	    cmocka_unit_test(decimals_tell_precision_and_scale),
	    cmocka_unit_test(other_types_have_neither),
	};

	return cmocka_run_group_tests_name("kind", tests, NULL, NULL);
}
