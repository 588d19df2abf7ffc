/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_check.c - which types go with which operators and arguments; what is constant is
 * computed at once. */
#include "core/expression_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/policy.h"

/* Same-type comparisons for equality stand in check_equality. */
static const struct {
	enum operation operation;
	enum value_type left, right, result;
} typings[] = {
	{OPERATION_NOT, VALUE_BOOLEAN, VALUE_BOOLEAN, VALUE_BOOLEAN},
	{OPERATION_AND, VALUE_BOOLEAN, VALUE_BOOLEAN, VALUE_BOOLEAN},
	{OPERATION_OR, VALUE_BOOLEAN, VALUE_BOOLEAN, VALUE_BOOLEAN},
	{OPERATION_NEGATE, VALUE_NUMBER, VALUE_NUMBER, VALUE_NUMBER},
	{OPERATION_NEGATE, VALUE_DURATION, VALUE_DURATION, VALUE_DURATION},
	{OPERATION_LESS, VALUE_NUMBER, VALUE_NUMBER, VALUE_BOOLEAN},
	{OPERATION_LESS, VALUE_DURATION, VALUE_DURATION, VALUE_BOOLEAN},
	{OPERATION_LESS_EQUAL, VALUE_NUMBER, VALUE_NUMBER, VALUE_BOOLEAN},
	{OPERATION_LESS_EQUAL, VALUE_DURATION, VALUE_DURATION, VALUE_BOOLEAN},
	{OPERATION_GREATER, VALUE_NUMBER, VALUE_NUMBER, VALUE_BOOLEAN},
	{OPERATION_GREATER, VALUE_DURATION, VALUE_DURATION, VALUE_BOOLEAN},
	{OPERATION_GREATER_EQUAL, VALUE_NUMBER, VALUE_NUMBER, VALUE_BOOLEAN},
	{OPERATION_GREATER_EQUAL, VALUE_DURATION, VALUE_DURATION, VALUE_BOOLEAN},
	{OPERATION_ADD, VALUE_NUMBER, VALUE_NUMBER, VALUE_NUMBER},
	{OPERATION_ADD, VALUE_DURATION, VALUE_DURATION, VALUE_DURATION},
	{OPERATION_SUBTRACT, VALUE_NUMBER, VALUE_NUMBER, VALUE_NUMBER},
	{OPERATION_SUBTRACT, VALUE_DURATION, VALUE_DURATION, VALUE_DURATION},
	{OPERATION_MULTIPLY, VALUE_NUMBER, VALUE_NUMBER, VALUE_NUMBER},
	{OPERATION_MULTIPLY, VALUE_DURATION, VALUE_NUMBER, VALUE_DURATION},
	{OPERATION_MULTIPLY, VALUE_NUMBER, VALUE_DURATION, VALUE_DURATION},
	{OPERATION_DIVIDE, VALUE_NUMBER, VALUE_NUMBER, VALUE_NUMBER},
	{OPERATION_DIVIDE, VALUE_DURATION, VALUE_NUMBER, VALUE_DURATION},
	{OPERATION_DIVIDE, VALUE_DURATION, VALUE_DURATION, VALUE_NUMBER},
	{OPERATION_MODULO, VALUE_NUMBER, VALUE_NUMBER, VALUE_NUMBER},
	{OPERATION_MODULO, VALUE_DURATION, VALUE_DURATION, VALUE_DURATION},
};

const char *value_type_name(enum value_type type)
{
	static const char *const names[VALUE_TYPE_COUNT] = {"boolean", "number", "duration", "text",
							    "address"};
	return names[type];
}

const char *operation_text(enum operation operation)
{
	static const char *const texts[OPERATION_COUNT] = {
		"",  "",   "",  "",   "not", "-", "and", "or", "==", "!=",
		"<", "<=", ">", ">=", "+",   "-", "*",   "/",  "%",
	};
	return texts[operation];
}

