/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/test_expression.c - the condition language: values, refusals, time, what alerts count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/duration.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/machine.h"

#define SECOND ((int64_t)1000000)
#define NOW    (1000 * SECOND)

static struct policy_state states[] = {{.name = "Normal"}, {.name = "Attack"}};
static const struct policy policy = {.states = states, .state_count = ARRAY_SIZE(states)};

static struct expression *parse(const char *text)
{
	struct expression *expression = NULL;
	struct expression_place place;
	struct error err = {0};
	if (expression_parse(&expression, text, &policy, &place, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return expression;
}

static struct expression_result evaluate(const char *text, const struct machine *machine)
{
	struct expression_result result;
	struct expression *expression = parse(text);
	assert_string_equal(expression_text(expression), text);
	expression_evaluate(expression, machine, &policy, NOW, &result);
	expression_free(expression);
	return result;
}

static void remember(struct machine *machine, const char *type, int64_t ago_s, const char *source,
		     uint32_t count)
{
	struct alert alert = {.time_us = NOW - ago_s * SECOND, .count = count};
	alert.id = machine->alert_count + 1;
	TEXT_COPY(alert.type, type);
	if (source)
		assert_int_equal(ip_parse(&alert.source, source, NULL), 0);
	machine_remember(machine, &alert, false);
}

/* scan 90 s, 20 s, 10 s ago from two sources; guess 30 s ago for 5; in Normal for 100 s. */
static struct machine make_machine(void)
{
	struct machine machine;
	machine_init(&machine, &policy, NOW - 100 * SECOND);
	remember(&machine, "scan", 90, "10.0.0.1", 1);
	remember(&machine, "guess", 30, "10.0.0.3", 5);
	remember(&machine, "scan", 20, "10.0.0.2", 1);
	remember(&machine, "scan", 10, "10.0.0.1", 1);
	return machine;
}

static void conditions_have_their_values(void **state maybe_unused)
{
	static const struct {
		const char *text;
		enum truth truth;
		int64_t next_s; /* after now; -1: never */
	} cases[] = {
		{"true", TRUTH_TRUE, -1},
		{"not true", TRUTH_FALSE, -1},
		{"not not true", TRUTH_TRUE, -1},
		{"true or false and false", TRUTH_TRUE, -1},
		{"(true or false) and false", TRUTH_FALSE, -1},
		{"not false and false", TRUTH_FALSE, -1},
		{"not 1 == 2", TRUTH_TRUE, -1},
		{"1 + 2 * 3 == 7", TRUTH_TRUE, -1},
		{"(1 + 2) * 3 == 9 and 7 % 4 == 3 and 7 / 2 == 3.5", TRUTH_TRUE, -1},
		{"1 - 2 - 3 == -4 and --1 == 1", TRUTH_TRUE, -1},
		{"1h30m == 90m and 2 * 30s == 1m and 1m * 0.5 == 30s", TRUTH_TRUE, -1},
		{"1h / 30m == 2 and 1h / 2 == 30m and 1h % 25m == 10m and -1s < 0 * 1s", TRUTH_TRUE,
		 -1},
		{"1w == 7d and 1000us == 1ms and 1d == 24h", TRUTH_TRUE, -1},
		{"\"a\" == 'a' and 'a' != 'b'", TRUTH_TRUE, -1},
		{"(1 < 2) == (2 >= 2) and 1 <= 1 and 2 > 1", TRUTH_TRUE, -1},
		{"state == \"Normal\"", TRUTH_TRUE, -1},
		{"\"Attack\" == state", TRUTH_FALSE, -1},
		{"state != \"Attack\"", TRUTH_TRUE, -1},
		{"alert(\"scan\")", TRUTH_TRUE, -1},
		{"alert('other')", TRUTH_FALSE, -1},
		{"alert(\"scan\", within: 1m)", TRUTH_TRUE, 50},
		{"alert(type: \"guess\", within: 30s)", TRUTH_FALSE, -1},
		{"alert(within: 2 * 30s, type: \"guess\")", TRUTH_TRUE, 30},
		{"alert(\"*\", within: 15s)", TRUTH_TRUE, 5},
		{"count(\"scan\", within: 1m) == 2", TRUTH_TRUE, 40},
		{"count(\"*\", within: 2m) == 8", TRUTH_TRUE, 30},
		{"distinct(\"scan\", by: source, within: 2m) == 2", TRUTH_TRUE, 30},
		{"distinct(\"*\", within: 2m, by: source) == 3", TRUTH_TRUE, 30},
		{"distinct(\"*\", by: target, within: 2m) == 0", TRUTH_TRUE, 30},
		{"last_source(\"scan\") == address(\"10.0.0.1\")", TRUTH_TRUE, -1},
		{"last_source(\"*\", within: 40s) != address(\"fd00::1\")", TRUTH_TRUE, 30},
		{"last_source(\"none\") == address(\"10.0.0.1\")", TRUTH_UNKNOWN, -1},
		{"time_in_state >= 100s", TRUTH_TRUE, 0},
		{"time_in_state > 99s", TRUTH_TRUE, -1},
		{"time_in_state > 200s", TRUTH_FALSE, 100},
		{"time_in_state < 200s", TRUTH_TRUE, 100},
		{"300s - time_in_state <= 150s", TRUTH_FALSE, 50},
		{"time_in_state + time_since_alert >= 210s", TRUTH_FALSE, 50},
		{"time_in_state - time_since_alert >= 80s", TRUTH_TRUE, -1},
		{"time_since_alert > 1m", TRUTH_FALSE, 50},
		/* Kleene: what is missing decides only where nothing else does. */
		{"1 / count(\"none\", within: 1s) > 0", TRUTH_UNKNOWN, -1},
		{"1 % count(\"none\", within: 1s) > 0 or true", TRUTH_TRUE, -1},
		{"1m / count(\"none\", within: 1s) > 1s and false", TRUTH_FALSE, -1},
		{"not (1 / count(\"none\", within: 1s) > 0)", TRUTH_UNKNOWN, -1},
		{"1 / count(\"none\", within: 1s) > 0 or false", TRUTH_UNKNOWN, -1},
		{"1 / count(\"none\", within: 1s) > 0 and true", TRUTH_UNKNOWN, -1},
		{"36500d * count(\"scan\", within: 1h) > 1s", TRUTH_UNKNOWN, 3510},
	};
	struct machine machine = make_machine();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct expression_result result = evaluate(cases[i].text, &machine);
		if (result.truth != cases[i].truth)
			fail_msg("%s: %d", cases[i].text, result.truth);
		int64_t next_us = cases[i].next_s < 0    ? INT64_MAX
				  : cases[i].next_s == 0 ? NOW + 1
							 : NOW + cases[i].next_s * SECOND;
		if (result.next_us != next_us)
			fail_msg("%s: next after %lld us", cases[i].text,
				 (long long)(result.next_us - NOW));
	}
	machine_done(&machine);
}

static void missing_alerts_are_unknown_time(void **state maybe_unused)
{
	struct machine machine;
	machine_init(&machine, &policy, NOW);
	assert_int_equal(evaluate("time_since_alert > 1s", &machine).truth, TRUTH_UNKNOWN);
	assert_int_equal(evaluate("not (time_since_alert > 1s)", &machine).truth, TRUTH_UNKNOWN);
	machine_done(&machine);
}

static void bad_conditions_are_told_why(void **state maybe_unused)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *words;
	} cases[] = {
		{"", 0, "the condition ends too early"},
		{"1", 0, "a condition is true or false; this is of type number (compare it)"},
		{"state", 0, "a condition is true or false; this is of type text (compare it)"},
		{"1 + 1s > 2", 2, "'+' does not take number and duration"},
		{"1 == 1s", 2, "'==' does not take number and duration"},
		{"1m * 1m > 1m", 3, "'*' does not take duration and duration"},
		{"'a' < 'b'", 4, "'<' does not take text and text"},
		{"not 1", 0, "'not' does not take number"},
		{"-true", 0, "'-' does not take boolean"},
		{"true and 1", 5, "'and' does not take boolean and number"},
		{"1 < 2 < 3", 6, "comparisons do not chain (write a < b and b < c)"},
		{"1 == not true", 5, "put 'not ...' in parentheses here"},
		{"true true", 5, "expected an operator or the end (and, or, ==, <, +, ...)"},
		{"(true", 5, "expected ')' for the '(' at character 1"},
		{"true)", 4, "expected an operator or the end (and, or, ==, <, +, ...)"},
		{"* 1", 0, "expected a value before '*'"},
		{"true && true", 5, "'&' means nothing here (write and)"},
		{"true || true", 5, "'|' means nothing here (write or)"},
		{"!true", 0, "'!' means nothing here (write not)"},
		{"state = 'Normal'", 6, "'=' means nothing here (write ==)"},
		{"true \xc3\xbc", 5, "a character that means nothing here"},
		{"true # no", 5, "'#' means nothing here"},
		{"'abc", 0, "this text has no closing '"},
		{"1 / 0 > 1", 2, "division by zero"},
		{"count('a', within: 1m) / (1 - 1) > 1", 23, "division by zero"},
		{"1m % 0s > 1m", 3, "division by zero"},
		{"1m / 0.0 > 1m", 3, "division by zero"},
		{"36000d * 1000 > 1m", 7, "the result is out of range"},
		{"100000d > 1m", 0, "a duration of over 100 years"},
		{"10x > 1m", 0,
		 "no such duration (write 500ms, 10m, 1h30m; units are us ms s m h d w, larger ones first)"},
		{"1m1h > 1m", 0,
		 "no such duration (write 500ms, 10m, 1h30m; units are us ms s m h d w, larger ones first)"},
		{"1.5m > 1m", 0,
		 "not a number (write 10 or 0.5; durations in whole numbers, as 1h30m)"},
		{"1. > 1", 0,
		 "not a number (write 10 or 0.5; durations in whole numbers, as 1h30m)"},
		{"stat == 'Normal'", 0, "no name 'stat' (did you mean 'state'?)"},
		{"alert(brute)", 6, "no name 'brute' (text stands in quotes)"},
		{"Normal == state", 0, "a state's name is text (write state == \"Normal\")"},
		{"count > 1", 0, "'count' is a function (write count(...))"},
		{"state == 'Normall'", 9, "no state 'Normall' (did you mean 'Normal'?)"},
		{"'Normall' != state", 0, "no state 'Normall' (did you mean 'Normal'?)"},
		{"cuont('a', within: 1m) > 1", 0, "no function 'cuont' (did you mean 'count'?)"},
		{"count('a') > 1", 0,
		 "count() needs its argument 'within' (count(\"type\", within: 10m): how many observations "
		 "such alerts stand for)"},
		{"count('a', wihtin: 1m) > 1", 11,
		 "count() has no argument 'wihtin' (did you mean 'within'?)"},
		{"address('10.0.0.1', colour: 1) == last_source('a')", 20,
		 "address() has no argument 'colour' (address(\"10.0.0.9\"): an address to compare with)"},
		{"count('a', 1m) > 1", 11, "an argument without its name (write within: ...)"},
		{"alert('a', within: 1m, 5)", 23,
		 "too many arguments (alert(\"type\", within: 10m): whether such an alert came; \"*\" is any "
		 "type)"},
		{"alert('a', type: 'b')", 11, "the argument 'type' is given twice"},
		{"alert('a' 'b')", 10, "expected ',' or ')'"},
		{"alert(5)", 6, "alert() wants a constant text for 'type'"},
		{"alert(state)", 6, "alert() wants a constant text for 'type'"},
		{"alert('a', within: time_in_state)", 19,
		 "alert() wants a constant duration for 'within'"},
		{"alert('a', within: 5)", 19, "alert() wants a constant duration for 'within'"},
		{"alert('a', within: 0s)", 19, "'within' must be longer than 0"},
		{"distinct('a', by: port, within: 1m) > 1", 18,
		 "'by' must be the word source or target"},
		{"distinct('a', by: 5, within: 1m) > 1", 18,
		 "'by' must be the word source or target"},
		{"last_source('a') == address('10.0.0.300')", 28,
		 "'10.0.0.300' is no IP address (like 192.0.2.7 or 2001:db8::7)"},
		{"last_source('a') == '10.0.0.3'", 17, "'==' does not take address and text"},
		{"time_in_state == 10m", 14,
		 "a time that runs is equal for a moment only (use >= or <)"},
		{"2 * time_in_state > 10m", 2,
		 "'*' does not take a time that runs (compare it, add or subtract)"},
		{"(time_in_state - 1m) % 10m > 1m", 21,
		 "'%' does not take a time that runs (compare it, add or subtract)"},
		{"1m / time_since_alert > 1", 3,
		 "'/' does not take a time that runs (compare it, add or subtract)"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct expression *expression = NULL;
		struct expression_place place = {0};
		struct error err = {0};
		assert_int_equal(
			expression_parse(&expression, cases[i].text, &policy, &place, &err),
			-EINVAL);
		assert_null(expression);
		assert_string_equal(err.text, cases[i].words);
		if (place.offset != cases[i].offset)
			fail_msg("%s: at %zu", cases[i].text, place.offset);
	}
}

