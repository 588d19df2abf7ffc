/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api/encode.c - see encode.h. */
#include "api/encode.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

json_t *encode_text(const char *text)
{
	json_t *json = json_string(text);
	if (json)
		return json;
	cleanup_free char *mended = mem_copy_text(text);
	for (char *at = mended; *at; at++)
		if (*at & 0x80)
			*at = '?';
	return json_string(mended);
}

json_t *encode_text_or_null(const char *text)
{
	return *text ? encode_text(text) : json_null();
}

json_t *encode_time(int64_t wall_us)
{
	char text[TIME_TEXT_BYTES];
	clock_print_wall(text, wall_us);
	return json_string(text);
}

struct number {
	const char *name;
	uint64_t value;
};

/* {"name": value, ...} */
#define NUMBERS(...)                                          \
	numbers_to_json((const struct number[]){__VA_ARGS__}, \
			ARRAY_SIZE(((const struct number[]){__VA_ARGS__})))

static json_t *numbers_to_json(const struct number *numbers, size_t count)
{
	json_t *json = json_object();
	for (size_t i = 0; i < count; i++)
		json_object_set_new(json, numbers[i].name,
				    json_integer((json_int_t)numbers[i].value));
	return json;
}

static json_t *store_to_json(const struct store_status *store)
{
	json_t *json = NUMBERS({"bytes", (uint64_t)store->bytes},
			       {"oldest_event", store->oldest_event},
			       {"newest_event", store->newest_event});
	json_object_set_new(json, "failing", json_boolean(store->failing));
	return json;
}

json_t *encode_status(const struct engine_status *status)
{
	bool degraded = !status->engine_reachable || !status->picture_complete ||
			status->trouble[0] || status->degraded || status->in_trouble ||
			status->standby_degraded || status->store.failing;
	json_t *devices = NUMBERS(
		{"total", status->devices}, {"in_initial_state", status->devices_in_initial_state},
		{"in_other_state", status->devices_in_other_state},
		{"quarantined", status->quarantined}, {"in_shadow", status->in_shadow});
	json_t *chains = NUMBERS({"converged", status->converged}, {"degraded", status->degraded},
				 {"held", status->held}, {"old_chain", status->old_chain},
				 {"in_trouble", status->in_trouble},
				 {"standby_degraded", status->standby_degraded});
	json_t *umboxes = NUMBERS({"running", status->umboxes_running},
				  {"ready", status->umboxes_ready});
	json_t *counts = NUMBERS({"transitions", status->transitions},
				 {"not_enforced", status->shadowed}, {"alerts", status->alerts},
				 {"alerts_dropped", status->alerts_dropped},
				 {"drift_repairs", status->drift_repairs},
				 {"frames_spoofed", status->frames_spoofed},
				 {"events_dropped", status->store.events_dropped});
	return json_pack("{s:s, s:s, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "version",
			 KALKI_VERSION, "health", degraded ? "degraded" : "ok", "started",
			 encode_time(status->started_wall_us), "docker_reachable",
			 status->engine_reachable, "picture_complete", status->picture_complete,
			 "trouble", encode_text_or_null(status->trouble), "devices", devices,
			 "chains", chains, "umboxes", umboxes, "counts", counts, "store",
			 store_to_json(&status->store));
}

static json_t *names_to_json(const char (*names)[NAME_BYTES], unsigned count)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, encode_text(names[i]));
	return list;
}

static json_t *encode_definition(const struct device *device)
{
	char mac[MAC_TEXT_BYTES];
	mac_print(mac, &device->mac);
	json_t *ips = json_array();
	for (unsigned i = 0; i < device->ip_count; i++) {
		char ip[IP_TEXT_BYTES];
		ip_print(ip, &device->ips[i]);
		json_array_append_new(ips, json_string(ip));
	}
	json_t *definition = json_pack(
		"{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:b}", "name", encode_text(device->name),
		"type", encode_text(device->type), "description", encode_text(device->description),
		"port", encode_text(device->port), "mac", mac, "ips", ips, "groups",
		names_to_json(device->groups, device->group_count), "tags",
		names_to_json(device->tags, device->tag_count), "multicast", device->multicast);
	if (device->addresses != DEVICE_ADDRESSES_STANDARD)
		json_object_set_new(definition, "addresses",
				    json_string(DEVICE_ADDRESSES_NAMES[device->addresses]));
	if (device->shadow)
		json_object_set_new(definition, "shadow", json_true());
	if (device->parameters[0])
		json_object_set_new(definition, "parameters",
				    json_loads(device->parameters, 0, NULL));
	if (device->telemetry_factor != 0)
		json_object_set_new(definition, "telemetry_factor",
				    json_real(device_telemetry_factor(device)));
	return definition;
}

