/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_argument.c - arguments of calls: what each may be, and whether a call has what it
 * needs. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/expression_internal.h"
#include "core/policy.h"

#define MINUTE_US ((int64_t)60 * 1000000)

const struct function *function_find(struct parser *parser, const struct token *token)
{
	char word[NAME_BYTES];
	token_copy(parser, token, word);
	const char *known[EXPRESSION_FUNCTIONS_MAX];
	for (unsigned i = 0; i < expression_function_count; i++) {
		known[i] = expression_functions[i].name;
		if (text_equal(word, known[i]))
			return &expression_functions[i];
	}
	(void)parser_fail_unknown(parser, token->offset, "function", word, known,
				  expression_function_count);
	return NULL;
}

static int take_alert_type(struct parser *parser, size_t offset, const char *text,
			   struct argument *argument)
{
	struct error err = {0};
	argument->any = text_equal(text, "*");
	if (!argument->any && name_check("alert type", text, &err) < 0)
		return parser_fail(parser, offset, "%s", err.text);
	argument->text = text;
	argument->hash = alert_type_hash(text);
	return 0;
}

static int take_name(struct parser *parser, const struct function_parameter *parameter,
		     size_t offset, const char *text, struct argument *argument)
{
	struct error err = {0};
	const char *what = parameter->slot == SLOT_NAME ? "device" : parameter->name;
	if (name_check(what, text, &err) < 0)
		return parser_fail(parser, offset, "%s", err.text);
	argument->text = text;
	return 0;
}

static int take_address(struct parser *parser, size_t offset, const char *text,
			struct argument *argument)
{
	struct error err = {0};
	struct ip address;
	if (ip_parse(&address, text, &err) < 0)
		return parser_fail(parser, offset, "%s", err.text);
	argument->address = address;
	return 0;
}

static int two_digits(const char *text)
{
	if (!isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[1]))
		return -1;
	return (text[0] - '0') * 10 + text[1] - '0';
}

static int take_time_of_day(struct parser *parser, size_t offset, const char *text,
			    struct argument *argument)
{
	bool shaped = strlen(text) == 5 && text[2] == ':';
	int hour = shaped ? two_digits(text) : -1, minute = shaped ? two_digits(text + 3) : -1;
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
		return parser_fail(parser, offset,
				   "'%.32s' is no time of day (write \"06:30\"; 00:00 to 23:59)",
				   text);
	argument->us = (hour * 60 + minute) * MINUTE_US;
	return 0;
}

/* Index of the weekday that the text begins with, or -1. */
static int find_weekday(const char *text)
{
	static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (text_starts(text, names[i]))
			return (int)i;
	return -1;
}

static int take_weekday(struct parser *parser, size_t offset, const char *text,
			struct argument *argument)
{
	size_t length = strlen(text);
	int from = find_weekday(text);
	int to = length == 7 && text[3] == '-' ? find_weekday(text + 4) : from;
	if (from < 0 || to < 0 || (length != 3 && length != 7))
		return parser_fail(parser, offset,
				   "'%.32s' is no weekday (mon tue wed thu fri sat sun, or "
				   "\"mon-fri\")",
				   text);
	for (int day = from;; day = (day + 1) % 7) {
		argument->weekdays |= 1u << day;
		if (day == to)
			return 0;
	}
}

static int take_samples(struct parser *parser, size_t offset, double number,
			struct argument *argument)
{
	if (number < 1 || number > SENSOR_KEEP_MAX || number != (unsigned)number)
		return parser_fail(parser, offset, "a whole number of values, 1 to %d",
				   SENSOR_KEEP_MAX);
	argument->samples = (unsigned)number;
	return 0;
}

/* The types of constants, and those of what is written as a word are not looked at. */
static const enum value_type constant_types[ARGUMENT_KIND_COUNT] = {
	[ARGUMENT_ALERT_TYPE] = VALUE_TEXT, [ARGUMENT_WINDOW] = VALUE_DURATION,
	[ARGUMENT_ADDRESS] = VALUE_TEXT,    [ARGUMENT_NAME] = VALUE_TEXT,
	[ARGUMENT_GROUP] = VALUE_TEXT,      [ARGUMENT_SAMPLES] = VALUE_NUMBER,
	[ARGUMENT_BOOLEAN] = VALUE_BOOLEAN, [ARGUMENT_TIME_OF_DAY] = VALUE_TEXT,
	[ARGUMENT_WEEKDAY] = VALUE_TEXT,
};