static void bad_alert_type_is_refused(void **state maybe_unused)
{
	struct expression *expression = NULL;
	struct expression_place place;
	assert_int_equal(expression_parse(&expression, "alert('a b')", &policy, &place, NULL),
			 -EINVAL);
	assert_int_equal(place.offset, 6);
}

static int try_repeated(const char *before, const char *part, unsigned times, const char *after)
{
	cleanup_buffer struct buffer text = {0};
	struct expression *expression = NULL;
	struct expression_place place;
	buffer_print(&text, "%s", before);
	for (unsigned i = 0; i < times; i++)
		buffer_print(&text, "%s", part);
	buffer_print(&text, "%s", after);
	int result = expression_parse(&expression, text.bytes, &policy, &place, NULL);
	expression_free(expression);
	return result;
}

static void limits_hold(void **state maybe_unused)
{
	assert_int_equal(try_repeated("", "not ", EXPRESSION_DEPTH_MAX, "true"), 0);
	assert_int_equal(try_repeated("", "not ", EXPRESSION_DEPTH_MAX + 1, "true"), -EINVAL);
	assert_int_equal(try_repeated("", "(", 1000, "true"), -EINVAL);
	assert_int_equal(try_repeated("0 < ", "-", 1000, "1"), -EINVAL);
	assert_int_equal(try_repeated("", "alert(", 1000, "'a'"), -EINVAL);
	assert_int_equal(try_repeated("true", " ", EXPRESSION_BYTES_MAX, ""), -EINVAL);
	assert_int_equal(try_repeated("'a'==state", " or 'Normal'==state", 126, ""), -EINVAL);
	assert_int_equal(try_repeated("'Normal'==state", " or 'Normal'==state", 127, ""), 0);
	assert_int_equal(try_repeated("'Normal'==state", " or 'Normal'==state", 128, ""), -EINVAL);
	/* Constants are computed, however long. */
	assert_int_equal(try_repeated("1", "+1", 2000, "> 0"), 0);
}