/* The end of a lease is told in engine time, and so is the moment that both clocks know. */
static json_t *learnt_to_json(const struct device_status *status)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < status->device.learnt_count; i++) {
		const struct learnt_address *learnt = &status->device.learnt[i];
		char ip[IP_TEXT_BYTES];
		ip_print(ip, &learnt->ip);
		json_t *until = learnt->until_us
					? encode_time(status->entered_wall_us + learnt->until_us -
						      status->entered_us)
					: json_null();
		json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:b}", "ip", ip, "how",
						      LEARNT_HOW_NAMES[learnt->how], "since",
						      encode_time(learnt->since_wall_us), "until",
						      until, "expired", learnt->expired));
	}
	return list;
}

void encode_definition_version(char version[static DIGEST_TEXT_BYTES], const struct device *device)
{
	json_t *definition = encode_definition(device);
	cleanup_free char *text = json_dumps(definition, JSON_COMPACT);
	json_decref(definition);
	digest_text(version, text, strlen(text));
}

/* The limit is told in engine time, and so is the moment that both clocks know. */
static json_t *manual_until(const struct device_status *status)
{
	if (!status->manual || !status->manual_until_us)
		return json_null();
	return encode_time(status->entered_wall_us + status->manual_until_us - status->entered_us);
}

static json_t *last_alert(const struct device_status *status)
{
	if (!*status->last_alert)
		return json_null();
	return json_pack("{s:o, s:o}", "type", encode_text(status->last_alert), "time",
			 encode_time(status->last_alert_wall_us));
}

json_t *encode_device(const struct device_status *status)
{
	const struct device *device = &status->device;
	return json_pack(
		"{s:o, s:I, s:o, s:o, s:o, s:I, s:I, s:o, s:b, s:o, s:b, s:b, s:o, s:o, s:s, s:b, "
		"s:o, s:I, s:o, s:o}",
		"name", encode_text(device->name), "number", (json_int_t)device->number,
		"definition", encode_definition(device), "file", encode_text_or_null(device->file),
		"state", encode_text_or_null(status->state), "generation",
		(json_int_t)status->generation, "generation_reached",
		(json_int_t)status->generation_reached, "entered",
		encode_time(status->entered_wall_us), "manual", status->manual, "manual_until",
		manual_until(status), "quarantined", status->quarantined, "shadow", status->shadow,
		"in_force", encode_text_or_null(status->in_force), "reason",
		encode_text(status->reason), "goal", plan_goal_name(status->goal),
		"standby_degraded", status->standby_degraded, "trouble",
		encode_text_or_null(status->trouble), "alerts", (json_int_t)status->alerts,
		"last_alert", last_alert(status), "learnt", learnt_to_json(status));
}

static json_t *leg_to_json(const struct leg_counters *leg)
{
	return NUMBERS({"from_umbox_frames", leg->from_umbox_frames},
		       {"from_umbox_bytes", leg->from_umbox_bytes},
		       {"to_umbox_frames", leg->to_umbox_frames},
		       {"to_umbox_bytes", leg->to_umbox_bytes}, {"dropped", leg->dropped});
}

static json_t *inside_to_json(const struct umbox_counters *counters)
{
	const struct umbox_account *inside = &counters->inside;
	if (!counters->told)
		return json_null();
	json_t *json = NUMBERS({"passed", inside->passed}, {"dropped", inside->dropped},
			       {"would_drop", inside->would_drop}, {"overrun", inside->overrun},
			       {"lost", inside->lost}, {"answered", inside->answered});
	json_object_set_new(json, "own",
			    counters->own ? json_loads(counters->own, 0, NULL) : json_object());
	return json;
}

static json_t *counters_to_json(const struct hop_status *hop)
{
	if (!hop->counted)
		return json_null();
	/* Left out where it is NULL. */
	json_t *direct = hop->counters.direct ? leg_to_json(&hop->counters.leg[LEG_DIRECT]) : NULL;
	return json_pack("{s:o, s:o, s:o*, s:o}", "in", leg_to_json(&hop->counters.leg[LEG_IN]),
			 "out", leg_to_json(&hop->counters.leg[LEG_OUT]), "direct", direct,
			 "inside", inside_to_json(&hop->counters));
}