static int take_constant(struct parser *parser, struct call *call,
			 const struct function_parameter *parameter)
{
	struct argument *argument = &call->arguments[parameter->slot];
	int index = parser_condition(parser);
	if (index < 0)
		return index;
	struct expression_node node = parser->expression->nodes[index];
	if (node.operation != OPERATION_CONSTANT || node.type != constant_types[parameter->kind])
		return parser_fail(parser, node.offset, "%s() wants a constant %s for '%s'",
				   call->function->name,
				   value_type_name(constant_types[parameter->kind]),
				   parameter->name);
	parser->expression->node_count--; /* the constant lives on as the argument */
	const char *text = node.constant.text;
	switch (parameter->kind) {
	case ARGUMENT_ALERT_TYPE: return take_alert_type(parser, node.offset, text, argument);
	case ARGUMENT_ADDRESS: return take_address(parser, node.offset, text, argument);
	case ARGUMENT_NAME:
	case ARGUMENT_GROUP: return take_name(parser, parameter, node.offset, text, argument);
	case ARGUMENT_TIME_OF_DAY: return take_time_of_day(parser, node.offset, text, argument);
	case ARGUMENT_WEEKDAY: return take_weekday(parser, node.offset, text, argument);
	case ARGUMENT_SAMPLES:
		return take_samples(parser, node.offset, node.constant.number, argument);
	case ARGUMENT_BOOLEAN: argument->boolean = node.constant.boolean; return 0;
	case ARGUMENT_WINDOW:
		if (node.constant.us <= 0)
			return parser_fail(parser, node.offset, "'%s' must be longer than 0",
					   parameter->name);
		argument->us = node.constant.us;
		return 0;
	case ARGUMENT_FIELD:
	case ARGUMENT_SEVERITY:
	case ARGUMENT_SENSOR:
	case ARGUMENT_NUMBERS_SENSOR:
	case ARGUMENT_CONDITION:
	case ARGUMENT_OTHERS_CONDITION:
	case ARGUMENT_KIND_COUNT: break;
	}
	return -EINVAL;
}

/* Index of the bare word that comes, or -EINVAL. */
static int take_choice(struct parser *parser, const struct function_parameter *parameter,
		       const char *const *words, unsigned count, const char *wanted)
{
	for (unsigned i = 0; i < count; i++)
		if (token_is_word(parser, words[i]))
			return parser_advance(parser) < 0 ? -EINVAL : (int)i;
	return parser_fail(parser, parser->token.offset, "'%s' must be %s", parameter->name,
			   wanted);
}

static int take_field(struct parser *parser, const struct function_parameter *parameter,
		      struct argument *argument)
{
	static const char *const words[ALERT_FIELD_COUNT] = {"source", "target"};
	int field = take_choice(parser, parameter, words, ALERT_FIELD_COUNT,
				"the word source or target");
	argument->field = (enum alert_field)max_of(field, 0);
	return field;
}

static int take_severity(struct parser *parser, const struct function_parameter *parameter,
			 struct argument *argument)
{
	const char *words[ALERT_SEVERITY_COUNT];
	for (unsigned i = 0; i < ALERT_SEVERITY_COUNT; i++)
		words[i] = alert_severity_name((enum alert_severity)i);
	int severity = take_choice(parser, parameter, words, ALERT_SEVERITY_COUNT,
				   "the word low, medium, high or critical (or worse is meant)");
	argument->severity = (enum alert_severity)max_of(severity, 0);
	return severity;
}

static int take_sensor(struct parser *parser, struct call *call,
		       const struct function_parameter *parameter)
{
	struct sensor_reference *sensor = &call->arguments[parameter->slot].sensor;
	struct token token = parser->token;
	const char *unit = NULL;
	int found = token.kind == TOKEN_WORD ? sensor_find(parser, &token, sensor, &unit) : 0;
	if (found < 0)
		return found;
	if (!found)
		return parser_fail(parser, token.offset,
				   "'%s' of %s() must be a sensor's name, without quotes",
				   parameter->name, call->function->name);
	if (parameter->kind == ARGUMENT_NUMBERS_SENSOR && sensor->type != SENSOR_NUMBER)
		return parser_fail(
			parser, token.offset, "%s() wants a sensor of numbers; '%s' is of type %s",
			call->function->name, sensor->name, SENSOR_TYPE_NAMES[sensor->type]);
	if (call->unit && unit && !text_equal(call->unit, unit))
		return parser_fail(parser, token.offset,
				   "%s() wants sensors of one unit, not %s and %s",
				   call->function->name, call->unit, unit);
	call->unit = unit;
	return parser_advance(parser);
}

