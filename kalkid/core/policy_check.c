/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/policy_check.c - see policy_check.h: findings, and what concerns rules. */
#include "core/policy_check_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/expression_logic.h"

bool finding_is_error(enum finding_kind kind)
{
	return kind == FINDING_NEVER_TRUE || kind == FINDING_SHADOWED;
}

struct finding *check_add(struct policy_check *check, enum finding_kind kind, bool of_rule,
			  unsigned index)
{
	struct findings *findings = check->findings;
	if (findings->count == FINDINGS_MAX)
		return NULL;
	if ((findings->count & (findings->count - 1)) == 0) /* doubles at powers of two */
		findings->items = mem_resize(findings->items, max_of(8u, 2 * findings->count),
					     sizeof(*findings->items));
	struct finding *finding = &findings->items[findings->count++];
	*finding = (struct finding){.kind = kind, .of_rule = of_rule, .index = index};
	return finding;
}

void check_words(struct finding *finding, const char *format, ...)
{
	va_list args;
	if (!finding)
		return;
	va_start(args, format);
	vsnprintf(finding->words, sizeof(finding->words), format, args);
	va_end(args);
}

void check_hint(struct finding *finding, const char *format, ...)
{
	va_list args;
	if (!finding)
		return;
	va_start(args, format);
	vsnprintf(finding->hint, sizeof(finding->hint), format, args);
	va_end(args);
}

void check_print_states(const struct policy *policy, uint32_t states,
			char words[static FINDING_HINT_BYTES])
{
	size_t at = 0;
	words[0] = '\0';
	for (unsigned i = 0; i < policy->state_count; i++)
		if (state_in(states, i) && at < FINDING_HINT_BYTES)
			at += (size_t)snprintf(words + at, FINDING_HINT_BYTES - at, "%s'%s'",
					       at ? ", " : "", policy->states[i].name);
}

void findings_done(struct findings *findings)
{
	free(findings->items);
	*findings = (struct findings){0};
}

/* --- conditions that cannot be true --- */

static void tell_never_true(struct policy_check *check, unsigned index, uint32_t states,
			    const struct logic_conflict *conflict)
{
	const struct policy *policy = check->policy;
	const struct policy_rule *rule = &policy->rules[index];
	const char *text = expression_text(rule->when);
	char names[FINDING_HINT_BYTES];
	struct finding *finding = check_add(check, FINDING_NEVER_TRUE, true, index);
	if (!finding)
		return;
	finding->in_condition = true;
	if (!conflict->found) {
		check_words(finding, "the rule never fires: its condition is always false");
		check_hint(finding, "take the rule out, or mend its condition");
		return;
	}
	finding->offset = conflict->start[1];
	if (conflict->start[0] != conflict->start[1]) {
		check_words(
			finding, "the rule never fires: '%.*s' and '%.*s' are never true together",
			(int)(conflict->end[0] - conflict->start[0]), text + conflict->start[0],
			(int)(conflict->end[1] - conflict->start[1]), text + conflict->start[1]);
		check_hint(finding, "was 'or' meant, or another limit?");
		return;
	}
	check_words(finding, "the rule never fires: '%.*s' is never true",
		    (int)(conflict->end[1] - conflict->start[1]), text + conflict->start[1]);
	check_print_states(policy, states, names);
	check_hint(finding, "the rule holds in %s", names);
}

struct dead_part {
	struct policy_check *check;
	unsigned rule;
};

static void on_dead_part(void *data, size_t start, size_t end)
{
	struct dead_part *dead = data;
	const char *text = expression_text(dead->check->policy->rules[dead->rule].when);
	struct finding *finding = check_add(dead->check, FINDING_DEAD_PART, true, dead->rule);
	if (!finding)
		return;
	finding->in_condition = true;
	finding->offset = start;
	check_words(finding, "'%.*s' is never true", (int)(end - start), text + start);
	check_hint(finding, "take this alternative out, or mend it");
}

static void check_condition(struct policy_check *check, unsigned index)
{
	const struct policy *policy = check->policy;
	const struct policy_rule *rule = &policy->rules[index];
	struct logic_conflict conflict;
	if (!logic_can_be_true(rule->when, policy, rule->from, &conflict)) {
		check->fires[index] = 0;
		tell_never_true(check, index, rule->from, &conflict);
		return;
	}
	for (unsigned state = 0; state < policy->state_count; state++) {
		uint32_t bit = UINT32_C(1) << state;
		if ((rule->from & bit) && !logic_can_be_true(rule->when, policy, bit, NULL))
			check->fires[index] &= ~bit;
	}
	struct dead_part dead = {check, index};
	logic_dead_parts(rule->when, policy, rule->from, on_dead_part, &dead);
}

