/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression.c - an expression as a whole: its life, its text, its cost. */
#include "core/expression_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/machine.h"

void expression_free(struct expression *expression)
{
	if (!expression)
		return;
	for (unsigned i = 0; i < expression->node_count; i++)
		free(expression->nodes[i].arguments);
	free(expression->text);
	free(expression->strings);
	free(expression->nodes);
	free(expression);
}

const char *expression_text(const struct expression *expression)
{
	return expression->text;
}

/* What a call looks at for its value, on one device. */
static unsigned long call_cost(const struct expression_node *call, unsigned alerts_max)
{
	const struct argument *arguments = call->arguments;
	switch (call->function->kind) {
	case FUNCTION_ALERTS:
	case FUNCTION_ABSENCE: return alerts_max;
	case FUNCTION_MOVES: return MACHINE_MOVES_MAX;
	case FUNCTION_SENSORS:
		if (arguments[SLOT_LAST].given)
			return arguments[SLOT_LAST].samples;
		if (call->function->call == call_seen || call->function->call == call_last)
			return 1; /* one value, however long the window */
		return arguments[SLOT_WITHIN].given ? SENSOR_KEEP_MAX : 1;
	case FUNCTION_CONSTANT:
	case FUNCTION_HELD:
	case FUNCTION_CLOCK:
	case FUNCTION_FLEET: return 1;
	}
	return 1;
}

static unsigned long others_cost(const struct expression_node *nodes,
				 const struct expression_node *call)
{
	unsigned long each = 1, devices = call->arguments[SLOT_NAME].given ? 1 : DEVICES_MAX;
	for (unsigned i = call->first; call->arguments[SLOT_WHERE].given && i <= call->left; i++)
		each += nodes[i].operation == OPERATION_CALL
				? 1 + call_cost(&nodes[i], EXPRESSION_OTHERS_ALERTS_MAX)
				: 1;
	return DEVICES_MAX + devices * each;
}

unsigned long expression_cost(const struct expression *expression)
{
	unsigned long cost = 0;
	for (unsigned i = 0; i < expression->node_count; i++) {
		const struct expression_node *node = &expression->nodes[i];
		if (node->skip_to)
			node = &expression->nodes[i = node->skip_to];
		cost++;
		if (node->operation != OPERATION_CALL)
			continue;
		cost += call_cost(node, EXPRESSION_ALERTS_MAX);
		if (node->function->kind == FUNCTION_ALERTS) /* once more for what it counted */
			cost += EXPRESSION_ALERTS_MAX;
		if (node->function->kind == FUNCTION_FLEET)
			cost += others_cost(expression->nodes, node);
	}
	return cost;
}

const struct expression_needs *expression_needs(const struct expression *expression)
{
	return &expression->needs;
}

unsigned expression_hold_count(const struct expression *expression)
{
	return expression->hold_count;
}

uint64_t expression_alert_bit(uint64_t hash)
{
	return UINT64_C(1) << (hash ^ hash >> 32) % 64;
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
