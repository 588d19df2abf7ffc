/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_table.c - the names and functions of the condition language: a new one is a row
 * here and what it computes. */
#include <assert.h>

#include "core/expression_internal.h"
#include "core/machine.h"

static const struct function_parameter type = {"type", ARGUMENT_ALERT_TYPE, SLOT_TYPE,
					       .required = true};
static const struct function_parameter then = {"then", ARGUMENT_ALERT_TYPE, SLOT_THEN,
					       .required = true, .named = true};
static const struct function_parameter within = {"within", ARGUMENT_WINDOW, SLOT_WITHIN,
						 .required = true, .named = true};
static const struct function_parameter within_if_any = {"within", ARGUMENT_WINDOW, SLOT_WITHIN,
							.named = true};
static const struct function_parameter by = {"by", ARGUMENT_FIELD, SLOT_BY, .required = true,
					     .named = true};
static const struct function_parameter severity = {"severity", ARGUMENT_SEVERITY, SLOT_SEVERITY,
						   .named = true};
static const struct function_parameter source = {"source", ARGUMENT_ADDRESS, SLOT_SOURCE,
						 .named = true};
static const struct function_parameter umbox = {"umbox", ARGUMENT_NAME, SLOT_UMBOX, .named = true};
static const struct function_parameter text = {"text", ARGUMENT_ADDRESS, SLOT_ADDRESS,
					       .required = true};
static const struct function_parameter any_sensor = {"sensor", ARGUMENT_SENSOR, SLOT_SENSOR,
						     .required = true};
static const struct function_parameter sensor = {"sensor", ARGUMENT_NUMBERS_SENSOR, SLOT_SENSOR,
						 .required = true};
static const struct function_parameter axis_2 = {"second", ARGUMENT_NUMBERS_SENSOR, SLOT_SENSOR_2,
						 .required = true};
static const struct function_parameter axis_3 = {"third", ARGUMENT_NUMBERS_SENSOR, SLOT_SENSOR_3};
static const struct function_parameter last = {"last", ARGUMENT_SAMPLES, SLOT_LAST, .named = true};
static const struct function_parameter back = {"back", ARGUMENT_SAMPLES, SLOT_BACK, .named = true};
static const struct function_parameter per = {"per", ARGUMENT_WINDOW, SLOT_PER, .named = true};
static const struct function_parameter condition = {"condition", ARGUMENT_CONDITION, SLOT_CONDITION,
						    .required = true};
static const struct function_parameter for_time = {"for", ARGUMENT_WINDOW, SLOT_FOR,
						   .required = true, .named = true};
static const struct function_parameter from = {"from", ARGUMENT_TIME_OF_DAY, SLOT_FROM,
					       .required = true};
static const struct function_parameter to = {"to", ARGUMENT_TIME_OF_DAY, SLOT_TO, .required = true};
static const struct function_parameter days = {"days", ARGUMENT_WEEKDAY, SLOT_WEEKDAYS,
					       .required = true, .repeats = true};
static const struct function_parameter device_type = {"type", ARGUMENT_NAME, SLOT_DEVICE_TYPE,
						      .named = true};
static const struct function_parameter group = {"group", ARGUMENT_GROUP, SLOT_GROUP, .named = true};
static const struct function_parameter tag = {"tag", ARGUMENT_NAME, SLOT_TAG, .named = true};
static const struct function_parameter name = {"name", ARGUMENT_NAME, SLOT_NAME, .named = true};
static const struct function_parameter itself = {"itself", ARGUMENT_BOOLEAN, SLOT_ITSELF,
						 .named = true};
static const struct function_parameter where = {"where", ARGUMENT_OTHERS_CONDITION, SLOT_WHERE,
						.required = true, .named = true};
static const struct function_parameter where_if_any = {"where", ARGUMENT_OTHERS_CONDITION,
						       SLOT_WHERE, .named = true};

