/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_logic.c - see expression_logic.h: claims taken apart branch by branch (an
 * analytic tableau); a branch is closed by two literals that exclude each other. */
#include "core/expression_logic.h"

#include "base/text.h"
#include "core/expression_literal.h"
#include "core/policy.h"

/* What is still to be taken apart; lives on the stacks of those who put it there. */
struct pending {
	unsigned claim, node;
	bool negated;
	const struct pending *next;
};

struct tableau {
	const struct logic_claim *claims;
	unsigned claim_count;
	const struct policy *policy;
	unsigned steps;
	bool cycles; /* claims are about different moments, see logic_can_cycle */
	struct logic_conflict conflict;
};

static bool solve(struct tableau *tableau, const struct pending *pending,
		  const struct literal *literals);

static void note_conflict(struct tableau *tableau, const struct literal *a, const struct literal *b)
{
	const struct literal *parts[2] = {a, b};
	if (tableau->conflict.found || a->expression != b->expression)
		return;
	tableau->conflict.found = true;
	for (unsigned i = 0; i < 2; i++) {
		const struct expression_node *node = &parts[i]->expression->nodes[parts[i]->node];
		tableau->conflict.start[i] = node->start;
		tableau->conflict.end[i] = node->end;
	}
}

/* The states that the branch leaves to the moment of `literal`. */
static uint32_t states_left(const struct tableau *tableau, const struct literal *literal)
{
	uint32_t states = tableau->claims[literal->claim].states;
	for (const struct literal *other = literal; other; other = other->next)
		if (other->kind == LITERAL_STATE && other->moment == literal->moment)
			states &= other->states;
	return states;
}

static bool closes(struct tableau *tableau, const struct literal *literal)
{
	if (literal->kind == LITERAL_STATE) {
		if (states_left(tableau, literal))
			return false;
		note_conflict(tableau, literal, literal);
		return true;
	}
	if (literal_is_impossible(literal)) {
		note_conflict(tableau, literal, literal);
		return true;
	}
	for (const struct literal *other = literal->next; other; other = other->next) {
		if (!literals_exclude(literal, other))
			continue;
		note_conflict(tableau, other, literal);
		return true;
	}
	return false;
}

/* Whether one input may bring about all that the branch asks for, see logic_can_cycle. */
static bool one_input_does(const struct literal *literals)
{
	const struct literal *alert = NULL;
	for (const struct literal *literal = literals; literal; literal = literal->next) {
		if (literal_waits(literal))
			return false;
		if (!literal_asks_for_alert(literal))
			continue;
		if (alert && !literals_share_alert(alert, literal))
			return false;
		if (!alert || literal_any_alert(alert))
			alert = literal;
	}
	return true;
}

static bool take_literal(struct tableau *tableau, const struct pending *what,
			 const struct literal *literals)
{
	const struct logic_claim *claim = &tableau->claims[what->claim];
	struct literal literal = {
		.expression = claim->expression,
		.node = what->node,
		.claim = what->claim,
		.moment = tableau->cycles ? what->claim : 0,
		.next = literals,
	};
	literal_set(&literal, tableau->policy, what->negated, claim->not_true);
	if (closes(tableau, &literal))
		return false;
	return solve(tableau, what->next, &literal);
}

static bool take_operator(struct tableau *tableau, const struct pending *what,
			  const struct expression_node *node, const struct literal *literals)
{
	bool not_true = tableau->claims[what->claim].not_true;
	bool both = ((node->operation == OPERATION_AND) != what->negated) != not_true;
	struct pending right = {what->claim, node->right, what->negated, what->next};
	struct pending left = {what->claim, node->left, what->negated, both ? &right : what->next};
	if (solve(tableau, &left, literals))
		return true;
	return !both && solve(tableau, &right, literals);
}

/* Whether a branch stays open. */
static bool solve(struct tableau *tableau, const struct pending *pending,
		  const struct literal *literals)
{
	if (tableau->steps++ >= LOGIC_STEPS_MAX)
		return true;
	if (!pending)
		return !tableau->cycles || one_input_does(literals);
	const struct logic_claim *claim = &tableau->claims[pending->claim];
	const struct expression_node *node = &claim->expression->nodes[pending->node];
	if (node->operation == OPERATION_NOT) {
		struct pending operand = {pending->claim, node->left, !pending->negated,
					  pending->next};
		return solve(tableau, &operand, literals);
	}
	if (node->operation == OPERATION_AND || node->operation == OPERATION_OR)
		return take_operator(tableau, pending, node, literals);
	if (node->operation == OPERATION_CONSTANT)
		return (node->constant.boolean != pending->negated) != claim->not_true &&
		       solve(tableau, pending->next, literals);
	return take_literal(tableau, pending, literals);
}