static bool counts(const struct expression_result *result, unsigned i)
{
	return result->counted[i / 64] >> i % 64 & 1;
}

static void what_made_it_true_is_counted(void **state maybe_unused)
{
	static const struct {
		const char *text;
		unsigned counted; /* bit i: the i-th oldest */
	} cases[] = {
		{"alert(\"guess\")", 2},
		{"count(\"scan\", within: 1m) >= 1", 12},
		{"count(\"scan\", within: 1m) < 5", 12},
		{"not (count(\"scan\", within: 1m) >= 5)", 12},
		{"alert(\"guess\") and alert(\"scan\", within: 15s)", 10},
		{"alert(\"guess\") or alert(\"scan\", within: 5s)", 2},
		{"alert(\"guess\") or alert(\"scan\", within: 15s)", 10},
		{"not (alert(\"other\") or not alert(\"guess\"))", 2},
		{"alert(\"guess\") and not (alert(\"scan\") and alert(\"other\"))", 2},
		{"(alert(\"guess\") and alert(\"other\")) or alert(\"scan\", within: 15s)", 8},
		{"alert(\"guess\") == alert(\"scan\", within: 15s)", 10},
		{"count(\"guess\", within: 1m) + count(\"scan\", within: 15s) > 2", 10},
		{"true or alert(\"guess\")", 2},
		{"state == \"Normal\"", 0},
		{"1 / count(\"none\", within: 1s) > 0 or alert(\"guess\")", 2},
	};
	struct machine machine = make_machine();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct expression_result result = evaluate(cases[i].text, &machine);
		assert_int_equal(result.truth, TRUTH_TRUE);
		for (unsigned j = 0; j < machine.alert_count; j++)
			if (counts(&result, j) != (cases[i].counted >> j & 1))
				fail_msg("%s: alert %u", cases[i].text, j);
	}
	struct expression_result result = evaluate("alert(\"guess\") and alert(\"other\")",
						   &machine);
	assert_int_equal(result.truth, TRUTH_FALSE);
	assert_false(counts(&result, 1));
	machine_done(&machine);
}

