/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/test_expression_wrong.c - wrong conditions over sensors, times and other devices: each is
 * told what is wrong, where, and what would be right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/policy.h"

static struct policy_state states[] = {{.name = "Normal"}, {.name = "Attack"}};
static const struct policy plug = {
	.type = "plug",
	.sensors = {{.name = "temperature", .unit = "C", .keep = 64},
		    {.name = "power", .unit = "mW", .keep = 8},
		    {.name = "isOn", .type = SENSOR_BOOLEAN, .keep = 8},
		    {.name = "mode", .type = SENSOR_TEXT, .keep = 8}},
	.sensor_count = 4,
	.states = states,
	.state_count = 2,
};
static const struct policy lamp = {
	.type = "lamp",
	.sensors = {{.name = "isOn", .type = SENSOR_BOOLEAN, .keep = 8},
		    {.name = "mode", .type = SENSOR_NUMBER, .keep = 4}},
	.sensor_count = 2,
	.states = states,
	.state_count = 1,
};

static const struct {
	const char *text;
	size_t at;
	const char *words;
} wrong[] = {
	{"temprature > 3", 0, "no name 'temprature' (did you mean 'temperature'?)"},
	{"temperature > 10m", 12, "'>' does not take temperature (number in C) and duration"},
	{"isOn > 1", 5, "'>' does not take isOn (boolean) and number"},
	{"not temperature", 0, "'not' does not take temperature (number in C)"},
	{"temperature > power", 12, "'>' does not take a number in C and one in mW"},
	{"temperature + power > 3", 12, "'+' does not take a number in C and one in mW"},
	{"avg(temperature, last: 3) < max(power, last: 3)", 26,
	 "'<' does not take a number in C and one in mW"},
	{"temperature", 0, "a condition is true or false; this is of type number (compare it)"},
	{"avg > 3", 0, "'avg' is a function (write avg(...))"},
	{"avg(\"temperature\", last: 3) > 3", 4,
	 "'sensor' of avg() must be a sensor's name, without quotes"},
	{"avg(heat, last: 3) > 3", 4, "'sensor' of avg() must be a sensor's name, without quotes"},
	{"avg(isOn, last: 3) > 3", 4, "avg() wants a sensor of numbers; 'isOn' is of type boolean"},
	{"avg(temperature) > 3", 0,
	 "avg() needs either last: or within: (avg(sensor, last: 10) or avg(sensor, within: 10m): the "
	 "average of its values)"},
	{"avg(temperature, last: 3, within: 1m) > 3", 0,
	 "avg() needs either last: or within: (avg(sensor, last: 10) or avg(sensor, within: 10m): the "
	 "average of its values)"},
	{"avg(temperature, last: 65) > 3", 0,
	 "avg() looks at 65 values of 'temperature', which keeps 64 (keep: 65 where the sensor is "
	 "declared)"},
	{"avg(temperature, last: 2.5) > 3", 23, "a whole number of values, 1 to 1024"},
	{"avg(temperature, last: 10m) > 3", 23, "avg() wants a constant number for 'last'"},
	{"last(power, back: 8) > 3", 0,
	 "last() looks at 9 values of 'power', which keeps 8 (keep: 9 where the sensor is declared)"},
	{"magnitude(temperature, power) > 3", 23,
	 "magnitude() wants sensors of one unit, not C and mW"},
	{"magnitude(temperature) > 3", 0,
	 "magnitude() needs its argument 'second' (magnitude(x, y, z): the length of the vector of two or "
	 "three axes)"},
	{"age(temperature) == 5m", 17, "a time that runs is equal for a moment only (use >= or <)"},
	{"held(temperature, for: 5m)", 5,
	 "'condition' is a condition, true or false; this is of type number (compare it)"},
	{"held(isOn)", 0,
	 "held() needs its argument 'for' (held(condition, for: 10m): whether the condition has been true "
	 "for so long)"},
	{"held(isOn, for: 0s)", 16, "'for' must be longer than 0"},
	{"between(\"22:00\", \"24:00\")", 17,
	 "'24:00' is no time of day (write \"06:30\"; 00:00 to 23:59)"},
	{"between(\"22:00\", 6)", 17, "between() wants a constant text for 'to'"},
	{"between(\"22:00\", \"22:00\")", 0, "between() of a time and itself is the whole day"},
	{"weekday(\"Sat\")", 8,
	 "'Sat' is no weekday (mon tue wed thu fri sat sun, or \"mon-fri\")"},
	{"weekday()", 0,
	 "weekday() needs its argument 'days' (weekday(\"mon-thu\", \"sat\"): whether today is one of these "
	 "days)"},
	{"alert(\"a\", severity: hgh)", 21,
	 "'severity' must be the word low, medium, high or critical (or worse is meant)"},
	{"alert(\"a\", source: \"10.0.0\")", 19,
	 "'10.0.0' is no IP address (like 192.0.2.7 or 2001:db8::7)"},
	{"alert(\"a\", umbox: \"a b\")", 18,
	 "'a b' is no name for a umbox (letters, digits, '-', '_' and '.', starting with a letter or "
	 "digit)"},
	{"sequence(\"a\", within: 5m)", 0,
	 "sequence() needs its argument 'then' (sequence(\"type\", then: \"type\", within: 10m): whether one "
	 "came after the other)"},
	{"absent(\"a\")", 0,
	 "absent() needs its argument 'within' (absent(\"type\", within: 10m): whether no such alert came "
	 "for so long)"},
	{"transitions(within: 1h)", 0,
	 "a condition is true or false; this is of type number (compare it)"},
	{"any(typ: \"lamp\")", 4, "any() has no argument 'typ' (did you mean 'type'?)"},
	{"any(\"lamp\")", 4,
	 "too many arguments (any(type: \"lamp\", group: mine, where: isOn): whether it is true of some "
	 "other device)"},
	{"all(type: \"lamp\")", 0,
	 "all() needs its argument 'where' (all(type: \"lamp\", group: mine, where: isOn): whether it is "
	 "true of all other devices)"},
	{"any(type: \"lmap\", where: isOn)", 0, "no device type 'lmap' (did you mean 'lamp'?)"},
	{"any(type: \"lamp\", where: temperature > 3)", 25,
	 "no sensor 'temperature' of the type 'lamp'"},
	{"any(where: isOn, type: \"lamp\")", 15,
	 "'where' comes last, behind type, group, tag, name and itself"},
	{"any(group: mine, where: mode == 3)", 24,
	 "'mode' is of type text for a plug and number for a lamp (name the type: any(type: \"plug\", "
	 "...))"},
	{"any(group: yours)", 11, "no name 'yours' (text stands in quotes)"},
	{"any(type: \"lamp\", where: state == \"Attack\")", 34, "no state 'Attack'"},
	{"any(type: \"lamp\", where: avg(mode, last: 5) > 1)", 25,
	 "avg() looks at 5 values of 'mode', which keeps 4 (keep: 5 where the sensor is declared)"},
	{"any(type: \"lamp\", where: held(isOn, for: 5m))", 25,
	 "held() is kept for the device itself (put it around: held(any(...), for: ...))"},
	{"any(type: \"lamp\", where: any(type: \"lamp\"))", 25,
	 "any() cannot stand inside of another's 'where'"},
	{"any(itself: 1)", 12, "any() wants a constant boolean for 'itself'"},
};

static void each_is_told_what_is_wrong(void **state maybe_unused)
{
	static const struct policy *const policies[] = {&plug, &lamp};
	static const struct policy_types types = {policies, ARRAY_SIZE(policies)};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct expression *expression = NULL;
		struct expression_place place = {0};
		struct error err = {0};
		int result = expression_parse_among(&expression, wrong[i].text, &plug, &types,
						    &place, &err);
		if (result == 0)
			fail_msg("%s: is taken", wrong[i].text);
		if (!text_equal(err.text, wrong[i].words) || place.offset != wrong[i].at)
			fail_msg("%s: at %zu: %s", wrong[i].text, place.offset, err.text);
	}
}

static void other_types_have_to_be_there(void **state maybe_unused)
{
	struct expression *expression = NULL;
	struct expression_place place = {0};
	struct error err = {0};
	assert_int_equal(expression_parse(&expression, "any(type: \"lamp\", where: isOn)", &plug,
					  &place, &err),
			 -EINVAL);
	assert_string_equal(err.text,
			    "the type 'lamp' is not known here (check the files together)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_told_what_is_wrong),
		cmocka_unit_test(other_types_have_to_be_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
