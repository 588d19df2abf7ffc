/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/policy_change.c - see policy_change.h. */
#include "core/policy_change.h"

#include "base/text.h"

static void print_states(struct buffer *lines, const struct machine *machine,
			 const struct policy *before, const struct policy *after)
{
	const char *state = before->states[machine->state].name;
	if (policy_find_state(after, state) < 0)
		buffer_print(lines, "state %s is no more: it goes to %s, the tightest\n", state,
			     after->states[policy_map_state(before, after, machine->state)].name);
	const char *back = before->states[machine->manual_back].name;
	if (machine->manual && machine->manual_until_us && policy_find_state(after, back) < 0)
		buffer_print(
			lines,
			"state %s, where the operator's time limit leads back to, is no more: "
			"it leads to %s\n",
			back,
			after->states[policy_map_state(before, after, machine->manual_back)].name);
}

static void print_hops(struct buffer *lines, const struct posture *is, const struct posture *will)
{
	for (unsigned i = 0; i < is->hop_count; i++) {
		const struct hop *a = &is->hops[i], *b = &will->hops[i];
		if (!text_equal(a->digest, b->digest))
			buffer_print(lines, "hop %s: %s\n", a->name,
				     text_equal(a->image, b->image) ? "other parameters"
								    : "another image");
	}
}

static void print_chain(struct buffer *lines, const struct posture *is, const struct posture *will)
{
	cleanup_buffer struct buffer before = {0}, after = {0};
	if (posture_same_chain(is, will))
		return;
	posture_print(&before, is);
	posture_print(&after, will);
	if (text_equal(before.bytes, after.bytes))
		print_hops(lines, is, will);
	else
		buffer_print(lines, "another chain: %s, then %s\n", before.bytes, after.bytes);
}

static void print_sensors(struct buffer *lines, const struct machine *machine,
			  const struct policy *before, const struct policy *after)
{
	for (unsigned i = 0; machine->sensors && i < machine->sensor_count; i++) {
		const struct sensor *sensor = &before->sensors[i];
		int same = policy_find_sensor(after, sensor->name);
		if (!machine->sensors[i].count)
			continue;
		if (same < 0)
			buffer_print(lines, "sensor %s is no more: its values are forgotten\n",
				     sensor->name);
		else if (!sensor_same(sensor, &after->sensors[same]))
			buffer_print(lines,
				     "sensor %s is of another kind: its values are forgotten\n",
				     sensor->name);
	}
}

/* A held() that counts goes on only in a rule of the same name and words. */
static void print_holds(struct buffer *lines, const struct machine *machine,
			const struct policy *before, const struct policy *after)
{
	for (unsigned i = 0; i < machine->rule_count && i < before->rule_count; i++) {
		const struct policy_rule *rule = &before->rules[i];
		const struct machine_rule *known = &machine->rules[i];
		unsigned holds = known->holds ? expression_hold_count(rule->when) : 0;
		bool counts = false;
		for (unsigned j = 0; j < holds; j++)
			counts |= known->holds[j].holds;
		int same = policy_find_rule(after, rule->name);
		if (counts && (same < 0 || !text_equal(expression_text(rule->when),
						       expression_text(after->rules[same].when))))
			buffer_print(lines,
				     "rule '%s' is %s: what its held() has counted is lost\n",
				     rule->name, same < 0 ? "no more" : "another one");
	}
}

void policy_change_print(struct buffer *lines, const struct machine *machine,
			 const struct policy *before, const struct policy *after,
			 const struct posture *is, const struct posture *will)
{
	print_states(lines, machine, before, after);
	print_chain(lines, is, will);
	print_sensors(lines, machine, before, after);
	print_holds(lines, machine, before, after);
}
