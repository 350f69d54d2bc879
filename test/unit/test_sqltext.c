/* SPDX-License-Identifier: MIT */
#include "source/sqltext.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "helper.h"

/* Returns the statements of sql, each in <...>; the caller frees the text. */
static char *split(const char *sql)
{
	struct sqltext_part part;
	struct buf b;
	int n = 0;

	buf_init(&b, 1 << 20);
	buf_str(&b, "");
	for (const char *at = sql; sqltext_next(&at, &part); n++) {
		assert_true(part.len > 0);
		buf_printf(&b, "<%.*s>", (int)part.len, part.text);
	}
	assert_int_equal(sqltext_count(sql), n);
	return b.data;
}

struct example {
	const char *in, *out;
};

static void assert_splits(const struct example *examples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *got = split(examples[i].in);

		assert_string_equal(got, examples[i].out);
		free(got);
	}
}

TEST(semicolons_end_statements)
{
	static const struct example examples[] = {
	    {"select 1", "<select 1>"},
	    {"select 1;", "<select 1>"},
	    {"select 1; select 2", "<select 1><select 2>"},
	    {"\n select 1 \n;\t;; select 2;\n", "<select 1><select 2>"},
	    {"", ""},
	    {" ; ;\n", ""},
	    {"-- nothing\n", ""},
	    {"/* nothing */;-- at all", ""},
	};

	assert_splits(examples, COUNT(examples));
}

TEST(comments_hide_semicolons)
{
	static const struct example examples[] = {
	    {"select 1 -- a; b\n, 2; x", "<select 1 -- a; b\n, 2><x>"},
	    {"select 1 -- a; b\r, 2; x", "<select 1 -- a; b\r, 2><x>"},
	    {"select /* a; /* b; */ c; */ 1; x",
		"<select /* a; /* b; */ c; */ 1><x>"},
	    {"-- lead;\nselect 1 -- trail;", "<select 1>"},
	    {"/* lead; */ select 1 /* trail; */; x", "<select 1><x>"},
	    {"select 5 - -1; select 6 / 2 * 3; x",
		"<select 5 - -1><select 6 / 2 * 3><x>"},
	    {"select 1 /*/ ; */ ; x", "<select 1><x>"},
	};

	assert_splits(examples, COUNT(examples));
}

TEST(strings_hide_semicolons)
{
	static const struct example examples[] = {
	    {"select 'a;b'; x", "<select 'a;b'><x>"},
	    {"select 'it''s;'; x", "<select 'it''s;'><x>"},
	    {"select 'a -- b'; x", "<select 'a -- b'><x>"},
	    {"select 'a /* b'; x", "<select 'a /* b'><x>"},
	    {"select \"a;\"\"b\"; x", "<select \"a;\"\"b\"><x>"},
	    /* With standard_conforming_strings, a backslash stands for
	     * itself. */
	    {"select 'a\\'; x", "<select 'a\\'><x>"},
	    {"select E'a\\';b'; x", "<select E'a\\';b'><x>"},
	    {"select e'a\\\\'; x", "<select e'a\\\\'><x>"},
	    {"select e'a'';b'; x", "<select e'a'';b'><x>"},
	    /* An E at the end of a word belongs to the word. */
	    {"select date'a\\'; x", "<select date'a\\'><x>"},
	    {"select U&'d\\0061;'; x", "<select U&'d\\0061;'><x>"},
	    {"select x'1F;', b'01;', n'a;'; x",
		"<select x'1F;', b'01;', n'a;'><x>"},
	};

	assert_splits(examples, COUNT(examples));
}

/* A string continues in the next line, with the rules of its first part. */
TEST(strings_may_go_on_in_the_next_line)
{
	static const struct example examples[] = {
	    {"select 'a;'\n';b'; x", "<select 'a;'\n';b'><x>"},
	    {"select e'a'\n'b\\';c'; x", "<select e'a'\n'b\\';c'><x>"},
	    {"select e'a' 'b\\'; x", "<select e'a' 'b\\'><x>"},
	};

	assert_splits(examples, COUNT(examples));
}

TEST(dollar_quotes_hide_all_but_their_own_end)
{
	static const struct example examples[] = {
	    {"select $$a;'$$; x", "<select $$a;'$$><x>"},
	    {"select $t$a;$$;$u$;$t$; x", "<select $t$a;$$;$u$;$t$><x>"},
	    {"select $t$a;$T$;$t$; x", "<select $t$a;$T$;$t$><x>"},
	    {"select $_1$;$_1$; x", "<select $_1$;$_1$><x>"},
	    {"select $\xC3\xA9$;$\xC3\xA9$; x",
		"<select $\xC3\xA9$;$\xC3\xA9$><x>"},
	    /* Parameters, and names that contain a dollar sign. */
	    {"select $1; select $2", "<select $1><select $2>"},
	    {"select a$b$; c$b$; x", "<select a$b$><c$b$><x>"},
	    {"select $1a$;$1a$", "<select $1a$><$1a$>"},
	    {"do $$begin; perform 1; end$$; x",
		"<do $$begin; perform 1; end$$><x>"},
	};

	assert_splits(examples, COUNT(examples));
}