static int take_condition(struct parser *parser, struct call *call,
			  const struct function_parameter *parameter)
{
	call->first = parser->expression->node_count;
	int index = parser_condition(parser);
	if (index < 0)
		return index;
	const struct expression_node *node = &parser->expression->nodes[index];
	if (node->type != VALUE_BOOLEAN)
		return parser_fail(parser, node->offset,
				   "'%s' is a condition, true or false; this is of type %s "
				   "(compare it)",
				   parameter->name, value_type_name(node->type));
	call->condition = (unsigned)index;
	return 0;
}

/* The policy of the device type that the call names; NULL for any. */
static int find_type(struct parser *parser, const struct call *call, const struct policy **ret)
{
	const struct argument *type = &call->arguments[SLOT_DEVICE_TYPE];
	const struct policy_types *types = parser->types;
	*ret = NULL;
	if (!type->given)
		return 0;
	if (text_equal(type->text, parser->policy->type)) {
		*ret = parser->policy;
		return 0;
	}
	if (!types)
		return parser_fail(parser, call->offset,
				   "the type '%s' is not known here (check the files together)",
				   type->text);
	cleanup_free const char **names = mem_alloc_array(types->count + 1, sizeof(*names));
	for (unsigned i = 0; i < types->count; i++) {
		names[i] = types->items[i]->type;
		if (text_equal(names[i], type->text))
			*ret = types->items[i];
	}
	return *ret ? 0
		    : parser_fail_unknown(parser, call->offset, "device type", type->text, names,
					  types->count);
}

static int take_others_condition(struct parser *parser, struct call *call,
				 const struct function_parameter *parameter)
{
	struct scope scope = parser->scope;
	if (find_type(parser, call, &parser->scope.type) < 0)
		return -EINVAL;
	parser->scope.others = true;
	int result = take_condition(parser, call, parameter);
	parser->scope = scope;
	if (result == 0 && parser->token.kind == TOKEN_COMMA)
		return parser_fail(parser, parser->token.offset,
				   "'where' comes last, behind type, group, tag, name and itself");
	return result;
}

int call_take(struct parser *parser, struct call *call, const struct function_parameter *parameter)
{
	struct argument *argument = &call->arguments[parameter->slot];
	switch (parameter->kind) {
	case ARGUMENT_FIELD: return take_field(parser, parameter, argument);
	case ARGUMENT_SEVERITY: return take_severity(parser, parameter, argument);
	case ARGUMENT_SENSOR:
	case ARGUMENT_NUMBERS_SENSOR: return take_sensor(parser, call, parameter);
	case ARGUMENT_CONDITION: return take_condition(parser, call, parameter);
	case ARGUMENT_OTHERS_CONDITION: return take_others_condition(parser, call, parameter);
	case ARGUMENT_GROUP:
		if (!token_is_word(parser, "mine"))
			return take_constant(parser, call, parameter);
		argument->mine = true;
		return parser_advance(parser);
	case ARGUMENT_ALERT_TYPE:
	case ARGUMENT_WINDOW:
	case ARGUMENT_ADDRESS:
	case ARGUMENT_NAME:
	case ARGUMENT_SAMPLES:
	case ARGUMENT_BOOLEAN:
	case ARGUMENT_TIME_OF_DAY:
	case ARGUMENT_WEEKDAY: return take_constant(parser, call, parameter);
	case ARGUMENT_KIND_COUNT: break;
	}
	return -EINVAL;
}

static bool has_parameter(const struct function *function, enum slot slot)
{
	for (unsigned i = 0; i < PARAMETERS_MAX && function->parameters[i]; i++)
		if (function->parameters[i]->slot == slot)
			return true;
	return false;
}

/* How many values the sensors of the policy that has this one keep; the least of all. */
static unsigned values_kept(const struct parser *parser, const struct sensor_reference *sensor)
{
	unsigned kept = SENSOR_KEEP_MAX;
	if (!sensor->foreign)
		return parser->policy->sensors[sensor->index].keep;
	for (unsigned i = 0; parser->types && i < parser->types->count; i++) {
		const struct policy *type = parser->types->items[i];
		int found = policy_find_sensor(type, sensor->name);
		if (found >= 0 && (!parser->scope.type || parser->scope.type == type))
			kept = min_of(kept, type->sensors[found].keep);
	}
	return kept;
}

