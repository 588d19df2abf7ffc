/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_parse.c - tokens into nodes, by the grammar in expression.h. */
#include "core/expression_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* From the one that binds least to the one that binds most. */
enum level {
	LEVEL_OR,
	LEVEL_AND,
	LEVEL_NOT,
	LEVEL_COMPARISON,
	LEVEL_SUM,
	LEVEL_PRODUCT,
	LEVEL_UNARY
};

static const enum level levels[OPERATION_COUNT] = {
	[OPERATION_CONSTANT] = LEVEL_UNARY,
	[OPERATION_NAME] = LEVEL_UNARY,
	[OPERATION_SENSOR] = LEVEL_UNARY,
	[OPERATION_CALL] = LEVEL_UNARY,
	[OPERATION_NEGATE] = LEVEL_UNARY,
	[OPERATION_NOT] = LEVEL_NOT,
	[OPERATION_AND] = LEVEL_AND,
	[OPERATION_OR] = LEVEL_OR,
	[OPERATION_EQUAL] = LEVEL_COMPARISON,
	[OPERATION_NOT_EQUAL] = LEVEL_COMPARISON,
	[OPERATION_LESS] = LEVEL_COMPARISON,
	[OPERATION_LESS_EQUAL] = LEVEL_COMPARISON,
	[OPERATION_GREATER] = LEVEL_COMPARISON,
	[OPERATION_GREATER_EQUAL] = LEVEL_COMPARISON,
	[OPERATION_ADD] = LEVEL_SUM,
	[OPERATION_SUBTRACT] = LEVEL_SUM,
	[OPERATION_MULTIPLY] = LEVEL_PRODUCT,
	[OPERATION_DIVIDE] = LEVEL_PRODUCT,
	[OPERATION_MODULO] = LEVEL_PRODUCT,
};

static int parse_level(struct parser *parser, enum level level);

static bool token_is_operator(const struct parser *parser, enum operation operation)
{
	return parser->token.kind == TOKEN_OPERATOR && parser->token.operation == operation;
}

static bool token_has_level(const struct parser *parser, enum level level)
{
	return parser->token.kind == TOKEN_OPERATOR && levels[parser->token.operation] == level;
}

static int expect(struct parser *parser, enum token_kind kind, const char *words)
{
	if (parser->token.kind != kind)
		return parser_fail(parser, parser->token.offset, "%s", words);
	return parser_advance(parser);
}

/* An operator with one operand behind it, or something in parentheses. */
static int parse_deeper(struct parser *parser, enum level level)
{
	if (parser->depth == EXPRESSION_DEPTH_MAX)
		return parser_fail(parser, parser->token.offset, "nested too deeply");
	if (parser_advance(parser) < 0)
		return -EINVAL;
	parser->depth++;
	int node = parse_level(parser, level);
	parser->depth--;
	return node;
}

static int parse_prefix(struct parser *parser, enum operation operation, enum level level)
{
	size_t offset = parser->token.offset;
	int operand = parse_deeper(parser, level);
	if (operand < 0)
		return operand;
	return node_add_operator(parser, operation, offset, (unsigned)operand, (unsigned)operand);
}

/* Whether "name:" comes next. */
static bool comes_named(const struct parser *parser)
{
	struct parser ahead = *parser;
	ahead.err = NULL;
	return parser->token.kind == TOKEN_WORD && parser_advance(&ahead) == 0 &&
	       ahead.token.kind == TOKEN_COLON;
}

/* The parameter that the word names, or NULL. */
static const struct function_parameter *find_parameter(struct parser *parser,
						       const struct function *function)
{
	const char *names[PARAMETERS_MAX];
	char word[NAME_BYTES];
	unsigned count = 0;
	for (; count < PARAMETERS_MAX && function->parameters[count]; count++) {
		names[count] = function->parameters[count]->name;
		if (token_is_word(parser, names[count]))
			return function->parameters[count];
	}
	token_copy(parser, &parser->token, word);
	const char *nearest = text_nearest(word, names, count);
	(void)parser_fail(parser, parser->token.offset, "%s() has no argument '%s' (%s%s%s)",
			  function->name, word, nearest ? "did you mean '" : function->words,
			  nearest ? nearest : "", nearest ? "'?" : "");
	return NULL;
}

