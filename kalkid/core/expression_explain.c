/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_explain.c - why a condition is what it is: its parts with their values. */
#include "core/expression_internal.h"

#include <assert.h>
#include <stdio.h>

#include "base/duration.h"
#include "base/text.h"
#include "core/machine.h"

struct explanation {
	const struct expression *expression;
	const struct value *values;
	struct expression_part *parts;
	unsigned count, room;
};

static void print_value(char text[static EXPRESSION_VALUE_BYTES], enum value_type type,
			const struct value *value)
{
	static_assert(EXPRESSION_VALUE_BYTES > (int)DURATION_TEXT_BYTES, "a duration fits");
	static_assert(EXPRESSION_VALUE_BYTES > (int)IP_TEXT_BYTES, "an address fits");
	if (!value->known) {
		text_copy(text, EXPRESSION_VALUE_BYTES, "unknown");
		return;
	}
	switch (type) {
	case VALUE_BOOLEAN:
		text_copy(text, EXPRESSION_VALUE_BYTES, value->boolean ? "true" : "false");
		break;
	case VALUE_NUMBER: snprintf(text, EXPRESSION_VALUE_BYTES, "%.10g", value->number); break;
	case VALUE_DURATION: duration_print(text, value->us); break;
	case VALUE_TEXT: text_copy(text, EXPRESSION_VALUE_BYTES, value->text); break;
	case VALUE_ADDRESS: ip_print(text, &value->address); break;
	case VALUE_TYPE_COUNT: break;
	}
}

/* Whether the node is what it is because of this operand. */
static bool is_because(const struct expression_node *node, const struct value *value,
		       const struct value *operand, const struct value *other)
{
	if (value->known)
		return node_rests_on(node, value, operand);
	return !operand->known || other->known;
}

static bool continues_chain(const struct expression_node *node, const struct expression_node *above)
{
	return node->operation == above->operation &&
	       (node->operation == OPERATION_AND || node->operation == OPERATION_OR);
}

static void walk_node(struct explanation *walk, unsigned index, unsigned depth, bool decisive);

static void walk_operands(struct explanation *walk, const struct expression_node *node,
			  unsigned depth, bool decisive)
{
	const struct expression_node *nodes = walk->expression->nodes;
	const struct value *value = &walk->values[node - nodes];
	const unsigned operands[2] = {node->left, node->right};
	for (unsigned i = 0; i < (node->left == node->right ? 1 : 2); i++) {
		const struct value *operand = &walk->values[operands[i]];
		const struct value *other = &walk->values[operands[1 - i]];
		bool because = decisive && is_because(node, value, operand, other);
		if (continues_chain(&nodes[operands[i]], node))
			walk_operands(walk, &nodes[operands[i]], depth, because);
		else
			walk_node(walk, operands[i], depth, because);
	}
}

/* As deep as the expression has nodes at most. */
static void walk_node(struct explanation *walk, unsigned index, unsigned depth, bool decisive)
{
	const struct expression_node *node = &walk->expression->nodes[index];
	const struct value *value = &walk->values[index];
	if (node->operation == OPERATION_CONSTANT || walk->count == walk->room)
		return;
	struct expression_part *part = &walk->parts[walk->count++];
	*part = (struct expression_part){
		.start = node->start,
		.end = node->end,
		.depth = depth,
		.is_condition = node->type == VALUE_BOOLEAN,
		.decisive = decisive,
		.truth = TRUTH_UNKNOWN,
	};
	if (part->is_condition && value->known)
		part->truth = value->boolean ? TRUTH_TRUE : TRUTH_FALSE;
	print_value(part->value, node->type, value);
	if (node_has_operands(node))
		walk_operands(walk, node, depth + 1, decisive);
	else if (node->function && node->function->kind == FUNCTION_HELD)
		walk_node(walk, node->left, depth + 1, decisive);
}

unsigned expression_explain(const struct expression *expression, const struct machine *machine,
			    const struct policy *policy, int64_t now_us,
			    struct expression_part *parts, unsigned room)
{
	struct facts facts = machine_facts(machine, policy, now_us);
	const struct machine_rule *known = machine_find_rule(machine, policy, expression);
	if (known) {
		facts.holds = known->holds;
		facts.counts_from = known->counts_from;
	}
	struct value values[EXPRESSION_NODES_MAX];
	expression_values(&facts, expression, values);
	struct explanation walk = {
		.expression = expression,
		.values = values,
		.parts = parts,
		.room = room,
	};
	walk_node(&walk, expression->node_count - 1, 0, true);
	return walk.count;
}