int node_add(struct parser *parser, const struct expression_node *node)
{
	struct expression *expression = parser->expression;
	if (expression->node_count == EXPRESSION_NODES_MAX)
		return parser_fail(parser, node->offset, "more than %d parts",
				   EXPRESSION_NODES_MAX);
	if (expression->node_count == parser->node_room) {
		parser->node_room = max_of(8u, 2 * parser->node_room);
		expression->nodes = mem_resize(expression->nodes, parser->node_room,
					       sizeof(*expression->nodes));
	}
	struct expression_node *added = &expression->nodes[expression->node_count];
	*added = *node;
	added->end = parser->passed;
	return (int)expression->node_count++;
}

int node_add_constant(struct parser *parser, enum value_type type, size_t offset,
		      const struct value *value)
{
	struct expression_node node = {
		.operation = OPERATION_CONSTANT,
		.type = type,
		.offset = offset,
		.start = offset,
		.constant = *value,
	};
	node.constant.known = true;
	node.constant.next_us = INT64_MAX;
	return node_add(parser, &node);
}

enum value_type sensor_value_type(enum sensor_type type)
{
	static const enum value_type types[SENSOR_TYPE_COUNT] = {
		[SENSOR_NUMBER] = VALUE_NUMBER,
		[SENSOR_BOOLEAN] = VALUE_BOOLEAN,
		[SENSOR_TEXT] = VALUE_TEXT,
	};
	return types[type];
}

/* The `i`-th policy whose names are in scope, or NULL: the own one, or those of other devices. */
static const struct policy *scope_policy(const struct parser *parser, unsigned i)
{
	const struct scope *scope = &parser->scope;
	if (!scope->others || scope->type)
		return i ? NULL : scope->others ? scope->type : parser->policy;
	if (parser->types)
		return i < parser->types->count ? parser->types->items[i] : NULL;
	return i ? NULL : parser->policy;
}

int sensor_find(struct parser *parser, const struct token *token, struct sensor_reference *ret,
		const char **ret_unit)
{
	char word[NAME_BYTES];
	const struct policy *policy, *first = NULL;
	const struct sensor *found = NULL;
	token_copy(parser, token, word);
	for (unsigned i = 0; (policy = scope_policy(parser, i)); i++) {
		int index = policy_find_sensor(policy, word);
		if (index < 0)
			continue;
		const struct sensor *sensor = &policy->sensors[index];
		if (found && found->type != sensor->type)
			return parser_fail(parser, token->offset,
					   "'%s' is of type %s for a %s and %s for a %s (name the "
					   "type: any(type: \"%s\", ...))",
					   word, SENSOR_TYPE_NAMES[found->type], first->type,
					   SENSOR_TYPE_NAMES[sensor->type], policy->type,
					   first->type);
		if (found)
			continue;
		found = sensor;
		first = policy;
		ret->index = (unsigned)index;
	}
	if (!found)
		return 0;
	ret->name = parser_keep(parser, token);
	ret->type = found->type;
	ret->foreign = parser->scope.others;
	*ret_unit = found->unit[0] ? found->unit : NULL;
	return 1;
}

static int node_add_sensor(struct parser *parser, const struct token *token,
			   const struct sensor_reference *sensor, const char *unit)
{
	struct expression_node node = {
		.operation = OPERATION_SENSOR,
		.type = sensor_value_type(sensor->type),
		.offset = token->offset,
		.start = token->offset,
		.unit = unit,
		.sensor = *sensor,
	};
	if (!sensor->foreign)
		parser->expression->needs.sensors |= UINT64_C(1) << sensor->index;
	return node_add(parser, &node);
}

static void add_name_needs(struct parser *parser, const struct node_name *name)
{
	struct expression_needs *needs = &parser->expression->needs;
	if (parser->scope.others)
		return;
	if (name->any_alert)
		needs->alerts = UINT64_MAX;
	else if (name->is_state || name->moves)
		needs->state = true;
	else
		needs->available = true;
}

static const struct node_name *find_name(const char *word)
{
	for (unsigned i = 0; i < expression_name_count; i++)
		if (text_equal(word, expression_names[i].name))
			return &expression_names[i];
	return NULL;
}