enum { CLAIMS_MAX = 8 };

static bool solve_claims(struct tableau *tableau)
{
	struct pending whole[CLAIMS_MAX];
	unsigned count = min_of(tableau->claim_count, (unsigned)CLAIMS_MAX);
	for (unsigned i = 0; i < count; i++)
		whole[i] = (struct pending){
			.claim = i,
			.node = tableau->claims[i].expression->node_count - 1,
			.next = i + 1 < count ? &whole[i + 1] : NULL,
		};
	return solve(tableau, whole, NULL);
}

bool logic_can_be_true(const struct expression *expression, const struct policy *policy,
		       uint32_t states, struct logic_conflict *ret_conflict)
{
	struct logic_claim claim = {expression, .states = states};
	struct tableau tableau = {.claims = &claim, .claim_count = 1, .policy = policy};
	bool can = solve_claims(&tableau);
	if (ret_conflict)
		*ret_conflict = tableau.conflict;
	return can;
}

bool logic_is_always_true(const struct expression *expression, const struct policy *policy,
			  uint32_t states)
{
	struct logic_claim claim = {expression, .not_true = true, .states = states};
	struct tableau tableau = {.claims = &claim, .claim_count = 1, .policy = policy};
	return !solve_claims(&tableau);
}

bool logic_follows(const struct expression *then, const struct expression *when,
		   const struct policy *policy, uint32_t states)
{
	/* What must not be true first: that closes most branches soonest. */
	struct logic_claim claims[] = {
		{then, .not_true = true, .states = states},
		{when, .states = states},
	};
	struct tableau tableau = {.claims = claims, .claim_count = 2, .policy = policy};
	return !solve_claims(&tableau);
}

bool logic_can_cycle(const struct logic_claim *claims, unsigned count, const struct policy *policy)
{
	struct tableau tableau = {
		.claims = claims,
		.claim_count = count,
		.policy = policy,
		.cycles = true,
	};
	return solve_claims(&tableau);
}

uint64_t logic_subjects(const struct expression *expression)
{
	uint64_t subjects = 0;
	for (unsigned i = 0; i < expression->node_count; i++)
		subjects |= node_subjects(&expression->nodes[i]);
	return subjects;
}

static bool part_can_be_true(const struct expression *expression, const struct policy *policy,
			     uint32_t states, unsigned node, bool negated)
{
	struct logic_claim claim = {expression, .states = states};
	struct tableau tableau = {.claims = &claim, .claim_count = 1, .policy = policy};
	struct pending pending = {.node = node, .negated = negated};
	return solve(&tableau, &pending, NULL);
}

void logic_dead_parts(const struct expression *expression, const struct policy *policy,
		      uint32_t states, void (*on_part)(void *data, size_t start, size_t end),
		      void *data)
{
	bool negated[EXPRESSION_NODES_MAX] = {false}, dead[EXPRESSION_NODES_MAX] = {false};
	for (unsigned i = expression->node_count; i-- > 0;) {
		const struct expression_node *node = &expression->nodes[i];
		bool choice = node->operation == (negated[i] ? OPERATION_AND : OPERATION_OR);
		if (node->operation != OPERATION_AND && node->operation != OPERATION_OR &&
		    node->operation != OPERATION_NOT)
			continue;
		const unsigned sides[] = {node->left, node->right};
		for (unsigned side = 0; side < (node->left == node->right ? 1 : 2); side++) {
			unsigned at = sides[side];
			const struct expression_node *part = &expression->nodes[at];
			negated[at] = negated[i] != (node->operation == OPERATION_NOT);
			dead[at] = dead[i];
			if (!choice || dead[at] || part->operation == OPERATION_CONSTANT ||
			    part_can_be_true(expression, policy, states, at, negated[at]))
				continue;
			dead[at] = true;
			on_part(data, part->start, part->end);
		}
	}
}