static void used_up_alerts_do_not_count(void **state maybe_unused)
{
	struct machine machine = make_machine();
	machine_alert_at(&machine, 3)->used = true;
	assert_int_equal(evaluate("count(\"scan\", within: 1m) == 1", &machine).truth, TRUTH_TRUE);
	assert_int_equal(evaluate("last_source(\"scan\") == address(\"10.0.0.2\")", &machine).truth,
			 TRUTH_TRUE);
	machine_done(&machine);
}

static void check_cost(const char *text, unsigned long cost)
{
	struct expression *expression = parse(text);
	assert_int_equal(expression_cost(expression), cost);
	expression_free(expression);
}

static void cost_is_known(void **state maybe_unused)
{
	check_cost("alert(\"a\") or 1 < 2 and count(\"b\", within: 1m) > 1",
		   7 + 2 * 2 * EXPRESSION_ALERTS_MAX);
	check_cost("state == \"Normal\" and time_in_state > 1m", 7);
}

/* Whether an alert of another device asks for another look. */
static bool names_alert(const char *text, const char *type)
{
	const struct device other = {.name = "lamp1"};
	const struct fleet_member member = {.device = &other};
	const struct fleet_change change = {.kind = FLEET_ALERT, .member = &member, .alert = type};
	struct expression *expression = parse(text);
	bool names = expression_names_change(expression, &change);
	expression_free(expression);
	return names;
}