/* The names in scope for a hint: those of the language and of sensors. */
static int fail_unknown_name(struct parser *parser, const struct token *token, const char *word)
{
	const char *known[EXPRESSION_NAMES_MAX + SENSORS_MAX];
	const struct policy *policy = scope_policy(parser, 0);
	unsigned count = 0;
	for (unsigned i = 0; i < expression_function_count; i++)
		if (text_equal(word, expression_functions[i].name))
			return parser_fail(parser, token->offset,
					   "'%s' is a function (write %s(...))", word, word);
	if (policy && policy_find_state(policy, word) >= 0)
		return parser_fail(parser, token->offset,
				   "a state's name is text (write state == \"%s\")", word);
	for (; count < expression_name_count; count++)
		known[count] = expression_names[count].name;
	for (unsigned i = 0; policy && i < policy->sensor_count; i++)
		known[count++] = policy->sensors[i].name;
	if (parser->scope.others && parser->scope.type) {
		char hint[TEXT_HINT_BYTES];
		text_hint(hint, word, known, count);
		return parser_fail(parser, token->offset, "no sensor '%s' of the type '%s'%s", word,
				   parser->scope.type->type, hint);
	}
	return parser_fail_unknown(parser, token->offset, "name", word, known, count);
}

int node_add_name(struct parser *parser, const struct token *token)
{
	char word[NAME_BYTES];
	struct sensor_reference sensor = {0};
	const char *unit = NULL;
	token_copy(parser, token, word);
	const struct node_name *name = find_name(word);
	int found = name ? 0 : sensor_find(parser, token, &sensor, &unit);
	if (found)
		return found < 0 ? found : node_add_sensor(parser, token, &sensor, unit);
	if (!name)
		return fail_unknown_name(parser, token, word);
	struct expression_node node = {
		.operation = OPERATION_NAME,
		.type = name->type,
		.moves = name->moves,
		.offset = token->offset,
		.start = token->offset,
		.name = name,
	};
	add_name_needs(parser, name);
	return node_add(parser, &node);
}

static bool is_constant(const struct expression_node *node)
{
	return node->operation == OPERATION_CONSTANT;
}

/* Text beside the name `state` must be a state's name. */
static int check_state(struct parser *parser, const struct expression_node *name,
		       const struct expression_node *text)
{
	const char *names[POLICY_STATES_MAX];
	const struct policy *policy;
	unsigned count = 0;
	if (name->operation != OPERATION_NAME || !name->name->is_state || !is_constant(text))
		return 0;
	for (unsigned i = 0; (policy = scope_policy(parser, i)); i++) {
		if (policy_find_state(policy, text->constant.text) >= 0)
			return 0;
		for (count = 0; count < policy->state_count; count++)
			names[count] = policy->states[count].name;
	}
	return parser_fail_unknown(parser, text->offset, "state", text->constant.text, names,
				   count);
}

static int check_equality(struct parser *parser, size_t offset, const struct expression_node *left,
			  const struct expression_node *right)
{
	if (left->moves || right->moves)
		return parser_fail(parser, offset,
				   "a time that runs is equal for a moment only (use >= or <)");
	if (check_state(parser, left, right) < 0 || check_state(parser, right, left) < 0)
		return -EINVAL;
	return VALUE_BOOLEAN;
}

enum { OPERAND_BYTES = 128 };

/* "number", or for a sensor "current_power (number in mW)". */
static const char *describe(const struct expression_node *node, char words[static OPERAND_BYTES])
{
	const char *type = value_type_name(node->type);
	if (node->operation != OPERATION_SENSOR)
		return type;
	snprintf(words, OPERAND_BYTES, "%s (%s%s%s)", node->sensor.name, type,
		 node->unit ? " in " : "", node->unit ? node->unit : "");
	return words;
}

static int fail_types(struct parser *parser, enum operation operation, size_t offset,
		      const struct expression_node *left, const struct expression_node *right)
{
	const char *text = operation_text(operation);
	char a[OPERAND_BYTES], b[OPERAND_BYTES];
	if (left == right)
		return parser_fail(parser, offset, "'%s' does not take %s", text,
				   describe(left, a));
	return parser_fail(parser, offset, "'%s' does not take %s and %s", text, describe(left, a),
			   describe(right, b));
}