const struct function expression_functions[] = {
	{"alert",
	 FUNCTION_ALERTS,
	 VALUE_BOOLEAN,
	 {&type, &within_if_any, &severity, &source, &umbox},
	 call_alert,
	 "alert(\"type\", within: 10m): whether such an alert came; \"*\" is any type"},
	{"count",
	 FUNCTION_ALERTS,
	 VALUE_NUMBER,
	 {&type, &within, &severity, &source, &umbox},
	 call_count,
	 "count(\"type\", within: 10m): how many observations such alerts stand for"},
	{"distinct",
	 FUNCTION_ALERTS,
	 VALUE_NUMBER,
	 {&type, &within, &by, &severity, &source, &umbox},
	 call_distinct,
	 "distinct(\"type\", by: source, within: 10m): how many different sources, or targets"},
	{"last_source",
	 FUNCTION_ALERTS,
	 VALUE_ADDRESS,
	 {&type, &within_if_any, &severity, &umbox},
	 call_last_source,
	 "last_source(\"type\", within: 10m): the offender that the newest such alert names"},
	{"sequence",
	 FUNCTION_ALERTS,
	 VALUE_BOOLEAN,
	 {&type, &then, &within, &severity, &source, &umbox},
	 call_sequence,
	 "sequence(\"type\", then: \"type\", within: 10m): whether one came after the other"},
	{"absent",
	 FUNCTION_ABSENCE,
	 VALUE_BOOLEAN,
	 {&type, &within, &severity, &source, &umbox},
	 call_absent,
	 "absent(\"type\", within: 10m): whether no such alert came for so long"},
	{"transitions",
	 FUNCTION_MOVES,
	 VALUE_NUMBER,
	 {&within},
	 call_transitions,
	 "transitions(within: 1h): how often the state changed"},
	{"last",
	 FUNCTION_SENSORS,
	 VALUE_NUMBER,
	 {&any_sensor, &back, &within_if_any},
	 call_last,
	 "last(sensor, back: 1, within: 10m): the newest value, or one before it, if not older",
	 .sensor_typed = true,
	 .keeps_unit = true},
	{"avg",
	 FUNCTION_SENSORS,
	 VALUE_NUMBER,
	 {&sensor, &last, &within_if_any},
	 call_avg,
	 "avg(sensor, last: 10) or avg(sensor, within: 10m): the average of its values",
	 .keeps_unit = true},
	{"sum",
	 FUNCTION_SENSORS,
	 VALUE_NUMBER,
	 {&sensor, &last, &within_if_any},
	 call_sum,
	 "sum(sensor, last: 10) or sum(sensor, within: 10m): the sum of its values",
	 .keeps_unit = true},
	{"min",
	 FUNCTION_SENSORS,
	 VALUE_NUMBER,
	 {&sensor, &last, &within_if_any},
	 call_min,
	 "min(sensor, last: 10) or min(sensor, within: 10m): the least of its values",
	 .keeps_unit = true},
	{"max",
	 FUNCTION_SENSORS,
	 VALUE_NUMBER,
	 {&sensor, &last, &within_if_any},
	 call_max,
	 "max(sensor, last: 10) or max(sensor, within: 10m): the greatest of its values",
	 .keeps_unit = true},
	{"deviation",
	 FUNCTION_SENSORS,
	 VALUE_NUMBER,
	 {&sensor, &last, &within_if_any},
	 call_deviation,
	 "deviation(sensor, last: 50): how far the newest value is from the average of so many",
	 .keeps_unit = true},
	{"rate",
	 FUNCTION_SENSORS,
	 VALUE_NUMBER,
	 {&sensor, &last, &within_if_any, &per},
	 call_rate,
	 "rate(sensor, within: 10m, per: 1h): by how much it grows in a second, or in `per`"},
	{"magnitude",
	 FUNCTION_SENSORS,
	 VALUE_NUMBER,
	 {&sensor, &axis_2, &axis_3},
	 call_magnitude,
	 "magnitude(x, y, z): the length of the vector of two or three axes",
	 .keeps_unit = true},
	{"age",
	 FUNCTION_SENSORS,
	 VALUE_DURATION,
	 {&any_sensor},
	 call_age,
	 "age(sensor): the time since its newest value came",
	 .moves = true},
	{"seen",
	 FUNCTION_SENSORS,
	 VALUE_BOOLEAN,
	 {&any_sensor, &within},
	 call_seen,
	 "seen(sensor, within: 10m): whether a value of it came"},
	{"held",
	 FUNCTION_HELD,
	 VALUE_BOOLEAN,
	 {&condition, &for_time},
	 NULL,
	 "held(condition, for: 10m): whether the condition has been true for so long"},
	{"between",
	 FUNCTION_CLOCK,
	 VALUE_BOOLEAN,
	 {&from, &to},
	 call_between,
	 "between(\"22:00\", \"06:00\"): whether the local time of day is in there"},
	{"weekday",
	 FUNCTION_CLOCK,
	 VALUE_BOOLEAN,
	 {&days},
	 call_weekday,
	 "weekday(\"mon-thu\", \"sat\"): whether today is one of these days"},
	{"any",
	 FUNCTION_FLEET,
	 VALUE_BOOLEAN,
	 {&device_type, &group, &tag, &name, &itself, &where_if_any},
	 NULL,
	 "any(type: \"lamp\", group: mine, where: isOn): whether it is true of some other device"},
	{"all",
	 FUNCTION_FLEET,
	 VALUE_BOOLEAN,
	 {&device_type, &group, &tag, &name, &itself, &where},
	 NULL,
	 "all(type: \"lamp\", group: mine, where: isOn): whether it is true of all other devices"},
	{"devices",
	 FUNCTION_FLEET,
	 VALUE_NUMBER,
	 {&device_type, &group, &tag, &name, &itself, &where_if_any},
	 NULL,
	 "devices(type: \"lamp\", group: mine, where: isOn): of how many other devices it is true"},
	{"address",
	 FUNCTION_CONSTANT,
	 VALUE_ADDRESS,
	 {&text},
	 NULL,
	 "address(\"10.0.0.9\"): an address to compare with"},
};
const unsigned expression_function_count = ARRAY_SIZE(expression_functions);
static_assert(ARRAY_SIZE(expression_functions) <= EXPRESSION_FUNCTIONS_MAX, "too many");