static void alerts_of_others_are_known(void **state maybe_unused)
{
	const char *two =
		"any(name: \"lamp1\", where: alert(\"a\") or count(\"b\", within: 1m) > 1)";
	assert_true(names_alert(two, "a"));
	assert_true(names_alert(two, "b"));
	assert_false(names_alert(two, "c"));
	assert_false(names_alert("any(name: \"lamp2\", where: alert(\"a\"))", "a"));
	assert_false(names_alert("any(where: time_in_state > 1m) and alert(\"a\")", "a"));
	assert_true(names_alert("any(where: time_since_alert > 1m)", "a"));
	assert_true(names_alert("any(where: alert(\"*\"))", "a"));
}

/* A line for each part: its depth, its text, its value, and '!' when the whole rests on it. */
static void check_parts(const char *text, const struct machine *machine, const char *lines)
{
	struct expression_part parts[EXPRESSION_NODES_MAX];
	struct expression *expression = parse(text);
	cleanup_buffer struct buffer found = {0};
	unsigned count = expression_explain(expression, machine, &policy, NOW, parts,
					    ARRAY_SIZE(parts));
	for (unsigned i = 0; i < count; i++)
		buffer_print(&found, "%u %.*s = %s%s\n", parts[i].depth,
			     (int)(parts[i].end - parts[i].start), text + parts[i].start,
			     parts[i].value, parts[i].decisive ? "!" : "");
	assert_string_equal(found.bytes, lines);
	count = expression_explain(expression, machine, &policy, NOW, parts, 1);
	assert_int_equal(count, 1);
	expression_free(expression);
}