/* What is compared, added or subtracted is in the same unit. */
static int check_units(struct parser *parser, enum operation operation, size_t offset,
		       const struct expression_node *left, const struct expression_node *right)
{
	bool scales = operation == OPERATION_MULTIPLY || operation == OPERATION_DIVIDE;
	if (scales || !left->unit || !right->unit || text_equal(left->unit, right->unit))
		return 0;
	return parser_fail(parser, offset, "'%s' does not take a number in %s and one in %s",
			   operation_text(operation), left->unit, right->unit);
}

/* The unit of the result, or NULL. */
static const char *result_unit(enum operation operation, enum value_type type,
			       const struct expression_node *left,
			       const struct expression_node *right)
{
	if (type != VALUE_NUMBER)
		return NULL;
	if (operation == OPERATION_MULTIPLY || operation == OPERATION_DIVIDE)
		return is_constant(right)                                     ? left->unit
		       : is_constant(left) && operation == OPERATION_MULTIPLY ? right->unit
									      : NULL;
	return left->unit ? left->unit : right->unit;
}

/* Type of the result, or -EINVAL. */
static int check_types(struct parser *parser, enum operation operation, size_t offset,
		       const struct expression_node *left, const struct expression_node *right)
{
	bool equality = operation == OPERATION_EQUAL || operation == OPERATION_NOT_EQUAL;
	if (equality && left->type == right->type)
		return check_equality(parser, offset, left, right);
	for (size_t i = 0; i < ARRAY_SIZE(typings); i++)
		if (typings[i].operation == operation && typings[i].left == left->type &&
		    typings[i].right == right->type)
			return typings[i].result;
	return fail_types(parser, operation, offset, left, right);
}

/* How far a running time may be bent: its next change must stay exact. */
static int check_moving(struct parser *parser, enum operation operation, size_t offset,
			const struct expression_node *left, const struct expression_node *right)
{
	bool bends = operation == OPERATION_MULTIPLY || operation == OPERATION_DIVIDE ||
		     operation == OPERATION_MODULO;
	if (bends && (left->moves || right->moves))
		return parser_fail(
			parser, offset,
			"'%s' does not take a time that runs (compare it, add or subtract)",
			operation_text(operation));
	return 0;
}

static bool is_zero(const struct expression_node *node)
{
	return is_constant(node) &&
	       (node->type == VALUE_NUMBER ? node->constant.number == 0 : node->constant.us == 0);
}

static int fold(struct parser *parser, enum operation operation, enum value_type type,
		size_t offset, unsigned left, unsigned right)
{
	struct expression *expression = parser->expression;
	const struct expression_node *nodes = expression->nodes;
	enum value_type operands[2] = {nodes[left].type, nodes[right].type};
	struct value value;
	value_apply(operation, operands, &nodes[left].constant, &nodes[right].constant, 0, &value);
	if (!value.known)
		return parser_fail(parser, offset, "the result is out of range");
	/* Constants are single nodes, so these are the last ones. */
	size_t start = left == right ? offset : nodes[left].start;
	expression->node_count = left;
	int node = node_add_constant(parser, type, offset, &value);
	if (node >= 0)
		expression->nodes[node].start = start;
	return node;
}

int node_add_operator(struct parser *parser, enum operation operation, size_t offset, unsigned left,
		      unsigned right)
{
	const struct expression_node *a = &parser->expression->nodes[left];
	const struct expression_node *b = &parser->expression->nodes[right];
	int type = check_types(parser, operation, offset, a, b);
	if (type < 0 || check_moving(parser, operation, offset, a, b) < 0 ||
	    check_units(parser, operation, offset, a, b) < 0)
		return -EINVAL;
	if ((operation == OPERATION_DIVIDE || operation == OPERATION_MODULO) && is_zero(b))
		return parser_fail(parser, offset, "division by zero");
	if (is_constant(a) && is_constant(b))
		return fold(parser, operation, (enum value_type)type, offset, left, right);
	struct expression_node node = {
		.operation = operation,
		.type = (enum value_type)type,
		.moves = type == VALUE_DURATION && (a->moves || b->moves),
		.offset = offset,
		.unit = result_unit(operation, (enum value_type)type, a, b),
		.start = a == b ? offset : a->start,
		.left = left,
		.right = right,
	};
	return node_add(parser, &node);
}