TEST(what_is_not_terminated_runs_to_the_end)
{
	static const struct example examples[] = {
	    {"select 'a; b", "<select 'a; b>"},
	    {"select \"a; b", "<select \"a; b>"},
	    {"select e'a\\", "<select e'a\\>"},
	    {"select e'a; \\'", "<select e'a; \\'>"},
	    {"select $$a; b", "<select $$a; b>"},
	    {"select $a$; $a", "<select $a$; $a>"},
	    {"select 1 /* a; b", "<select 1 /* a; b>"},
	    {"select 1 /* a; /* b */", "<select 1 /* a; /* b */>"},
	    {"select $", "<select $>"},
	    {"select (1; 2", "<select (1; 2>"},
	    {"select E", "<select E>"},
	};

	assert_splits(examples, COUNT(examples));
}

TEST(parentheses_hide_semicolons_as_in_psql)
{
	static const struct example examples[] = {
	    {"create rule r as on insert to t do also (insert into a "
	     "values (1); insert into b values (2)); x",
		"<create rule r as on insert to t do also (insert into a "
		"values (1); insert into b values (2))><x>"},
	    {"select ')'; select '('; x", "<select ')'><select '('><x>"},
	    {"select 1); select 2; x", "<select 1)><select 2><x>"},
	};

	assert_splits(examples, COUNT(examples));
}

#define BODY                                                          \
	"begin atomic insert into t values (case when a then 1 end);" \
	" select case x when 1 then 2 end; end"

TEST(function_bodies_keep_their_semicolons)
{
	static const struct example examples[] = {
	    {"create function f() returns int " BODY "; x",
		"<create function f() returns int " BODY "><x>"},
	    {"CREATE OR REPLACE PROCEDURE f() " BODY "; x",
		"<CREATE OR REPLACE PROCEDURE f() " BODY "><x>"},
	    {"create function f(\"begin\" int) returns int return 1; x",
		"<create function f(\"begin\" int) returns int return 1><x>"},
	    {"create function f(begin int) returns int return 1; x",
		"<create function f(begin int) returns int return 1><x>"},
	    {"create function f() returns int as 'begin; end' language x; y",
		"<create function f() returns int as 'begin; end' language "
		"x><y>"},
	    /* Outside of a routine, BEGIN is a command. */
	    {"begin; insert into t values (1); end; x",
		"<begin><insert into t values (1)><end><x>"},
	    {"begin; create table a (b int); end; x",
		"<begin><create table a (b int)><end><x>"},
	};

	assert_splits(examples, COUNT(examples));
}

TEST(the_first_word_is_found_behind_comments_and_parentheses)
{
	static const struct example yes[] = {{"select 1", "select"},
	    {"SELECT(1)", "select"},
	    {" \n-- a\n/* b */ ( (select 1)", "select"},
	    {"with x as (select 1) select 2", "with"}, {"table t", "table"}};
	static const struct example no[] = {{"selects", "select"},
	    {"select", "selects"}, {"'select'", "select"},
	    {"\"select\"", "select"}, {"", "select"}, {"; select", "select"},
	    {"-- select", "select"}, {"insert", "select"},
	    {"$$select$$", "select"}};

	for (size_t i = 0; i < COUNT(yes); i++)
		assert_true(sqltext_starts_with(yes[i].in, yes[i].out));
	for (size_t i = 0; i < COUNT(no); i++)
		assert_false(sqltext_starts_with(no[i].in, no[i].out));
}

/* Quotes name as <name> or <"name">; `gone` is unknown. */
static char *lookup(void *arg, const char *name, bool identifier, struct err *e)
{
	++*(int *)arg;
	if (strcmp(name, "gone") == 0) {
		err_set(e, ERR_PERMANENT, "unknown parameter \"%s\"", name);
		return NULL;
	}
	return mem_printf(identifier ? "<\"%s\">" : "<%s>", name);
}

