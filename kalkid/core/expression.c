/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression.c - an expression as a whole: its life, its text, its cost. */
#include "core/expression_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void expression_free(struct expression *expression)
{
	if (!expression)
		return;
	free(expression->text);
	free(expression->strings);
	free(expression->nodes);
	free(expression);
}

const char *expression_text(const struct expression *expression)
{
	return expression->text;
}

unsigned long expression_cost(const struct expression *expression)
{
	/* Each call looks at the alerts once for its value and once for what it counted. */
	return expression->node_count + 2ul * EXPRESSION_ALERTS_MAX * expression->call_count;
}

bool expression_reserves(const char *word)
{
	static const char *const words[] = {"and", "or", "not", "true", "false", "mine", "itself"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (text_equal(word, words[i]))
			return true;
	for (unsigned i = 0; i < expression_name_count; i++)
		if (text_equal(word, expression_names[i].name))
			return true;
	for (unsigned i = 0; i < expression_function_count; i++)
		if (text_equal(word, expression_functions[i].name))
			return true;
	return false;
}

static bool node_names_alert(const struct expression_node *node, const char *type)
{
	if (node->operation == OPERATION_NAME)
		return node->name->any_alert;
	if (node->operation != OPERATION_CALL)
		return false;
	const struct argument *named = &node->arguments[0];
	return !type || named->any || text_equal(named->text, type);
}

bool expression_names_alert(const struct expression *expression, const char *type)
{
	for (unsigned i = 0; i < expression->node_count; i++)
		if (node_names_alert(&expression->nodes[i], type))
			return true;
	return false;
}