/* The parameter that the next argument is for, or NULL. */
static const struct function_parameter *parse_parameter(struct parser *parser,
							const struct function *function,
							unsigned position)
{
	if (comes_named(parser)) {
		const struct function_parameter *named = find_parameter(parser, function);
		if (!named || parser_advance(parser) < 0 || parser_advance(parser) < 0)
			return NULL;
		return named;
	}
	const struct function_parameter *parameter = NULL;
	for (unsigned i = 0; i <= position && i < PARAMETERS_MAX; i++) {
		parameter = function->parameters[i];
		if (!parameter || parameter->repeats)
			break;
		if (i < position)
			parameter = NULL;
	}
	if (!parameter || (parameter->named && !parameter->required))
		(void)parser_fail(parser, parser->token.offset, "too many arguments (%s)",
				  function->words);
	else if (parameter->named)
		(void)parser_fail(parser, parser->token.offset,
				  "an argument without its name (write %s: ...)", parameter->name);
	return parameter && parameter->named ? NULL : parameter;
}

static int parse_argument(struct parser *parser, struct call *call, unsigned position)
{
	size_t offset = parser->token.offset;
	const struct function_parameter *parameter = parse_parameter(parser, call->function,
								     position);
	if (!parameter)
		return -EINVAL;
	struct argument *argument = &call->arguments[parameter->slot];
	if (argument->given && !parameter->repeats)
		return parser_fail(parser, offset, "the argument '%s' is given twice",
				   parameter->name);
	argument->given = true;
	return call_take(parser, call, parameter);
}

int parser_condition(struct parser *parser)
{
	return parse_level(parser, LEVEL_OR);
}

static int parse_call(struct parser *parser, const struct token *name)
{
	struct call call = {.offset = name->offset};
	call.function = function_find(parser, name);
	if (!call.function)
		return -EINVAL;
	if (parser->depth == EXPRESSION_DEPTH_MAX)
		return parser_fail(parser, name->offset, "nested too deeply");
	parser->depth++;
	if (parser_advance(parser) < 0)
		return -EINVAL;
	for (unsigned position = 0; parser->token.kind != TOKEN_CLOSE; position++) {
		if (position && expect(parser, TOKEN_COMMA, "expected ',' or ')'") < 0)
			return -EINVAL;
		if (parse_argument(parser, &call, position) < 0)
			return -EINVAL;
	}
	parser->depth--;
	if (parser_advance(parser) < 0)
		return -EINVAL;
	return call_finish(parser, &call);
}

static int parse_word(struct parser *parser)
{
	struct token word = parser->token;
	if (token_is_word(parser, "true") || token_is_word(parser, "false")) {
		struct value value = {.boolean = token_is_word(parser, "true")};
		if (parser_advance(parser) < 0)
			return -EINVAL;
		return node_add_constant(parser, VALUE_BOOLEAN, word.offset, &value);
	}
	if (parser_advance(parser) < 0)
		return -EINVAL;
	return parser->token.kind == TOKEN_OPEN ? parse_call(parser, &word)
						: node_add_name(parser, &word);
}

static int parse_constant(struct parser *parser)
{
	struct token token = parser->token;
	struct value value = {0};
	enum value_type type = VALUE_NUMBER;
	if (token.kind == TOKEN_NUMBER) {
		value.number = token.number;
	} else if (token.kind == TOKEN_DURATION) {
		type = VALUE_DURATION;
		value.us = token.us;
	} else {
		type = VALUE_TEXT;
		value.text = parser_keep(parser, &token);
	}
	if (parser_advance(parser) < 0)
		return -EINVAL;
	return node_add_constant(parser, type, token.offset, &value);
}