static int check_samples(struct parser *parser, const struct call *call)
{
	const struct argument *arguments = call->arguments;
	const struct sensor_reference *sensor = &arguments[SLOT_SENSOR].sensor;
	unsigned wanted = 0;
	if (has_parameter(call->function, SLOT_LAST)) {
		if (arguments[SLOT_LAST].given == arguments[SLOT_WITHIN].given)
			return parser_fail(parser, call->offset,
					   "%s() needs either last: or within: (%s)",
					   call->function->name, call->function->words);
		wanted = arguments[SLOT_LAST].given ? arguments[SLOT_LAST].samples : 0;
	}
	if (arguments[SLOT_BACK].given)
		wanted = arguments[SLOT_BACK].samples + 1;
	unsigned kept = values_kept(parser, sensor);
	if (wanted <= kept)
		return 0;
	return parser_fail(parser, call->offset,
			   "%s() looks at %u values of '%s', which keeps %u (keep: %u where the "
			   "sensor is declared)",
			   call->function->name, wanted, sensor->name, kept, wanted);
}

static int check_call(struct parser *parser, const struct call *call)
{
	const struct function *function = call->function;
	const struct argument *arguments = call->arguments;
	for (unsigned i = 0; i < PARAMETERS_MAX && function->parameters[i]; i++)
		if (function->parameters[i]->required &&
		    !arguments[function->parameters[i]->slot].given)
			return parser_fail(parser, call->offset,
					   "%s() needs its argument '%s' (%s)", function->name,
					   function->parameters[i]->name, function->words);
	switch (function->kind) {
	case FUNCTION_SENSORS: return check_samples(parser, call);
	case FUNCTION_HELD:
		if (parser->scope.others)
			return parser_fail(parser, call->offset,
					   "held() is kept for the device itself (put it around: "
					   "held(any(...), for: ...))");
		return 0;
	case FUNCTION_FLEET:
		if (parser->scope.others)
			return parser_fail(parser, call->offset,
					   "%s() cannot stand inside of another's 'where'",
					   function->name);
		return 0;
	case FUNCTION_CLOCK:
		if (arguments[SLOT_FROM].given && arguments[SLOT_FROM].us == arguments[SLOT_TO].us)
			return parser_fail(parser, call->offset,
					   "between() of a time and itself is the whole day");
		return 0;
	case FUNCTION_CONSTANT:
	case FUNCTION_ALERTS:
	case FUNCTION_ABSENCE:
	case FUNCTION_MOVES: return 0;
	}
	return 0;
}

static uint64_t alert_bit(const struct argument *argument)
{
	if (!argument->given)
		return 0;
	return argument->any ? UINT64_MAX : expression_alert_bit(argument->hash);
}

static uint64_t sensor_bits(const struct argument *arguments)
{
	uint64_t bits = 0;
	for (enum slot slot = SLOT_SENSOR; slot <= SLOT_SENSOR_3; slot++)
		if (arguments[slot].given)
			bits |= UINT64_C(1) << arguments[slot].sensor.index;
	return bits;
}

/* What a change of would have it computed anew; the condition over others is the fleet's. */
static void add_needs(const struct parser *parser, const struct call *call)
{
	struct expression_needs *needs = &parser->expression->needs;
	const struct argument *arguments = call->arguments;
	needs->fleet |= call->function->kind == FUNCTION_FLEET;
	needs->clock |= call->function->kind == FUNCTION_CLOCK;
	if (parser->scope.others)
		return;
	needs->alerts |= alert_bit(&arguments[SLOT_TYPE]) | alert_bit(&arguments[SLOT_THEN]);
	needs->sensors |= sensor_bits(arguments);
	needs->state |= call->function->kind == FUNCTION_MOVES;
}

static int add_constant(struct parser *parser, const struct call *call)
{
	struct value value = {.address = call->arguments[SLOT_ADDRESS].address};
	return node_add_constant(parser, call->function->type, call->offset, &value);
}

int call_finish(struct parser *parser, struct call *call)
{
	const struct function *function = call->function;
	struct expression *expression = parser->expression;
	if (check_call(parser, call) < 0)
		return -EINVAL;
	if (function->kind == FUNCTION_CONSTANT)
		return add_constant(parser, call);
	struct expression_node node = {
		.operation = OPERATION_CALL,
		.type = function->sensor_typed
				? sensor_value_type(call->arguments[SLOT_SENSOR].sensor.type)
				: function->type,
		.moves = function->moves,
		.offset = call->offset,
		.start = call->offset,
		.unit = function->keeps_unit ? call->unit : NULL,
		.left = call->condition,
		.function = function,
	};
	if (function->kind == FUNCTION_HELD)
		node.right = expression->hold_count++;
	add_needs(parser, call);
	int index = node_add(parser, &node);
	if (index < 0)
		return index;
	struct expression_node *added = &expression->nodes[index];
	added->arguments = mem_copy(call->arguments, sizeof(call->arguments));
	if (function->kind == FUNCTION_FLEET && call->arguments[SLOT_WHERE].given) {
		added->first = call->first;
		expression->nodes[call->first].skip_to = (unsigned)index;
	}
	return index;
}