TEST(variables_are_replaced_where_psql_does_it)
{
	static const struct example examples[] = {
	    {"select 1", "select 1"},
	    {"", ""},
	    {"select :'a'", "select <a>"},
	    {"select :\"a\"", "select <\"a\">"},
	    {":'a':'b_2':\"C\"", "<a><b_2><\"C\">"},
	    {"where x=:'a'and y", "where x=<a>and y"},
	    /* Casts, slices and assignments are not variables. */
	    {"select a::text, :'a'::date", "select a::text, <a>::date"},
	    {"select x::\"char\", x::'a'", "select x::\"char\", x::'a'"},
	    {"select a[1:2], a[b:c]", "select a[1:2], a[b:c]"},
	    {"select f(a := 'b')", "select f(a := 'b')"},
	    {"select :a", "select :a"},
	    /* Variables inside of strings and comments are left alone. */
	    {"select ':''a'''", "select ':''a'''"},
	    {"select e'\\':''a'", "select e'\\':''a'"},
	    {"select $$:'a'$$", "select $$:'a'$$"},
	    {"select $t$:'a'$t$ || :'a'", "select $t$:'a'$t$ || <a>"},
	    {"select \":'a'\"", "select \":'a'\""},
	    {"-- :'a'\n:'a'", "-- :'a'\n<a>"},
	    {"/* :'a' /* :'a' */ :'a' */ :'a'",
		"/* :'a' /* :'a' */ :'a' */ <a>"},
	    {"a:'a'", "a<a>"},
	    /* No name between the quotes, or no closing quote. */
	    {"select : 'a'", "select : 'a'"},
	    {"select :''", "select :''"},
	    {"select :'a b'", "select :'a b'"},
	    {"select :'a\"", "select :'a\""},
	    {"select :'a", "select :'a"},
	    {"select :'", "select :'"},
	    {"select :", "select :"},
	    {"select ::", "select ::"},
	    {"select 'a", "select 'a"},
	};

	for (size_t i = 0; i < COUNT(examples); i++) {
		struct err e = {.text = ""};
		struct buf out;
		int calls = 0;

		buf_init(&out, 1000);
		assert_int_equal(sqltext_substitute(
				     examples[i].in, lookup, &calls, &out, &e),
		    0);
		assert_string_equal(out.data, examples[i].out);
		assert_err(&e, "");
		buf_free(&out);
	}
}

TEST(an_unknown_name_is_an_error)
{
	struct err e;
	struct buf out;
	int calls = 0;

	buf_init(&out, 1000);
	assert_int_equal(sqltext_substitute("select :'a', :'gone', :'b'",
			     lookup, &calls, &out, &e),
	    -1);
	assert_err(&e, "unknown parameter \"gone\"");
	assert_int_equal(calls, 2);
	buf_free(&out);
}

TEST(a_result_that_does_not_fit_is_an_error)
{
	struct err e;
	struct buf out;
	int calls = 0;

	buf_init(&out, 10);
	assert_int_equal(
	    sqltext_substitute("select :'a'", lookup, &calls, &out, &e), 0);
	buf_clear(&out);
	assert_int_equal(
	    sqltext_substitute("select  :'a'", lookup, &calls, &out, &e), -1);
	assert_err(&e, "with its parameters the SQL is longer than 10 bytes; a "
		       "long list of "
		       "values belongs into a table");
	assert_int_equal(e.kind, ERR_PERMANENT);
	buf_free(&out);
}

TEST(a_variable_without_quotes_is_found)
{
	static const struct {
		const char *sql, *name; /* name NULL: there is none */
	} table[] = {{"select :n", "n"}, {"where a=:month_1)", "month_1"},
	    {"select 1 --\n limit :top", "top"}, {"a[b:c], :d", "d"},
	    {"select a::int, b :: text", NULL}, {"select :'n', :\"m\"", NULL},
	    {"select a[1:n] from t", NULL}, {"select a[x:(:y)]", NULL},
	    {"select ':n' || $$ :n $$ || \":n\" -- :n\n/* :n */", NULL},
	    {"x := 1", NULL}, {"select :1", NULL}, {":", NULL}, {"", NULL}};

	for (size_t i = 0; i < COUNT(table); i++) {
		size_t len = 0;
		const char *name = sqltext_bare_variable(table[i].sql, &len);

		assert_int_equal(name == NULL, table[i].name == NULL);
		if (name == NULL)
			continue;
		assert_int_equal(len, strlen(table[i].name));
		assert_memory_equal(name, table[i].name, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_variable_without_quotes_is_found),
	    cmocka_unit_test(semicolons_end_statements),
	    cmocka_unit_test(comments_hide_semicolons),
	    cmocka_unit_test(strings_hide_semicolons),
	    cmocka_unit_test(strings_may_go_on_in_the_next_line),
	    cmocka_unit_test(dollar_quotes_hide_all_but_their_own_end),
	    cmocka_unit_test(what_is_not_terminated_runs_to_the_end),
	    cmocka_unit_test(parentheses_hide_semicolons_as_in_psql),
	    cmocka_unit_test(function_bodies_keep_their_semicolons),
	    cmocka_unit_test(
		the_first_word_is_found_behind_comments_and_parentheses),
	    cmocka_unit_test(variables_are_replaced_where_psql_does_it),
	    cmocka_unit_test(an_unknown_name_is_an_error),
	    cmocka_unit_test(a_result_that_does_not_fit_is_an_error),
	};

	return cmocka_run_group_tests_name("sqltext", tests, NULL, NULL);
}
