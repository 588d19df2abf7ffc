/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/explain.c - see explain.h. */
#include "core/explain.h"

#include "base/duration.h"
#include "base/text.h"

static void add_text(struct buffer *lines, const char *text, const struct expression_part *part)
{
	/* A condition may stand on several lines of its file. */
	for (size_t i = part->start; i < part->end; i++)
		buffer_add(lines, text[i] == '\n' ? " " : text + i, 1);
}

/* What the truth rests on: conditions that have none below them, with the values in them. */
static void add_reasons(struct buffer *lines, const char *text, const struct expression_part *parts,
			unsigned count)
{
	bool first = true;
	for (unsigned i = 0; i < count; i++) {
		const struct expression_part *part = &parts[i];
		bool inner = i + 1 < count && parts[i + 1].depth > part->depth;
		bool holds_conditions = inner && parts[i + 1].is_condition;
		if (!part->decisive || !part->is_condition || holds_conditions)
			continue;
		buffer_print(lines, "%s", first ? "" : ", ");
		first = false;
		add_text(lines, text, part);
		buffer_print(lines, " is %s", part->value);
		for (unsigned j = i + 1; j < count && parts[j].depth > part->depth; j++) {
			if (parts[j].is_condition)
				continue;
			buffer_print(lines, j == i + 1 ? " (" : ", ");
			add_text(lines, text, &parts[j]);
			buffer_print(lines, " = %s", parts[j].value);
		}
		buffer_print(lines, "%s", inner ? ")" : "");
	}
	if (first)
		buffer_print(lines, "always %s", count ? parts[0].value : text);
}

int64_t explain_held_back_us(const struct policy *policy, const struct policy_rule *rule,
			     const struct machine *machine, int64_t now_us)
{
	int64_t dwell_us = max_of(policy->states[machine->state].dwell_us, MACHINE_PAUSE_US);
	int64_t left_us = machine->entered_us + dwell_us - now_us;
	if (policy_rule_to(rule, machine->state) >= machine->state)
		return 0;
	return machine->manual ? INT64_MAX : max_of(left_us, (int64_t)0);
}

static void add_what_holds_back(struct buffer *lines, const struct policy *policy,
				const struct policy_rule *rule, const struct machine *machine,
				int64_t now_us)
{
	char left[DURATION_TEXT_BYTES];
	int64_t left_us = explain_held_back_us(policy, rule, machine, now_us);
	if (!left_us)
		return;
	duration_print(left, left_us);
	if (left_us == INT64_MAX)
		buffer_print(lines, "; held back until an operator releases the device");
	else
		buffer_print(lines, "; held back for %s, the dwell of %s", left,
			     policy->states[machine->state].name);
}

void explain_rule(struct buffer *lines, const struct policy *policy, unsigned index,
		  const struct machine *machine, int64_t now_us)
{
	const struct policy_rule *rule = &policy->rules[index];
	struct expression_part parts[EXPRESSION_NODES_MAX];
	unsigned count = expression_explain(rule->when, machine, policy, now_us, parts,
					    EXPRESSION_NODES_MAX);
	buffer_print(lines, "rule '%s': ", rule->name);
	if (!(rule->from >> machine->state & 1)) {
		buffer_print(lines, "not for state %s\n", policy->states[machine->state].name);
		return;
	}
	add_reasons(lines, expression_text(rule->when), parts, count);
	add_what_holds_back(lines, policy, rule, machine, now_us);
	buffer_print(lines, "%s\n", rule->shadow ? "; in shadow, nothing comes of it" : "");
}

void explain_way(struct buffer *lines, const struct policy *policy, unsigned wanted,
		 const struct machine *machine, int64_t now_us)
{
	unsigned found = 0;
	for (unsigned i = 0; i < policy->rule_count; i++) {
		const struct policy_rule *rule = &policy->rules[i];
		if (!(rule->from >> machine->state & 1) ||
		    policy_rule_to(rule, machine->state) != wanted)
			continue;
		explain_rule(lines, policy, i, machine, now_us);
		found++;
	}
	if (!found)
		buffer_print(lines, "no rule leads from %s to %s\n",
			     policy->states[machine->state].name, policy->states[wanted].name);
}
