/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_check.c - which types go with which operators and arguments; what is constant is
 * computed at once. */
#include "core/expression_internal.h"

#include <stdlib.h>
#include <string.h>

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
		"",  "",   "",  "not", "-", "and", "or", "==", "!=",
		"<", "<=", ">", ">=",  "+", "-",   "*",  "/",  "%",
	};
	return texts[operation];
}

/* A word of the text, for messages and look-ups; what does not fit is no name anyway. */
static void word_copy(const struct parser *parser, const struct token *token,
		      char word[static NAME_BYTES])
{
	size_t length = min_of(token->length, (size_t)NAME_BYTES - 1);
	memcpy(word, parser->text + token->offset, length);
	word[length] = '\0';
}

static int fail_unknown(struct parser *parser, size_t offset, const char *what, const char *word,
			const char *const *names, unsigned count)
{
	char hint[TEXT_HINT_BYTES];
	text_hint(hint, word, names, count);
	if (!hint[0] && text_equal(what, "name"))
		TEXT_COPY(hint, " (text stands in quotes)");
	return parser_fail(parser, offset, "no %s '%s'%s", what, word, hint);
}

static int node_add(struct parser *parser, const struct expression_node *node)
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

int node_add_name(struct parser *parser, const struct token *token)
{
	char word[NAME_BYTES];
	word_copy(parser, token, word);
	const char *known[EXPRESSION_NAMES_MAX];
	for (unsigned i = 0; i < expression_name_count; i++) {
		const struct node_name *name = &expression_names[i];
		known[i] = name->name;
		if (!text_equal(word, name->name))
			continue;
		struct expression_node node = {
			.operation = OPERATION_NAME,
			.type = name->type,
			.moves = name->moves,
			.offset = token->offset,
			.start = token->offset,
			.name = name,
		};
		return node_add(parser, &node);
	}
	for (unsigned i = 0; i < expression_function_count; i++)
		if (text_equal(word, expression_functions[i].name))
			return parser_fail(parser, token->offset,
					   "'%s' is a function (write %s(...))", word, word);
	if (policy_find_state(parser->policy, word) >= 0)
		return parser_fail(parser, token->offset,
				   "a state's name is text (write state == \"%s\")", word);
	return fail_unknown(parser, token->offset, "name", word, known, expression_name_count);
}

const struct function *function_find(struct parser *parser, const struct token *token)
{
	char word[NAME_BYTES];
	word_copy(parser, token, word);
	const char *known[EXPRESSION_FUNCTIONS_MAX];
	for (unsigned i = 0; i < expression_function_count; i++) {
		known[i] = expression_functions[i].name;
		if (text_equal(word, known[i]))
			return &expression_functions[i];
	}
	(void)fail_unknown(parser, token->offset, "function", word, known,
			   expression_function_count);
	return NULL;
}

static bool is_constant(const struct expression_node *node)
{
	return node->operation == OPERATION_CONSTANT;
}

/* Text beside the name `state` must be a state's name. */
static int check_state(struct parser *parser, const struct expression_node *name,
		       const struct expression_node *text)
{
	const struct policy *policy = parser->policy;
	if (name->operation != OPERATION_NAME || name->type != VALUE_TEXT || !is_constant(text) ||
	    policy_find_state(policy, text->constant.text) >= 0)
		return 0;
	const char *names[POLICY_STATES_MAX];
	for (unsigned i = 0; i < policy->state_count; i++)
		names[i] = policy->states[i].name;
	return fail_unknown(parser, text->offset, "state", text->constant.text, names,
			    policy->state_count);
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

static int fail_types(struct parser *parser, enum operation operation, size_t offset,
		      const struct expression_node *left, const struct expression_node *right)
{
	const char *text = operation_text(operation);
	if (left == right)
		return parser_fail(parser, offset, "'%s' does not take %s", text,
				   value_type_name(left->type));
	return parser_fail(parser, offset, "'%s' does not take %s and %s", text,
			   value_type_name(left->type), value_type_name(right->type));
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
	if (type < 0 || check_moving(parser, operation, offset, a, b) < 0)
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
		.start = a == b ? offset : a->start,
		.left = left,
		.right = right,
	};
	return node_add(parser, &node);
}

static int take_alert_type(struct parser *parser, size_t offset, const char *text,
			   struct argument *argument)
{
	struct error err = {0};
	argument->any = text_equal(text, "*");
	if (!argument->any && name_check("alert type", text, &err) < 0)
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

int call_take_value(struct parser *parser, struct expression_node *call, unsigned position,
		    unsigned value)
{
	static const enum value_type types[ARGUMENT_KIND_COUNT] = {
		[ARGUMENT_ALERT_TYPE] = VALUE_TEXT,
		[ARGUMENT_WINDOW] = VALUE_DURATION,
		[ARGUMENT_FIELD] = VALUE_TEXT,
		[ARGUMENT_ADDRESS] = VALUE_TEXT,
	};
	struct expression_node node = parser->expression->nodes[value];
	const struct function_parameter *parameter = call->function->parameters[position];
	struct argument *argument = &call->arguments[position];
	if (!is_constant(&node) || node.type != types[parameter->kind])
		return parser_fail(parser, node.offset, "%s() wants a constant %s for '%s'",
				   call->function->name, value_type_name(types[parameter->kind]),
				   parameter->name);
	parser->expression->node_count--; /* the constant lives on as the argument */
	switch (parameter->kind) {
	case ARGUMENT_ALERT_TYPE:
		return take_alert_type(parser, node.offset, node.constant.text, argument);
	case ARGUMENT_ADDRESS:
		return take_address(parser, node.offset, node.constant.text, argument);
	case ARGUMENT_WINDOW:
		if (node.constant.us <= 0)
			return parser_fail(parser, node.offset, "'%s' must be longer than 0",
					   parameter->name);
		argument->us = node.constant.us;
		return 0;
	case ARGUMENT_FIELD:
	case ARGUMENT_KIND_COUNT: break;
	}
	return -EINVAL;
}

int call_take_word(struct parser *parser, struct expression_node *call, unsigned position,
		   const struct token *word)
{
	static const char *const fields[ALERT_FIELD_COUNT] = {"source", "target"};
	char name[NAME_BYTES];
	word_copy(parser, word, name);
	for (unsigned i = 0; word->kind == TOKEN_WORD && i < ALERT_FIELD_COUNT; i++) {
		if (!text_equal(name, fields[i]))
			continue;
		call->arguments[position].field = (enum alert_field)i;
		return 0;
	}
	return parser_fail(parser, word->offset, "'%s' must be the word source or target",
			   call->function->parameters[position]->name);
}

int call_finish(struct parser *parser, struct expression_node *call)
{
	const struct function *function = call->function;
	for (unsigned i = 0; i < ARGUMENTS_MAX && function->parameters[i]; i++)
		if (function->parameters[i]->required && !call->arguments[i].given)
			return parser_fail(parser, call->offset,
					   "%s() needs its argument '%s' (%s)", function->name,
					   function->parameters[i]->name, function->words);
	call->type = function->type;
	if (function->constant) {
		struct value value = {0};
		function->call(NULL, call->arguments, &value);
		return node_add_constant(parser, call->type, call->offset, &value);
	}
	parser->expression->call_count++;
	return node_add(parser, call);
}
