/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/test_policy_check.c - what is found in doubtful policies, and that good ones are left alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/expression_logic.h"
#include "core/policy_check.h"

#define SECOND ((int64_t)1000000)

enum { RULES_MAX = 5, ALL = 7 };

struct rule_text {
	uint32_t from;
	const char *when;
	unsigned to;
	bool shadow;
};

/* Three states: A, B, C; back from C by an operator only, from B by calm. */
static struct policy *make_policy(const struct rule_text *rules)
{
	struct policy *policy = policy_new();
	policy->states = mem_alloc_array(3, sizeof(*policy->states));
	policy->state_count = 3;
	for (unsigned i = 0; i < 3; i++)
		policy->states[i].name[0] = (char)('A' + i);
	policy->states[1].calm_us = 60 * SECOND;
	policy->states[2].final = true;
	policy->rules = mem_alloc_array(RULES_MAX, sizeof(*policy->rules));
	for (; rules->when; rules++) {
		struct policy_rule *rule = &policy->rules[policy->rule_count++];
		struct expression_place place;
		struct error err = {0};
		rule->name[0] = (char)('q' + policy->rule_count);
		rule->from = rules->from;
		rule->to = rules->to;
		rule->shadow = rules->shadow;
		if (expression_parse(&rule->when, rules->when, policy, &place, &err) < 0)
			fail_msg("%s: %s", rules->when, err.text);
	}
	return policy;
}

static const char *name_kind(enum finding_kind kind)
{
	static const char *const names[FINDING_KIND_COUNT] = {
		[FINDING_NEVER_TRUE] = "never-true",   [FINDING_SHADOWED] = "shadowed",
		[FINDING_DEAD_PART] = "dead-part",     [FINDING_LEFT_AT_ONCE] = "left-at-once",
		[FINDING_UNREACHABLE] = "unreachable", [FINDING_NO_WAY_BACK] = "no-way-back",
		[FINDING_NOT_FINAL] = "not-final",     [FINDING_FLAPPING] = "flapping",
		[FINDING_CUT_OFF] = "cut-off",
	};
	return names[kind];
}

static void check(struct policy *policy, const char *lines)
{
	struct findings findings = {0};
	cleanup_buffer struct buffer found = {0};
	buffer_print(&found, "%s", "");
	policy_check(policy, &findings);
	for (unsigned i = 0; i < findings.count; i++) {
		const struct finding *finding = &findings.items[i];
		const char *name = finding->of_rule ? policy->rules[finding->index].name
						    : policy->states[finding->index].name;
		buffer_print(&found, "%s %s", name_kind(finding->kind), name);
		if (finding->in_condition)
			buffer_print(&found, "+%zu", finding->offset);
		buffer_print(&found, ": %s (%s)\n", finding->words, finding->hint);
	}
	assert_string_equal(found.bytes, lines);
	findings_done(&findings);
	policy_free(policy);
}

#define RULES(...) make_policy((const struct rule_text[]){__VA_ARGS__, {0}})
/* So that B and C are reached whatever else the case is about. */
#define REACH                            \
	{1, "alert('reach-b')", 1},      \
	{                                \
		3, "alert('reach-c')", 2 \
	}

static void good_policies_are_left_alone(void **state maybe_unused)
{
	check(RULES(REACH), "");
	check(RULES(REACH, {1, "count('x', within: 1m) > 5", 2}, {1, "alert('x')", 1}), "");
	check(RULES(REACH, {4, "time_in_state >= 1h and not (time_since_alert < 30m)", 1}),
	      "not-final C: the state is said to be final, but the policy leaves it to 'B' (leave "
	      "'final' out)\n");
}

static void rules_that_never_fire_are_found(void **state maybe_unused)
{
	check(RULES(REACH, {1, "false and alert('x')", 1}),
	      "never-true t+0: the rule never fires: its condition is always false (take the rule "
	      "out, or mend its condition)\n");
	check(RULES(REACH, {1, "count('x', within: 1m) > 5 and count('x', within: 10m) < 3", 1}),
	      "never-true t+31: the rule never fires: 'count('x', within: 1m) > 5' and 'count('x', "
	      "within: 10m) < 3' are never true together (was 'or' meant, or another limit?)\n");
	check(RULES(REACH, {1, "alert('x') and state == 'B'", 1}),
	      "never-true t+15: the rule never fires: 'state == 'B'' is never true (the rule holds "
	      "in 'A')\n");
	check(RULES(REACH, {1, "count('x', within: 1m) < 0", 1}),
	      "never-true t+0: the rule never fires: 'count('x', within: 1m) < 0' is never true "
	      "(the rule holds in 'A')\n");
	check(RULES(REACH, {1, "alert('x') and (alert('y') or time_in_state < 0s)", 1}),
	      "dead-part t+30: 'time_in_state < 0s' is never true (take this alternative out, or "
	      "mend it)\n");
}

