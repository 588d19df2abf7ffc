/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/why.c - why a device is where it is: each rule of its policy with what its condition is now.
 */
#include "api/call.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "base/mem.h"
#include "core/explain.h"

static const char *const TRUTH_NAMES[] = {
	[TRUTH_FALSE] = "false", [TRUTH_TRUE] = "true", [TRUTH_UNKNOWN] = "unknown"};

struct asked {
	const struct policy *policy;
	const struct machine *machine;
	int64_t now_us;
};

static json_t *parts_to_json(const struct asked *asked, const struct policy_rule *rule,
			     enum truth *ret_truth)
{
	struct expression_part parts[EXPRESSION_NODES_MAX];
	const char *text = expression_text(rule->when);
	struct expression_result result;
	unsigned count = expression_explain(rule->when, asked->machine, asked->policy,
					    asked->now_us, parts, ARRAY_SIZE(parts));
	json_t *list = json_array();
	for (unsigned i = 0; i < count; i++) {
		const struct expression_part *part = &parts[i];
		cleanup_free char *words = mem_printf("%.*s", (int)(part->end - part->start),
						      text + part->start);
		json_array_append_new(list, json_pack("{s:o, s:i, s:o, s:b}", "text",
						      encode_text(words), "depth", (int)part->depth,
						      "value", encode_text(part->value), "decisive",
						      part->decisive));
	}
	expression_evaluate(rule->when, asked->machine, asked->policy, asked->now_us, &result);
	*ret_truth = result.truth;
	return list;
}

static json_t *rule_to_json(const struct asked *asked, unsigned index)
{
	const struct policy_rule *rule = &asked->policy->rules[index];
	unsigned state = asked->machine->state;
	enum truth truth;
	json_t *parts = parts_to_json(asked, rule, &truth);
	cleanup_buffer struct buffer words = {0};
	explain_rule(&words, asked->policy, index, asked->machine, asked->now_us);
	words.bytes[words.length - 1] = '\0'; /* the line's end */
	bool applies = rule->from >> state & 1;
	int64_t held_us = applies ? explain_held_back_us(asked->policy, rule, asked->machine,
							 asked->now_us)
				  : 0;
	return json_pack("{s:o, s:b, s:o, s:s, s:b, s:o, s:o, s:o}", "name",
			 encode_text(rule->name), "applies", applies, "to",
			 encode_text(asked->policy->states[policy_rule_to(rule, state)].name),
			 "truth", TRUTH_NAMES[truth], "shadow", rule->shadow, "held_back_us",
			 held_us == INT64_MAX ? json_null() : json_integer(held_us), "words",
			 encode_text(words.bytes), "parts", parts);
}

void get_why(struct api_call *call)
{
	struct device_status status;
	struct asked asked;
	struct error err = {0};
	if (engine_find_device(call->engine, call->argument, &status, &err) < 0 ||
	    engine_find_machine(call->engine, call->argument, &asked.machine, &asked.policy,
				&asked.now_us, &err) < 0) {
		answer_error(call->request, &err);
		return;
	}
	json_t *rules = json_array();
	for (unsigned i = 0; i < asked.policy->rule_count; i++)
		json_array_append_new(rules, rule_to_json(&asked, i));
	answer_json(call->request,
		    json_pack("{s:o, s:o, s:o, s:I, s:b, s:b, s:b, s:o, s:o}", "device",
			      encode_text(status.device.name), "state", encode_text(status.state),
			      "reason", encode_text_or_null(status.reason), "in_state_us",
			      (json_int_t)(asked.now_us - asked.machine->entered_us), "manual",
			      status.manual, "quarantined", status.quarantined, "shadow",
			      status.shadow, "in_force", encode_text(status.in_force), "rules",
			      rules),
		    NULL);
}