static void parts_are_explained(void **state maybe_unused)
{
	struct machine machine = make_machine();
	check_parts("alert(\"scan\") and (count(\"guess\", within: 1m) > 9 or alert('none')) and "
		    "not (state == 'Attack')",
		    &machine,
		    "0 alert(\"scan\") and (count(\"guess\", within: 1m) > 9 or alert('none')) and "
		    "not (state == 'Attack') = false!\n"
		    "1 alert(\"scan\") = true\n"
		    "1 (count(\"guess\", within: 1m) > 9 or alert('none')) = false!\n"
		    "2 count(\"guess\", within: 1m) > 9 = false!\n"
		    "3 count(\"guess\", within: 1m) = 5!\n"
		    "2 alert('none') = false!\n"
		    "1 not (state == 'Attack') = true\n"
		    "2 (state == 'Attack') = false\n"
		    "3 state = Normal\n");
	check_parts("-(time_in_state - 10s) < -1m30s - 1s", &machine,
		    "0 -(time_in_state - 10s) < -1m30s - 1s = false!\n"
		    "1 -(time_in_state - 10s) = -1m30s!\n"
		    "2 (time_in_state - 10s) = 1m30s!\n"
		    "3 time_in_state = 1m40s!\n");
	check_parts("last_source('x') == address('10.0.0.1') or alert('x')", &machine,
		    "0 last_source('x') == address('10.0.0.1') or alert('x') = unknown!\n"
		    "1 last_source('x') == address('10.0.0.1') = unknown!\n"
		    "2 last_source('x') = unknown!\n"
		    "1 alert('x') = false\n");
	machine_done(&machine);
}

static void durations_go_both_ways(void **state maybe_unused)
{
	static const struct {
		const char *text;
		int64_t us;
		const char *printed;
	} good[] = {
		{"0", 0, "0s"},
		{"0s", 0, "0s"},
		{"500ms", 500000, "500ms"},
		{"90s", 90 * SECOND, "1m30s"},
		{"1h30m", 5400 * SECOND, "1h30m"},
		{"2w", 14 * 86400 * SECOND, "14d"},
		{"1s1us", SECOND + 1, "1s1us"},
	};
	static const char *const wrong[] = {"",      "1",    "s",   "1x",
					    "-1s",   "1s ",  " 1s", "1m1h",
					    "1s1s",  "1.5s", "1M",  "99999999999999999999s",
					    "36526d"};
	char printed[DURATION_TEXT_BYTES];
	int64_t us;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(duration_parse(&us, good[i].text), 0);
		assert_true(us == good[i].us);
		duration_print(printed, us);
		assert_string_equal(printed, good[i].printed);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_true(duration_parse(&us, wrong[i]) < 0);
	duration_print(printed, INT64_MIN);
	assert_string_equal(printed, "-106751991d4h54s775ms808us");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_have_their_values),
		cmocka_unit_test(missing_alerts_are_unknown_time),
		cmocka_unit_test(bad_conditions_are_told_why),
		cmocka_unit_test(bad_alert_type_is_refused),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(what_made_it_true_is_counted),
		cmocka_unit_test(used_up_alerts_do_not_count),
		cmocka_unit_test(cost_is_known),
		cmocka_unit_test(alerts_of_others_are_known),
		cmocka_unit_test(parts_are_explained),
		cmocka_unit_test(durations_go_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