static void shadowed_rules_are_found(void **state maybe_unused)
{
	check(RULES({1, "alert('x', within: 10m)", 1}, {3, "alert('c')", 2},
		    {1, "alert('x', within: 5m) and alert('y')", 2}),
	      "shadowed t: the rule never fires: whenever it is true, 'r' before it is true in the "
	      "same state (put the narrower rule first)\n");
	/* Between them both states are taken. */
	check(RULES({1, "alert('*')", 1}, {2, "alert('x')", 2},
		    {3, "count('x', within: 1m) >= 2", 2}),
	      "shadowed t: the rule never fires: whenever it is true, 'r', 's' before it are true "
	      "in the same state (put the narrower rule first)\n");
	/* The first is held back by the dwell, the second is not. */
	check(RULES(REACH, {4, "alert('x')", 1}, {4, "alert('x')", 2}),
	      "not-final C: the state is said to be final, but the policy leaves it to 'B' (leave "
	      "'final' out)\n");
}

static void rules_in_shadow_lead_nowhere(void **state maybe_unused)
{
	/* No rule behind it is held back by it, no state is reached by it, no cycle goes through.
	 */
	check(RULES({1, "alert('x', within: 10m)", 1, .shadow = true}, REACH,
		    {1, "alert('x', within: 1m)", 2}, {4, "alert('x')", 0, .shadow = true}),
	      "");
	check(RULES({1, "alert('x')", 1}, {1, "alert('y')", 2, .shadow = true}),
	      "unreachable C: no rule leads here from 'A' (only an operator can set it: add a rule, "
	      "or take the state out)\n");
	/* It is wrong where it would be wrong otherwise. */
	check(RULES(REACH, {1, "alert('reach-b', within: 1m)", 1, .shadow = true}),
	      "shadowed t: the rule never fires: whenever it is true, 'r' before it is true in the "
	      "same state (put the narrower rule first)\n");
}

/* A rule with one command to its own device. */
static struct policy *with_command(struct policy *policy, unsigned rule,
				   const struct exchange *exchange)
{
	struct action *action = mem_alloc(sizeof(*action));
	policy->commands = mem_alloc(sizeof(*policy->commands));
	policy->commands[policy->command_count++] = (struct device_command){
		.exchange = *exchange,
		.name = "off",
	};
	if (exchange->url)
		policy->commands[0].exchange.url = mem_copy_text(exchange->url);
	TEXT_COPY(action->name, "off");
	policy->rules[rule].actions = action;
	policy->rules[rule].action_count = 1;
	policy->states[2].posture.mode = POSTURE_BLOCK;
	return policy;
}

static void commands_that_cannot_arrive_are_found(void **state maybe_unused)
{
	static const char cut_off[] =
		"cut-off s: the command 'off' cannot arrive: the state that the rule leads to "
		"blocks the device (send it before, in a state with a chain, or leave it out)\n";
	static const struct exchange ssh = {.kind = EXCHANGE_SSH},
				     program = {.kind = EXCHANGE_PROGRAM};
	const struct exchange http = {.kind = EXCHANGE_HTTP, .url = (char[]){"http://{ip}/off"}};
	const struct exchange router = {.kind = EXCHANGE_HTTP,
					.url = (char[]){"http://router/off?who={ip}"}};
	check(with_command(RULES(REACH), 1, &ssh), cut_off);
	check(with_command(RULES(REACH), 1, &http), cut_off);
	/* It does not go to the device, or nobody knows. */
	check(with_command(RULES(REACH), 1, &router), "");
	check(with_command(RULES(REACH), 1, &program), "");
	/* The rule leads elsewhere, or stays where something passes. */
	check(with_command(RULES(REACH), 0, &ssh), "");
	struct policy *policy = with_command(RULES(REACH, {ALL, "alert('x')", 0}), 2, &ssh);
	policy->rules[2].stays = true;
	check(policy, "");
	policy = with_command(RULES(REACH, {4, "alert('x')", 0}), 2, &ssh);
	policy->rules[2].stays = true;
	policy->rules[2].name[0] = 's';
	check(policy, cut_off);
	/* Another device gets it. */
	policy = with_command(RULES(REACH), 1, &ssh);
	TEXT_COPY(policy->rules[1].actions[0].type, "lamp");
	check(policy, "");
}

static void states_are_checked(void **state maybe_unused)
{
	struct policy *policy = RULES({1, "alert('x')", 1}, {2, "alert('x') and false", 2});
	policy->states[2].final = false;
	check(policy,
	      "never-true s+0: the rule never fires: its condition is always false (take the rule "
	      "out, or mend its condition)\n"
	      "unreachable C: no rule leads here from 'A' (only an operator can set it: add a rule, "
	      "or take the state out)\n");
	policy = RULES(REACH);
	policy->states[2].final = false;
	check(policy, "no-way-back C: the policy finds no way back to 'A' from here (add calm or a "
		      "rule; 'final: true' says that only an operator ends it)\n");
	check(RULES(REACH, {1, "true or alert('x')", 1}),
	      "left-at-once t: the condition is always true: 'A' is left at once (name what the "
	      "rule waits for)\n");
}