/* --- rules behind others --- */

static uint32_t below(unsigned state)
{
	return (UINT32_C(1) << state) - 1;
}

/* The states that the rule loosens. */
static uint32_t loosens(const struct policy_rule *rule)
{
	return rule->stays ? 0 : ~below(rule->to) & ~(UINT32_C(1) << rule->to);
}

/* The states in which nothing but its condition holds `first` back where `second` may fire: it does
 * more than act, and waits for no dwell that the other need not wait for. */
static uint32_t goes_before(const struct policy_rule *first, const struct policy_rule *second)
{
	uint32_t states = loosens(first) & loosens(second);
	if (first->shadow)
		return 0;
	if (!first->stays)
		states |= below(first->to);
	return states & first->from & second->from;
}

static void tell_shadowed(struct policy_check *check, unsigned index, const unsigned *by,
			  unsigned by_count)
{
	const struct policy *policy = check->policy;
	cleanup_buffer struct buffer names = {0};
	struct finding *finding = check_add(check, FINDING_SHADOWED, true, index);
	for (unsigned i = 0; i < by_count; i++)
		buffer_print(&names, "%s'%s'", i ? ", " : "", policy->rules[by[i]].name);
	check_words(finding,
		    "the rule never fires: whenever it is true, %s before it %s true in the same "
		    "state",
		    names.bytes, by_count == 1 ? "is" : "are");
	check_hint(finding, "put the narrower rule first");
}

static void check_shadow(struct policy_check *check, unsigned index, const uint64_t *subjects,
			 const bool *always)
{
	const struct policy *policy = check->policy;
	const struct policy_rule *rule = &policy->rules[index];
	uint32_t left = check->fires[index];
	unsigned by[POLICY_STATES_MAX], by_count = 0;
	for (unsigned i = 0; i < index && left; i++) {
		const struct policy_rule *before = &policy->rules[i];
		uint32_t states = goes_before(before, rule) & left;
		if (!states || !(always[i] || (subjects[i] & subjects[index])) ||
		    !logic_follows(before->when, rule->when, policy, states))
			continue;
		left &= ~states;
		by[by_count++] = i;
	}
	if (!left && by_count)
		tell_shadowed(check, index, by, by_count);
	check->fires[index] = left;
}

/* --- what is always true --- */

static void tell_left_at_once(struct policy_check *check, unsigned index)
{
	const struct policy *policy = check->policy;
	const struct policy_rule *rule = &policy->rules[index];
	char names[FINDING_HINT_BYTES];
	uint32_t looser = below(rule->to);
	if (rule->stays || rule->shadow || !(check->fires[index] & looser))
		return;
	struct finding *finding = check_add(check, FINDING_LEFT_AT_ONCE, true, index);
	check_print_states(policy, check->fires[index] & looser, names);
	check_words(finding, "the condition is always true: %s is left at once", names);
	check_hint(finding, "name what the rule waits for");
}

/* Sets `fires`. */
static void check_rules(struct policy_check *check)
{
	const struct policy *policy = check->policy;
	uint64_t subjects[POLICY_RULES_MAX];
	bool always[POLICY_RULES_MAX];
	for (unsigned i = 0; i < policy->rule_count; i++) {
		const struct policy_rule *rule = &policy->rules[i];
		check->fires[i] = rule->from;
		check_condition(check, i);
		subjects[i] = logic_subjects(rule->when);
		always[i] = logic_is_always_true(rule->when, policy, rule->from);
		check_shadow(check, i, subjects, always);
		if (always[i])
			tell_left_at_once(check, i);
		if (rule->shadow) /* it leads nowhere */
			check->fires[i] = 0;
	}
}

void policy_check(const struct policy *policy, struct findings *ret)
{
	struct policy_check *check = mem_alloc(sizeof(*check));
	check->policy = policy;
	check->findings = ret;
	check_rules(check);
	check_actions(check);
	check_cycles(check);
	check_states(check);
	free(check);
}