static int parse_primary(struct parser *parser)
{
	size_t offset = parser->token.offset;
	switch (parser->token.kind) {
	case TOKEN_NUMBER:
	case TOKEN_DURATION:
	case TOKEN_TEXT: return parse_constant(parser);
	case TOKEN_WORD: return parse_word(parser);
	case TOKEN_OPEN: {
		int node = parse_deeper(parser, LEVEL_OR);
		if (node < 0)
			return node;
		if (parser->token.kind != TOKEN_CLOSE)
			return parser_fail(parser, parser->token.offset,
					   "expected ')' for the '(' at character %zu", offset + 1);
		if (parser_advance(parser) < 0)
			return -EINVAL;
		parser->expression->nodes[node].start = offset;
		parser->expression->nodes[node].end = parser->passed;
		return node;
	}
	case TOKEN_END: return parser_fail(parser, offset, "the condition ends too early");
	case TOKEN_OPERATOR:
		if (parser->token.operation == OPERATION_NOT)
			return parser_fail(parser, offset, "put 'not ...' in parentheses here");
		break;
	case TOKEN_CLOSE:
	case TOKEN_COMMA:
	case TOKEN_COLON: break;
	}
	return parser_fail(parser, offset, "expected a value before '%.*s'",
			   (int)parser->token.length, parser->text + offset);
}

static int parse_level(struct parser *parser, enum level level)
{
	if (level == LEVEL_UNARY)
		return token_is_operator(parser, OPERATION_SUBTRACT)
			       ? parse_prefix(parser, OPERATION_NEGATE, LEVEL_UNARY)
			       : parse_primary(parser);
	if (level == LEVEL_NOT)
		return token_is_operator(parser, OPERATION_NOT)
			       ? parse_prefix(parser, OPERATION_NOT, LEVEL_NOT)
			       : parse_level(parser, LEVEL_COMPARISON);
	int left = parse_level(parser, level + 1);
	for (bool again = false; left >= 0 && token_has_level(parser, level); again = true) {
		struct token token = parser->token;
		if (again && level == LEVEL_COMPARISON)
			return parser_fail(parser, token.offset,
					   "comparisons do not chain (write a < b and b < c)");
		if (parser_advance(parser) < 0)
			return -EINVAL;
		int right = parse_level(parser, level + 1);
		if (right < 0)
			return right;
		left = node_add_operator(parser, token.operation, token.offset, (unsigned)left,
					 (unsigned)right);
	}
	return left;
}

static int parse_whole(struct parser *parser)
{
	if (parser_advance(parser) < 0)
		return -EINVAL;
	int root = parse_level(parser, LEVEL_OR);
	if (root < 0)
		return root;
	if (parser->token.kind != TOKEN_END)
		return parser_fail(parser, parser->token.offset,
				   "expected an operator or the end (and, or, ==, <, +, ...)");
	const struct expression_node *node = &parser->expression->nodes[root];
	if (node->type != VALUE_BOOLEAN)
		return parser_fail(parser, node->offset,
				   "a condition is true or false; this is of type %s (compare it)",
				   value_type_name(node->type));
	return 0;
}

int expression_parse(struct expression **ret, const char *text, const struct policy *policy,
		     struct expression_place *ret_place, struct error *err)
{
	return expression_parse_among(ret, text, policy, NULL, ret_place, err);
}

int expression_parse_among(struct expression **ret, const char *text, const struct policy *policy,
			   const struct policy_types *types, struct expression_place *ret_place,
			   struct error *err)
{
	struct parser parser = {.text = text, .policy = policy, .types = types, .err = err};
	int result;
	if (strlen(text) > EXPRESSION_BYTES_MAX) {
		result = parser_fail(&parser, EXPRESSION_BYTES_MAX, "longer than %d characters",
				     EXPRESSION_BYTES_MAX);
	} else {
		parser.expression = mem_alloc(sizeof(*parser.expression));
		parser.expression->text = mem_copy_text(text);
		parser.expression->strings = mem_alloc(strlen(text) + 1);
		result = parse_whole(&parser);
	}
	if (result < 0) {
		ret_place->offset = parser.failed_at;
		expression_free(parser.expression);
		return result;
	}
	*ret = parser.expression;
	return 0;
}