static void flapping_is_found(void **state maybe_unused)
{
	static const char told[] =
		"flapping t: 'A', 'B' can follow each other again and again by one input, through "
		"this rule and 'r' (give 'B' a dwell, or leave a gap between the conditions)\n";
	check(RULES(REACH, {2, "alert('reach-b')", 0}), told);
	check(RULES(REACH, {2, "not alert('reach-b', within: 10m)", 0}), told);
	check(RULES(REACH, {2, "alert('other')", 0}), "");
	check(RULES(REACH, {2, "time_in_state > 10m", 0}), "");
	struct policy *rests = RULES(REACH, {2, "alert('reach-b')", 0});
	rests->states[1].dwell_us = 30 * SECOND;
	check(rests, "");
}

static struct expression *parse(const char *text)
{
	static struct policy_state states[] = {{.name = "A"}, {.name = "B"}};
	static const struct policy policy = {.states = states, .state_count = 2};
	struct expression *expression = NULL;
	struct expression_place place;
	struct error err = {0};
	if (expression_parse(&expression, text, &policy, &place, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return expression;
}

static void what_follows_is_known(void **state maybe_unused)
{
	static const struct {
		const char *when, *then;
		bool follows, back;
	} cases[] = {
		{"alert('x')", "alert('x')", true, true},
		{"alert('x')", "alert('*')", true, false},
		{"alert('x', within: 300s)", "alert(\"x\", within: 5m)", true, true},
		{"alert('x', within: 1m)", "alert('x')", true, false},
		{"count('x', within: 1m) > 2", "count('x', within: 1m) >= 3", true, true},
		{"count('x', within: 1m) > 2", "alert('x', within: 2m)", true, false},
		{"distinct('x', by: source, within: 1m) > 2", "count('*', within: 1m) > 1", true,
		 false},
		{"distinct('x', by: source, within: 1m) > 2",
		 "distinct('x', by: target, within: 1m) > 2", false, false},
		{"3 < count('x', within: 1m)", "count('x', within: 1m) > 3", true, true},
		{"count('x', within: 1m) == 4", "count('x', within: 1m) != 5", true, false},
		{"alert('x') and alert('y')", "alert('y')", true, false},
		{"alert('x')", "alert('x') or alert('y')", true, false},
		{"not (alert('x') or alert('y'))", "not alert('x')", true, false},
		{"not alert('x')", "not alert('x', within: 1m)", true, false},
		{"time_in_state > 1h", "time_in_state >= 30m", true, false},
		{"time_since_alert > 1h", "time_since_alert > 30m", true, false},
		/* Unknown before the first alert: neither is true then. */
		{"not (time_since_alert < 30m)", "time_since_alert >= 30m", true, true},
		{"alert('x')", "time_since_alert >= 0s", false, false},
		{"last_source('x') == address('10.0.0.1')",
		 "last_source('x') != address('10.0.0.2')", true, false},
		{"state == 'A'", "state != 'B'", true, true},
		{"false", "alert('x')", true, false},
		{"alert('x')", "true", true, false},
		{"count('x', within: 1m) + 1 > 3", "count('x', within: 1m) + 1 > 2", true, false},
		{"count('x', within: 1m) > count('y', within: 1m)",
		 "count('x', within: 1m) > count('y', within: 1m)", true, true},
	};
	static struct policy_state states[] = {{.name = "A"}, {.name = "B"}};
	static const struct policy policy = {.states = states, .state_count = 2};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct expression *when = parse(cases[i].when), *then = parse(cases[i].then);
		if (logic_follows(then, when, &policy, 3) != cases[i].follows)
			fail_msg("%s => %s", cases[i].when, cases[i].then);
		if (logic_follows(when, then, &policy, 3) != cases[i].back)
			fail_msg("%s => %s", cases[i].then, cases[i].when);
		if (cases[i].follows && !logic_is_always_true(then, &policy, 3) &&
		    logic_can_be_true(when, &policy, 3, NULL))
			assert_true(logic_subjects(when) & logic_subjects(then));
		expression_free(when);
		expression_free(then);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_policies_are_left_alone),
		cmocka_unit_test(rules_that_never_fire_are_found),
		cmocka_unit_test(shadowed_rules_are_found),
		cmocka_unit_test(rules_in_shadow_lead_nowhere),
		cmocka_unit_test(commands_that_cannot_arrive_are_found),
		cmocka_unit_test(states_are_checked),
		cmocka_unit_test(flapping_is_found),
		cmocka_unit_test(what_follows_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
