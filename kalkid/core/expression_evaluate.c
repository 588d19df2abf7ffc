/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_evaluate.c - one pass forward for the value, one backward for what made it. */
#include "core/expression_internal.h"

#include <assert.h>
#include <string.h>

#include "core/machine.h"

/* True for so long as the hold says, and now. */
static void call_held(const struct facts *facts, const struct expression_node *call,
		      const struct value *condition, struct value *ret)
{
	const struct machine_hold *hold = facts->holds ? &facts->holds[call->right] : NULL;
	*ret = *condition;
	if (!condition->known || !condition->boolean)
		return;
	int64_t since_us = hold && hold->holds ? hold->since_us : facts->now_us;
	int64_t from_us = since_us + call->arguments[SLOT_FOR].us;
	ret->boolean = facts->now_us >= from_us;
	if (!ret->boolean)
		ret->next_us = min_of(ret->next_us, from_us);
}

static void compute_call(const struct facts *facts, const struct expression_node *nodes, unsigned i,
			 struct value *values)
{
	const struct expression_node *node = &nodes[i];
	switch (node->function->kind) {
	case FUNCTION_HELD: call_held(facts, node, &values[node->left], &values[i]); break;
	case FUNCTION_FLEET: call_fleet(facts, nodes, i, values, &values[i]); break;
	case FUNCTION_CONSTANT:
	case FUNCTION_ALERTS:
	case FUNCTION_ABSENCE:
	case FUNCTION_MOVES:
	case FUNCTION_SENSORS:
	case FUNCTION_CLOCK: node->function->call(facts, node->arguments, &values[i]); break;
	}
}

static void compute(const struct facts *facts, const struct expression_node *nodes, unsigned i,
		    struct value *values)
{
	const struct expression_node *node = &nodes[i];
	struct value *ret = &values[i];
	*ret = (struct value){.next_us = INT64_MAX};
	switch (node->operation) {
	case OPERATION_CONSTANT: *ret = node->constant; return;
	case OPERATION_NAME: node->name->read(facts, ret); return;
	case OPERATION_SENSOR: sensor_read(facts, &node->sensor, ret); return;
	case OPERATION_CALL: compute_call(facts, nodes, i, values); return;
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

void nodes_compute(const struct facts *facts, const struct expression_node *nodes, unsigned first,
		   unsigned last, struct value *values)
{
	for (unsigned i = first; i <= last; i++)
		compute(facts, nodes, i, values);
}

void expression_values(const struct facts *facts, const struct expression *expression,
		       struct value *values)
{
	const struct expression_node *nodes = expression->nodes;
	assert(expression->node_count > 0);
	for (unsigned i = 0; i < expression->node_count; i++) {
		if (nodes[i].skip_to)
			i = nodes[i].skip_to;
		compute(facts, nodes, i, values);
	}
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
	bool made_it[EXPRESSION_NODES_MAX];
	unsigned whole = expression->node_count - 1;
	memset(made_it, 0, whole);
	made_it[whole] = true;
	for (unsigned i = whole + 1; i-- > 0;) {
		const struct expression_node *node = &expression->nodes[i];
		if (!made_it[i])
			continue;
		if (node_has_operands(node)) {
			made_it[node->left] |= node_rests_on(node, &values[i], &values[node->left]);
			made_it[node->right] |= node_rests_on(node, &values[i],
							      &values[node->right]);
		} else if (node->function && node->function->kind == FUNCTION_ALERTS) {
			call_count_alerts(facts, node, counted);
		} else if (node->function && node->function->kind == FUNCTION_HELD) {
			made_it[node->left] = true;
		}
	}
}

/* Since when the conditions of held() are true, for the next time. */
static void keep_holds(const struct expression *expression, const struct value *values,
		       struct machine_hold *holds, int64_t now_us)
{
	for (unsigned i = 0; i < expression->node_count; i++) {
		const struct expression_node *node = &expression->nodes[i];
		if (!node->function || node->function->kind != FUNCTION_HELD)
			continue;
		const struct value *condition = &values[node->left];
		struct machine_hold *hold = &holds[node->right];
		bool holds_now = condition->known && condition->boolean;
		if (holds_now && !hold->holds)
			hold->since_us = now_us;
		hold->holds = holds_now;
	}
}

struct facts machine_facts(const struct machine *machine, const struct policy *policy,
			   int64_t now_us)
{
	return (struct facts){
		.machine = machine,
		.policy = policy,
		.device = machine->device,
		.fleet = machine->fleet,
		.alerts_max = EXPRESSION_ALERTS_MAX,
		.now_us = now_us,
	};
}

void expression_evaluate(const struct expression *expression, const struct machine *machine,
			 const struct policy *policy, int64_t now_us, struct expression_result *ret)
{
	expression_evaluate_rule(expression, machine, policy, 0, NULL, now_us, ret);
}

void expression_evaluate_rule(const struct expression *expression, const struct machine *machine,
			      const struct policy *policy, uint64_t counts_from,
			      struct machine_hold *holds, int64_t now_us,
			      struct expression_result *ret)
{
	struct facts facts = machine_facts(machine, policy, now_us);
	struct value values[EXPRESSION_NODES_MAX];
	const struct value *whole = &values[expression->node_count - 1];
	facts.holds = holds;
	facts.counts_from = counts_from;
	expression_values(&facts, expression, values);
	*ret = (struct expression_result){.truth = TRUTH_UNKNOWN, .next_us = whole->next_us};
	if (whole->known)
		ret->truth = whole->boolean ? TRUTH_TRUE : TRUTH_FALSE;
	if (ret->truth == TRUTH_TRUE && expression->needs.alerts)
		count_what_made_it_true(&facts, expression, values, ret->counted);
	if (holds)
		keep_holds(expression, values, holds, now_us);
}