static json_t *legs_to_json(const struct hop_status *hop)
{
	if (!hop->umbox)
		return json_null();
	char in[LINK_NAME_BYTES], out[LINK_NAME_BYTES], direct[LINK_NAME_BYTES];
	leg_name(in, hop->umbox, LEG_IN);
	leg_name(out, hop->umbox, LEG_OUT);
	leg_name(direct, hop->umbox, LEG_DIRECT);
	return json_pack("{s:s, s:s, s:s*}", "in", in, "out", out, "direct",
			 hop->counted && hop->counters.direct ? direct : NULL);
}

json_t *encode_hop(const struct hop_status *hop)
{
	return json_pack(
		"{s:o, s:s, s:I, s:o, s:o, s:o, s:o, s:I, s:s, s:b, s:b, s:b, s:b, s:o, s:o}",
		"umbox", hop->umbox ? json_integer(hop->umbox) : json_null(), "role",
		hop_role_name(hop->role), "position", (json_int_t)hop->position, "name",
		encode_text(hop->name), "image", encode_text(hop->image), "image_id",
		encode_text_or_null(hop->image_id), "state", encode_text(hop->state), "generation",
		(json_int_t)hop->generation, "fail", HOP_FAIL_NAMES[hop->fail], "shadow",
		hop->shadow, "running", hop->running, "wired", hop->wired, "ready", hop->ready,
		"legs", legs_to_json(hop), "counters", counters_to_json(hop));
}

static const char *path_state_name(enum path_state state)
{
	static const char *const names[PATH_STATE_COUNT] = {"held", "whole", "broken"};
	return names[state];
}

json_t *encode_chain(const struct chain_status *chain)
{
	json_t *hops = json_array();
	for (unsigned i = 0; i < chain->hop_count; i++)
		json_array_append_new(hops, encode_hop(&chain->hops[i]));
	return json_pack(
		"{s:o, s:I, s:o, s:I, s:s, s:s, s:s, s:b, s:o, s:o}", "device",
		encode_text(chain->device.name), "number", (json_int_t)chain->device.number,
		"state", encode_text_or_null(chain->state), "generation",
		(json_int_t)chain->generation, "mode", posture_mode_name(chain->mode), "path",
		path_state_name(chain->path), "goal", plan_goal_name(chain->goal), "quarantined",
		chain->quarantined, "trouble", encode_text_or_null(chain->trouble), "hops", hops);
}

static json_t *step_to_json(const struct step *step)
{
	json_t *json = json_pack("{s:s}", "kind", step_kind_name(step->kind));
	bool launches = step->kind == STEP_LAUNCH;
	if (launches || step->kind == STEP_WIRE || step->kind == STEP_REMOVE)
		json_object_set_new(json, "umbox", json_integer(step->umbox));
	if (launches) {
		json_object_set_new(json, "hop", encode_text(step->hop->name));
		json_object_set_new(json, "image", encode_text(step->hop->image));
	}
	if (step->kind == STEP_ROUTE || step->kind == STEP_PREPARE) {
		json_t *path = json_array();
		for (unsigned i = 0; i < step->path.count; i++)
			json_array_append_new(path, json_integer(step->path.ids[i]));
		json_object_set_new(json, "path", path);
	}
	if (step->kind == STEP_ROUTE || step->kind == STEP_HOLD)
		json_object_set_new(json, "cut", json_boolean(step->cut));
	return json;
}

json_t *encode_plan(const char *device, const struct plan *plan)
{
	json_t *steps = json_array();
	for (unsigned i = 0; i < plan->count; i++)
		json_array_append_new(steps, step_to_json(&plan->steps[i]));
	return json_pack("{s:o, s:s, s:b, s:o}", "device", encode_text(device), "goal",
			 plan_goal_name(plan->goal), "settled", plan->settled, "steps", steps);
}

static json_t *type_to_json(const struct policy *policy, json_t *states, json_t *rules)
{
	return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "name", encode_text(policy->type),
			 "description", encode_text(policy->description), "file",
			 encode_text(policy->file), "digest", policy->digest, "initial",
			 encode_text(policy->states[policy->initial].name), "states", states,
			 "rules", rules);
}

json_t *encode_type_summary(const struct policy *policy)
{
	json_t *states = json_array();
	for (unsigned i = 0; i < policy->state_count; i++)
		json_array_append_new(states, encode_text(policy->states[i].name));
	return type_to_json(policy, states, json_integer(policy->rule_count));
}