static void read_state(const struct facts *facts, struct value *ret)
{
	ret->known = true;
	ret->text = facts->policy->states[facts->machine->state].name;
}

static void read_time_in_state(const struct facts *facts, struct value *ret)
{
	set_elapsed(facts, facts->machine->entered_us, ret);
}

static void read_time_since_alert(const struct facts *facts, struct value *ret)
{
	if (facts->machine->last_alert_us)
		set_elapsed(facts, facts->machine->last_alert_us, ret);
}

static void read_available(const struct facts *facts, struct value *ret)
{
	const struct machine *machine = facts->machine;
	ret->boolean = true;
	for (unsigned i = 0; i < machine->source_count; i++) {
		ret->known |= machine->sources[i].answered || machine->sources[i].unavailable;
		ret->boolean &= !machine->sources[i].unavailable;
	}
}

const struct node_name expression_names[] = {
	{"state", VALUE_TEXT, read_state, .is_state = true,
	 .words = "the name of the device's state"},
	{"time_in_state", VALUE_DURATION, read_time_in_state, .moves = true,
	 .words = "how long the device has been in its state"},
	{"time_since_alert", VALUE_DURATION, read_time_since_alert, .moves = true,
	 .any_alert = true, .words = "the time since the newest alert of any type"},
	{"available", VALUE_BOOLEAN, read_available,
	 .words = "whether all of its telemetry sources answer"},
};
const unsigned expression_name_count = ARRAY_SIZE(expression_names);
static_assert(ARRAY_SIZE(expression_names) <= EXPRESSION_NAMES_MAX, "too many");
