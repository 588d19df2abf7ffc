/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_evaluate.c - one pass forward for the value, one backward for what made it. */
#include "core/expression_internal.h"

#include <assert.h>

#include "core/machine.h"

static void compute(const struct facts *facts, const struct expression_node *nodes, unsigned i,
		    struct value *values)
{
	const struct expression_node *node = &nodes[i];
	struct value *ret = &values[i];
	*ret = (struct value){.next_us = INT64_MAX};
	switch (node->operation) {
	case OPERATION_CONSTANT: *ret = node->constant; return;
	case OPERATION_NAME: node->name->read(facts, ret); return;
	case OPERATION_CALL: node->function->call(facts, node->arguments, ret); return;
	case OPERATION_NOT:
	case OPERATION_NEGATE:
	case OPERATION_AND:
	case OPERATION_OR:
	case OPERATION_EQUAL:
	case OPERATION_NOT_EQUAL:
	case OPERATION_LESS:
	case OPERATION_LESS_EQUAL:
	case OPERATION_GREATER:
	case OPERATION_GREATER_EQUAL:
	case OPERATION_ADD:
	case OPERATION_SUBTRACT:
	case OPERATION_MULTIPLY:
	case OPERATION_DIVIDE:
	case OPERATION_MODULO:
	case OPERATION_COUNT: break;
	}
	enum value_type operands[2] = {nodes[node->left].type, nodes[node->right].type};
	value_apply(node->operation, operands, &values[node->left], &values[node->right],
		    facts->now_us, ret);
}

static void count_alerts(const struct facts *facts, const struct expression_node *call,
			 uint64_t *counted)
{
	for (unsigned i = 0; i < facts->machine->alert_count; i++)
		if (call_counts(facts, call->arguments, machine_alert_at(facts->machine, i)))
			counted[i / 64] |= UINT64_C(1) << i % 64;
}

void expression_values(const struct facts *facts, const struct expression *expression,
		       struct value *values)
{
	assert(expression->node_count > 0);
	for (unsigned i = 0; i < expression->node_count; i++)
		compute(facts, expression->nodes, i, values);
}

bool node_rests_on(const struct expression_node *node, const struct value *result,
		   const struct value *operand)
{
	if (node->operation != OPERATION_AND && node->operation != OPERATION_OR)
		return true;
	return operand->known && operand->boolean == result->boolean;
}

/* See expression.h for what counts. */
static void count_what_made_it_true(const struct facts *facts, const struct expression *expression,
				    const struct value *values, uint64_t *counted)
{
	bool made_it[EXPRESSION_NODES_MAX] = {false};
	unsigned whole = expression->node_count - 1;
	made_it[whole] = true;
	for (unsigned i = whole + 1; i-- > 0;) {
		const struct expression_node *node = &expression->nodes[i];
		if (!made_it[i])
			continue;
		if (node->operation == OPERATION_CALL) {
			count_alerts(facts, node, counted);
		} else if (node->operation != OPERATION_CONSTANT &&
			   node->operation != OPERATION_NAME) {
			made_it[node->left] |= node_rests_on(node, &values[i], &values[node->left]);
			made_it[node->right] |= node_rests_on(node, &values[i],
							      &values[node->right]);
		}
	}
}

void expression_evaluate(const struct expression *expression, const struct machine *machine,
			 const struct policy *policy, int64_t now_us, struct expression_result *ret)
{
	expression_evaluate_after(expression, machine, policy, 0, now_us, ret);
}

void expression_evaluate_after(const struct expression *expression, const struct machine *machine,
			       const struct policy *policy, uint64_t counts_from, int64_t now_us,
			       struct expression_result *ret)
{
	struct facts facts = {
		.machine = machine, .policy = policy, .counts_from = counts_from, .now_us = now_us};
	struct value values[EXPRESSION_NODES_MAX];
	expression_values(&facts, expression, values);
	const struct value *whole = &values[expression->node_count - 1];
	*ret = (struct expression_result){.truth = TRUTH_UNKNOWN, .next_us = whole->next_us};
	if (whole->known)
		ret->truth = whole->boolean ? TRUTH_TRUE : TRUTH_FALSE;
	if (ret->truth == TRUTH_TRUE)
		count_what_made_it_true(&facts, expression, values, ret->counted);
}