static json_t *policy_hop_to_json(const struct hop *hop)
{
	json_t *parameters = json_loads(hop->parameters, JSON_DECODE_ANY, NULL);
	return json_pack("{s:o, s:o, s:s, s:b, s:o, s:s}", "name", encode_text(hop->name), "image",
			 encode_text(hop->image), "fail", HOP_FAIL_NAMES[hop->fail], "shadow",
			 hop->shadow, "parameters", parameters ? parameters : json_null(), "digest",
			 hop->digest);
}

static json_t *state_to_json(const struct policy *policy, const struct policy_state *state)
{
	json_t *hops = json_array();
	for (unsigned i = 0; i < state->posture.hop_count; i++)
		json_array_append_new(hops, policy_hop_to_json(&state->posture.hops[i]));
	return json_pack("{s:o, s:s, s:s, s:s, s:b, s:I, s:I, s:o, s:o}", "name",
			 encode_text(state->name), "mode", posture_mode_name(state->posture.mode),
			 "hold", POSTURE_HOLD_NAMES[state->posture.hold], "standby",
			 POSTURE_STANDBY_NAMES[state->posture.standby], "cut", state->posture.cut,
			 "dwell_us", (json_int_t)state->dwell_us, "calm_us",
			 (json_int_t)state->calm_us, "calm_to",
			 state->calm_us ? encode_text(policy->states[state->calm_to].name)
					: json_null(),
			 "hops", hops);
}

static json_t *rule_to_json(const struct policy *policy, const struct policy_rule *rule)
{
	json_t *from = json_array();
	for (unsigned i = 0; i < policy->state_count; i++)
		if (rule->from & 1u << i)
			json_array_append_new(from, encode_text(policy->states[i].name));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:b}", "name", encode_text(rule->name),
			 "description", encode_text(rule->description), "from", from, "to",
			 rule->stays ? json_null() : encode_text(policy->states[rule->to].name),
			 "when", encode_text(expression_text(rule->when)), "cost",
			 (json_int_t)expression_cost(rule->when), "shadow", rule->shadow);
}

json_t *encode_type(const struct policy *policy)
{
	json_t *states = json_array(), *rules = json_array(), *commands = json_array();
	for (unsigned i = 0; i < policy->state_count; i++)
		json_array_append_new(states, state_to_json(policy, &policy->states[i]));
	for (unsigned i = 0; i < policy->rule_count; i++)
		json_array_append_new(rules, rule_to_json(policy, &policy->rules[i]));
	for (unsigned i = 0; i < policy->command_count; i++)
		json_array_append_new(commands, json_pack("{s:o}", "name",
							  encode_text(policy->commands[i].name)));
	json_t *type = type_to_json(policy, states, rules);
	json_object_set_new(type, "commands", commands);
	return type;
}

static json_t *time_or_null(int64_t wall_us)
{
	return wall_us ? encode_time(wall_us) : json_null();
}

json_t *encode_notifier(const struct notifier_status *status)
{
	json_t *json = NUMBERS({"waiting", status->waiting}, {"failures", status->failures},
			       {"sent", status->sent}, {"refused", status->refused},
			       {"dropped", status->dropped}, {"held_back", status->held_back},
			       {"attempts", status->attempts});
	json_object_set_new(json, "name", encode_text(status->name));
	json_object_set_new(json, "kind", json_string(status->kind));
	json_object_set_new(json, "next_try", time_or_null(status->next_try_wall_us));
	json_object_set_new(json, "last_success", time_or_null(status->last_success_wall_us));
	json_object_set_new(json, "last_error", encode_text_or_null(status->last_error));
	json_object_set_new(json, "last_error_time", time_or_null(status->last_error_wall_us));
	return json;
}

static void print_text(struct buffer *line, const char *text)
{
	json_t *json = encode_text_or_null(text ? text : "");
	cleanup_free char *words = json_dumps(json, JSON_ENCODE_ANY);
	json_decref(json);
	buffer_print(line, "%s", words);
}

void encode_event(struct buffer *line, const struct event *event, const char *acknowledged_by)
{
	char time[TIME_TEXT_BYTES];
	clock_print_wall(time, event->wall_us);
	buffer_print(line, "{\"id\":%llu,\"time\":\"%s\",\"kind\":\"%s\",\"device\":",
		     (unsigned long long)event->id, time, event_kind_name(event->kind));
	print_text(line, event->device_name);
	buffer_print(line, ",\"generation\":%u,\"acknowledged_by\":", event->generation);
	print_text(line, acknowledged_by);
	buffer_print(line, ",\"eve\":%s}", event->json);
}
