/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_policy_file.c - device types: what is read, and what each bad one is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/files.h"
#include "codec/image_reference.h"

static struct policy *read_policy(const char *text, struct complaints *complaints)
{
	struct document *document = NULL;
	if (document_read(&document, "t.yaml", text, strlen(text), complaints) < 0)
		return NULL;
	struct policy *policy = policy_read(document, complaints);
	document_free(document);
	return policy;
}

static const char good[] =
	"type: camera\n"
	"description: A camera\n"
	"initial: Watched\n"
	"states:\n"
	"  Open:\n"
	"    chain: pass\n"
	"  Watched:\n"
	"    chain:\n"
	"      - {name: a, image: 'kalki/a:1', parameters: {z: 1, b: [0.5, x]}, fail: open}\n"
	"      - {name: b, image: 'kalki/b:1'}\n"
	"    hold: old\n"
	"    standby: all\n"
	"    dwell: 30s\n"
	"    calm: {after: 10m, to: Open}\n"
	"  Shut:\n"
	"    chain: block\n"
	"    stop_now: true\n"
	"rules:\n"
	"  - {name: r1, from: [Open, Watched], when: 'alert(\"x\")', to: Shut, description: bad}\n"
	"  - {name: r2, from: any, when: 'state == \"Open\"', to: Watched}\n";

static void values_are_read(void **state maybe_unused)
{
	struct complaints complaints = {0};
	struct policy *policy = read_policy(good, &complaints);
	if (!policy) {
		fail_msg("%s", complaints.text.bytes);
		return;
	}
	assert_string_equal(policy->type, "camera");
	assert_string_equal(policy->description, "A camera");
	assert_string_equal(policy->file, "t.yaml");
	assert_int_equal(strlen(policy->digest), DIGEST_TEXT_BYTES - 1);
	assert_int_equal(policy->state_count, 3);
	assert_int_equal(policy->initial, 1);
	const struct policy_state *open = &policy->states[0], *watched = &policy->states[1];
	assert_int_equal(open->posture.mode, POSTURE_PASS);
	assert_int_equal(open->posture.hold, POSTURE_HOLD_AUTO);
	assert_int_equal(open->posture.standby, POSTURE_STANDBY_NEXT);
	assert_int_equal(open->calm_us, 0);
	assert_int_equal(watched->posture.mode, POSTURE_CHAIN);
	assert_int_equal(watched->posture.hold, POSTURE_HOLD_OLD);
	assert_int_equal(watched->posture.standby, POSTURE_STANDBY_ALL);
	assert_int_equal(watched->dwell_us, 30 * 1000000);
	assert_int_equal(watched->calm_us, 600 * 1000000);
	assert_int_equal(watched->calm_to, 0);
	assert_int_equal(watched->posture.hop_count, 2);
	assert_string_equal(watched->posture.hops[0].image, "kalki/a:1");
	assert_string_equal(watched->posture.hops[0].parameters, "{\"b\":[0.5,\"x\"],\"z\":1}");
	assert_int_equal(watched->posture.hops[0].fail, HOP_FAIL_OPEN);
	assert_int_equal(strlen(watched->posture.hops[0].digest), DIGEST_TEXT_BYTES - 1);
	assert_string_equal(watched->posture.hops[1].parameters, "{}");
	assert_int_equal(watched->posture.hops[1].fail, HOP_FAIL_CLOSED);
	assert_true(policy->states[2].posture.cut);
	assert_int_equal(policy->states[2].posture.mode, POSTURE_BLOCK);
	assert_int_equal(policy->rule_count, 2);
	assert_int_equal(policy->rules[0].from, 3);
	assert_int_equal(policy->rules[0].to, 2);
	assert_string_equal(policy->rules[0].description, "bad");
	assert_int_equal(policy->rules[1].from, 7);
	assert_string_equal(expression_text(policy->rules[1].when), "state == \"Open\"");
	policy_free(policy);
}

static void sensors_and_actions_are_read(void **state maybe_unused)
{
	struct complaints complaints = {0};
	struct policy *policy = read_policy(
		"type: plug\n"
		"sensors:\n"
		"  current_power: {type: number, unit: mW, keep: 100}\n"
		"  isOn: {type: boolean}\n"
		"  mode: {type: text}\n"
		"states:\n"
		"  A: {chain: pass}\n"
		"  B: {chain: pass, telemetry_factor: 2.5}\n"
		"commands:\n"
		"  turn-off: {http: {url: 'http://{ip}/off'}, timeout: 2s, retries: 3}\n"
		"  blink: {program: {command: [/bin/blink, '{device}']}}\n"
		"rules:\n"
		"  - name: acts\n"
		"    from: any\n"
		"    when: 'alert(\"x\")'\n"
		"    actions:\n"
		"      - command: turn-off\n"
		"      - {command: turn-on, type: hue-lamp}\n"
		"      - {command: turn-on, device: lamp1}\n"
		"      - {command: turn-on, group: lights, type: hue-lamp}\n"
		"      - notify: operators\n"
		"      - tag: seen\n"
		"      - untag: fresh\n"
		"      - {telemetry_factor: 4, for: 10m}\n"
		"  - {name: both, from: [A], when: 'alert(\"y\")', to: B, actions: [{notify: me}]}\n",
		&complaints);
	if (!policy) {
		fail_msg("%s", complaints.text.bytes);
		return;
	}
	assert_int_equal(policy->sensor_count, 3);
	assert_int_equal(policy->sensors[0].keep, 100);
	assert_string_equal(policy->sensors[0].unit, "mW");
	assert_int_equal(policy->sensors[1].type, SENSOR_BOOLEAN);
	assert_int_equal(policy->sensors[1].keep, SENSOR_KEEP_STANDARD);
	assert_int_equal(policy_find_sensor(policy, "mode"), 2);
	assert_true(policy->states[0].telemetry_factor == 1);
	assert_true(policy->states[1].telemetry_factor == 2.5);
	const struct policy_rule *acts = &policy->rules[0];
	assert_true(acts->stays);
	assert_int_equal(acts->action_count, 8);
	assert_int_equal(acts->actions[0].kind, ACTION_COMMAND);
	assert_string_equal(acts->actions[0].name, "turn-off");
	assert_int_equal(policy->command_count, 2);
	const struct device_command *off = policy_find_command(policy, "turn-off");
	assert_non_null(off);
	assert_int_equal(off->exchange.kind, EXCHANGE_HTTP);
	assert_int_equal(off->exchange.timeout_us, 2000000);
	assert_int_equal(off->retries, 3);
	const struct device_command *blink = policy_find_command(policy, "blink");
	assert_int_equal(blink->exchange.timeout_us, 5000000);
	assert_int_equal(blink->retries, 0);
	assert_null(policy_find_command(policy, "turn-on"));
	assert_string_equal(acts->actions[1].type, "hue-lamp");
	assert_string_equal(acts->actions[2].device, "lamp1");
	assert_string_equal(acts->actions[3].group, "lights");
	assert_int_equal(acts->actions[4].kind, ACTION_NOTIFY);
	assert_int_equal(acts->actions[5].kind, ACTION_TAG);
	assert_int_equal(acts->actions[6].kind, ACTION_UNTAG);
	assert_string_equal(acts->actions[6].name, "fresh");
	assert_int_equal(acts->actions[7].kind, ACTION_TELEMETRY_FACTOR);
	assert_true(acts->actions[7].factor == 4);
	assert_int_equal(acts->actions[7].for_us, 600 * 1000000);
	assert_false(policy->rules[1].stays);
	assert_int_equal(policy->rules[1].to, 1);
	assert_string_equal(policy->rules[1].actions[0].name, "me");
	policy_free(policy);
}

static void words_stand_in_the_order_of_their_enums(void **state maybe_unused)
{
	static const char *const modes[] = {"chain: pass", "chain: block"};
	for (unsigned hold = 0; hold < POSTURE_HOLD_COUNT; hold++)
		for (unsigned standby = 0; standby < POSTURE_STANDBY_COUNT; standby++)
			for (unsigned fail = 0; fail < HOP_FAIL_COUNT; fail++) {
				struct complaints complaints = {0};
				cleanup_buffer struct buffer text = {0};
				buffer_print(&text,
					     "type: t\nstates:\n  A: {chain: [{name: a, image: a, "
					     "fail: %s}], hold: %s, standby: %s}\n  B: {%s}\n",
					     HOP_FAIL_NAMES[fail], POSTURE_HOLD_NAMES[hold],
					     POSTURE_STANDBY_NAMES[standby], modes[fail]);
				struct policy *policy = read_policy(text.bytes, &complaints);
				assert_non_null(policy);
				const struct posture *posture = &policy->states[0].posture;
				assert_int_equal(posture->hold, hold);
				assert_int_equal(posture->standby, standby);
				assert_int_equal(posture->hops[0].fail, fail);
				policy_free(policy);
			}
}

#define STATES     "states: {A: {chain: pass}, B: {chain: block}}\n"
#define RULE(when) "type: t\n" STATES "rules:\n- {name: r, from: [A], when: '" when "', to: B}\n"

static const struct {
	const char *text, *lines;
} bad[] = {
	{"[1]", "t.yaml:1:1: is a list, not a map (key: value)\n"},
	{"", "t.yaml:1:1: is nothing, not a map (key: value)\n"},
	{"typ: t\n" STATES,
	 "t.yaml:1:1: the key 'type' is missing (type: the name of the device type)\n"
	 "t.yaml:1:1: typ: unknown key (did you mean 'type'?)\n"},
	{"type: t\n",
	 "t.yaml:1:1: the key 'states' is missing (states: from the loosest to the tightest)\n"},
	{"type: 7\n" STATES, "t.yaml:1:7: type: is a number, not text (write it in quotes)\n"},
	{"type: a b\n" STATES,
	 "t.yaml:1:7: type: 'a b' is no name (at most 63 letters, digits, '-', '_' and '.', a letter or "
	 "digit first)\n"},
	{"type: t\ndescription: \"a\\nb\"\n" STATES,
	 "t.yaml:2:16: description: holds a control character (one line of text)\n"},
	{"type: t\nsensors: []\n" STATES,
	 "t.yaml:2:10: sensors: sensors are a map (name: {type: number, unit: mW})\n"},
	{"type: t\nsensors:\n  a-b: {type: number}\n  state: {type: text}\n  x: {type: int, keep: 0}\n"
	 "  y: {unit: a-very-long-unit}\n" STATES,
	 "t.yaml:3:3: sensors.a-b: 'a-b' is no name of a sensor (at most 63 letters, digits and '_', a "
	 "letter first)\n"
	 "t.yaml:4:3: sensors.state: 'state' means something else in conditions (another name)\n"
	 "t.yaml:5:13: sensors.x.type: no choice 'int' (number, boolean, text)\n"
	 "t.yaml:5:24: sensors.x.keep: is out of range (1 to 1024)\n"
	 "t.yaml:6:6: sensors.y: the key 'type' is missing (type: what its values are)\n"
	 "t.yaml:6:13: sensors.y.unit: is longer than 15 bytes\n"},
	{"type: t\nstates:\n  A: {chain: pass, telemetry_factor: 0.001}\n  B: {chain: pass, "
	 "telemetry_factor: fast}\n",
	 "t.yaml:3:38: states.A.telemetry_factor: is out of range (0.01 to 100; 2 is twice as often, 0.5 "
	 "half, 0 not at all)\n"
	 "t.yaml:4:38: states.B.telemetry_factor: is no number (2 is twice as often, 0.5 half, 0 not at "
	 "all)\n"},
	{"type: t\n" STATES "rules:\n- name: r\n  from: any\n  when: 'true'\n  actions:\n"
	 "  - {command: stop, device: a, type: b}\n  - {notify: ops, tag: x}\n  - {say: x}\n"
	 "  - {telemetry_factor: -1, for: 1ms}\n  - x\n",
	 "t.yaml:8:5: rules[0].actions[0]: goes to a device and to several (name the device alone, or a "
	 "group, a type or both)\n"
	 "t.yaml:9:19: rules[0].actions[1].tag: unknown key (only notify)\n"
	 "t.yaml:10:5: rules[0].actions[2]: is no action (one of command, notify, tag, untag, "
	 "telemetry_factor)\n"
	 "t.yaml:11:24: rules[0].actions[3].telemetry_factor: is out of range (0.01 to 100; 2 is twice as "
	 "often, 0.5 half, 0 not at all)\n"
	 "t.yaml:11:33: rules[0].actions[3].for: is out of range (1s to 365d)\n"
	 "t.yaml:12:5: rules[0].actions[4]: is no action (one of command, notify, tag, untag, "
	 "telemetry_factor)\n"},
	{"type: t\n" STATES "commands: []\n",
	 "t.yaml:3:11: commands: commands are a map (turn-off: {http: ...})\n"},
	{"type: t\n" STATES "commands: {stop: {}, go: {http: {url: 'http://{ip}/', headers: []}}}\n"
	 "rules:\n- {name: r, from: [A], when: 'true', actions: [{command: sotp}]}\n",
	 "t.yaml:3:18: commands.stop: does not say how to tell it (http, mqtt, ssh or "
	 "program)\n"
	 "t.yaml:3:64: commands.go.http.headers: headers are a map (Name: value)\n"
	 "t.yaml:5:58: rules[0].actions[0].command: no command of this type 'sotp' (did "
	 "you mean 'stop'?)\n"},
	{"type: t\nsensors: {a: {type: number}}\n" STATES "telemetry:\n"
	 "- {name: p, http: {url: 'http://{ip}'}, every: 1m, map: {a: {json: \"$['a\"}}}\n"
	 "- {name: q, http: {url: 'http://{ip}'}, every: 1m, map: {a: {json: '$[x]'}}}\n"
	 "- {name: r, http: {url: 'http://{ip}'}, every: 1m, map: {a: {json: '$a'}}}\n"
	 "- {name: s, http: {url: 'http://{ip}'}, every: 1m, map: {a: {json: ''}}}\n",
	 "t.yaml:5:70: telemetry[0].map.a.json: a quoted key without its end "
	 "($.state.lights[0].on)\n"
	 "t.yaml:6:70: telemetry[1].map.a.json: [n] or [\"key\"] is wanted "
	 "($.state.lights[0].on)\n"
	 "t.yaml:8:69: telemetry[3].map.a.json: an empty path "
	 "($.state.lights[0].on)\n"},
	{"type: t\nstates: {}\n",
	 "t.yaml:2:9: states: at least one state is needed (Name: {chain: ...}, from the loosest to the "
	 "tightest)\n"},
	{"type: t\nstates:\n  a b: {chain: pass}\n  any: {chain: pass}\n",
	 "t.yaml:3:3: states.a b: 'a b' is no name for a state (letters, digits, '-', '_' and '.', "
	 "starting with a letter or digit)\n"
	 "t.yaml:4:3: states.any: 'any' means all states in rules (another name)\n"},
	{"type: t\nstates: {A: {}, B: x}\n",
	 "t.yaml:2:13: states.A: the key 'chain' is missing (chain: a list of hops, pass (everything) or block (nothing))\n"
	 "t.yaml:2:20: states.B: is text, not a map (key: value)\n"},
	{"type: t\nstates: {A: {chain: open, colour: red}}\n",
	 "t.yaml:2:21: states.A.chain: is no chain (a list of hops, pass or block)\n"
	 "t.yaml:2:27: states.A.colour: unknown key (one of chain, hold, standby, stop_now, dwell, calm, final, telemetry_factor)\n"},
	{"type: t\nstates: {A: {chain: []}}\n",
	 "t.yaml:2:21: states.A.chain: an empty chain (chain: pass lets everything through, chain: block "
	 "nothing)\n"},
	{"type: t\nstates:\n  A:\n    chain:\n    - {image: a}\n    - {name: b}\n    - {name: b, image: "
	 "B}\n",
	 "t.yaml:5:7: states.A.chain[0]: the key 'name' is missing (name: of the hop, once in its chain)\n"
	 "t.yaml:6:7: states.A.chain[1]: the key 'image' is missing (image: the image of its container, as name:tag)\n"
	 "t.yaml:7:24: states.A.chain[2].image: 'B' is no image (name:tag or name@sha256:...; of small letters, digits and . _ -, its parts by /)\n"
	 "t.yaml:7:7: states.A.chain[2]: the chain has two hops named 'b' (each hop its own name)\n"},
	{"type: t\nstates: {A: {chain: [1,2,3,4,5,6,7,8,9]}}\n",
	 "t.yaml:2:21: states.A.chain: has 9 items, more than 8\n"},
	{"type: t\nstates:\n  A: {chain: [{name: a, image: a, parameters: [], fail: opne}]}\n",
	 "t.yaml:3:47: states.A.chain[0].parameters: parameters are a map ({})\n"
	 "t.yaml:3:57: states.A.chain[0].fail: no choice 'opne' (did you mean 'open'?)\n"},
	{"type: t\nstates:\n  A: {chain: pass, hold: on-and-off, stop_now: 1, dwell: 10, standby: x}\n",
	 "t.yaml:3:26: states.A.hold: no choice 'on-and-off' (auto, held, old)\n"
	 "t.yaml:3:71: states.A.standby: no choice 'x' (next, none, all)\n"
	 "t.yaml:3:48: states.A.stop_now: is a number, not true or false\n"
	 "t.yaml:3:58: states.A.dwell: '10' is no duration (write 500ms, 10s, 1h30m, 2d)\n"},
	{"type: t\nstates:\n  A: {chain: pass, dwell: 366d, calm: {after: 10ms, to: B}}\n"
	 "  B: {chain: pass, dwell: true, calm: {to: Aa}}\n",
	 "t.yaml:3:27: states.A.dwell: is out of range (0s to 365d)\n"
	 "t.yaml:3:47: states.A.calm.after: is out of range (1s to 365d)\n"
	 "t.yaml:3:57: states.A.calm.to: 'B' is not looser than 'A' (states stand from the loosest to the "
	 "tightest)\n"
	 "t.yaml:4:27: states.B.dwell: is true or false, not a duration (write 500ms, 10s, 1h30m, 2d)\n"
	 "t.yaml:4:39: states.B.calm: the key 'after' is missing (after: so long without an alert)\n"
	 "t.yaml:4:44: states.B.calm.to: no state 'Aa' (did you mean 'A'?)\n"},
	{"type: t\ninitial: C\n" STATES,
	 "t.yaml:2:10: initial: no state 'C' (did you mean 'A'?)\n"},
	{"type: t\n" STATES "rules: x\n",
	 "t.yaml:3:8: rules: is text, not a list ([one, two], or a line '- one' for each)\n"},
	{"type: t\n" STATES "rules: [{}]\n",
	 "t.yaml:3:9: rules[0]: the key 'name' is missing (name: of the rule, once in the type)\n"
	 "t.yaml:3:9: rules[0]: the key 'from' is missing (from: in which states it holds: any, or a list)\n"
	 "t.yaml:3:9: rules[0]: the key 'when' is missing (when: the condition: see LANGUAGE.md)\n"},
	{"type: t\n" STATES "rules:\n- {name: r, from: [], when: 'true', to: B, actions: []}\n",
	 "t.yaml:4:19: rules[0].from: holds in no state (any, or a list of states)\n"},
	{"type: t\n" STATES "rules:\n- {name: r, from: A, when: true, to: [B]}\n",
	 "t.yaml:4:19: rules[0].from: is text, not a list ([one, two], or a line '- one' for each)\n"
	 "t.yaml:4:28: rules[0].when: is true or false, not text (write it in quotes)\n"
	 "t.yaml:4:38: rules[0].to: is a list, not text\n"},
	{"type: t\n" STATES "rules:\n- {name: r, from: any, when: 'true', to: B}\n"
	 "- {name: r, from: [B], when: 'true', to: B}\n",
	 "t.yaml:5:10: rules[1].name: there is a rule 'r' before (each rule its own name)\n"
	 "t.yaml:5:3: rules[1]: a rule that leads nowhere and does nothing (to: another state, or "
	 "actions: [...])\n"},
	{RULE("alrt(\"x\")"),
	 "t.yaml:4:31: rules[0].when: no function 'alrt' (did you mean 'alert'?)\n"},
	{RULE("true and"), "t.yaml:4:39: rules[0].when: the condition ends too early\n"},
	{RULE("state == \"Bb\""),
	 "t.yaml:4:40: rules[0].when: no state 'Bb' (did you mean 'B'?)\n"},
	{"type: t\n" STATES
	 "rules:\n- name: r\n  from: any\n  to: B\n  when: |\n    alert(\"a\") and\n"
	 "      count(\"b\", within: 10) > 1\n",
	 "t.yaml:9:26: rules[0].when: count() wants a constant duration for 'within'\n"},
};

static void bad_types_are_told_why(void **state maybe_unused)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct complaints complaints = {0};
		assert_null(read_policy(bad[i].text, &complaints));
		assert_string_equal(complaints.text.bytes, bad[i].lines);
		complaints_done(&complaints);
	}
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static struct policy *read_file(const char *folder, const char *name, struct complaints *complaints)
{
	char path[128];
	struct document *document = NULL;
	struct error err = {0};
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (document_read_file(&document, path, complaints, &err) < 0)
		fail_msg("%s", err.text);
	struct policy *policy = policy_read(document, complaints);
	document_free(document);
	return policy;
}

static void types_include_and_name_others(void **state maybe_unused)
{
	char folder[] = "/tmp/kalki-types-XXXXXX", command[64];
	struct complaints complaints = {0};
	assert_non_null(mkdtemp(folder));
	write_file(
		folder, "common.yaml",
		"sensors: {isOn: {type: boolean}}\n"
		"rules:\n"
		"  - {name: odd, from: any, to: B, when: 'not isOn and all(type: \"lamp\", group: "
		"mine, where: isOn)'}\n"
		"  - {name: wrong, from: any, to: Bc, when: 'ison'}\n");
	write_file(folder, "lamp.yaml", "type: lamp\ninclude: [common.yaml]\n" STATES);
	write_file(
		folder, "camera.yaml",
		"type: camera\n" STATES "rules:\n"
		"  - {name: r, from: any, to: B, when: 'any(type: \"lamp\", where: isOn and state == "
		"\"A\")'}\n");
	write_file(
		folder, "bad.yaml",
		"type: bad\ninclude: [nothing.yaml, a/b]\n" STATES "rules:\n"
		"  - {name: r, from: any, to: B, when: 'any(type: \"lmp\", where: isOn)'}\n"
		"  - {name: s, from: any, to: B, when: 'any(type: \"lamp\", where: isOff)'}\n"
		"  - {name: t, from: any, to: B, when: 'any(type: \"lamp\", where: state == \"C\")'}\n"
		"  - {name: u, from: any, to: B, when: 'any(group: mine, where: isOn < 3)'}\n");
	assert_null(read_file(folder, "lamp.yaml", &complaints));
	assert_non_null(strstr(complaints.text.bytes, "common.yaml:4:45: rules[1].when: no name "
						      "'ison' (did you mean 'isOn'?)\n"));
	assert_non_null(
		strstr(complaints.text.bytes,
		       "common.yaml:4:34: rules[1].to: no state of the type lamp, 'Bc' (did "
		       "you mean 'B'?)\n"));
	complaints_done(&complaints);

	write_file(
		folder, "common.yaml",
		"sensors: {isOn: {type: boolean}}\n"
		"rules:\n"
		"  - {name: odd, from: any, to: B, when: 'not isOn and all(type: \"lamp\", group: "
		"mine, where: isOn)'}\n");
	struct policy *lamp = read_file(folder, "lamp.yaml", &complaints);
	struct policy *camera = read_file(folder, "camera.yaml", &complaints);
	if (!lamp || !camera) {
		fail_msg("%s", complaints.text.bytes);
		return;
	}
	assert_int_equal(lamp->rule_count, 1);
	assert_int_equal(lamp->sensor_count, 1);
	assert_string_not_equal(lamp->digest, camera->digest);
	policy_free(lamp);
	policy_free(camera);

	assert_null(read_file(folder, "bad.yaml", &complaints));
	assert_non_null(strstr(complaints.text.bytes,
			       "nothing.yaml: No such file or directory (a file "
			       "beside this one)"));
	assert_non_null(
		strstr(complaints.text.bytes,
		       "'a/b' is no name for a file (letters, digits, '-', '_' and '.', starting "
		       "with a letter or digit) (the name of a file beside this one)"));
	assert_non_null(strstr(complaints.text.bytes,
			       "rules[0].when: no device type 'lmp' (did you mean 'lamp'?)"));
	assert_non_null(strstr(
		complaints.text.bytes,
		"rules[1].when: no sensor 'isOff' of the type 'lamp' (did you mean 'isOn'?)"));
	assert_non_null(strstr(complaints.text.bytes, "rules[2].when: no state 'C' (did you mean"));
	assert_non_null(strstr(complaints.text.bytes,
			       "rules[3].when: '<' does not take isOn (boolean) and number"));
	complaints_done(&complaints);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

static void limits_hold(void **state maybe_unused)
{
	struct complaints complaints = {0};
	cleanup_buffer struct buffer text = {0};
	buffer_print(&text, "type: t\nstates:\n");
	for (int i = 0; i <= POLICY_STATES_MAX; i++)
		buffer_print(&text, "  S%d: {chain: pass}\n", i);
	assert_null(read_policy(text.bytes, &complaints));
	assert_string_equal(complaints.text.bytes,
			    "t.yaml:35:3: states.S32: more than 32 states\n");
	complaints_done(&complaints);

	text.length = 0;
	buffer_print(&text, "type: t\n" STATES "rules:\n");
	for (int i = 0; i < POLICY_RULES_MAX; i++)
		buffer_print(
			&text,
			"- {name: r%d, from: [A], to: B, when: 'alert(\"a\") or alert(\"b\") or "
			"alert(\"c\")'}\n",
			i);
	assert_null(read_policy(text.bytes, &complaints));
	assert_non_null(
		strstr(complaints.text.bytes, "the conditions cost 1575424, more than 1048576"));
	complaints_done(&complaints);

	text.length = 0;
	buffer_print(&text, "type: t\nstates: {A: {chain: [{name: a, image: a, parameters: {x: '");
	for (int i = 0; i < PARAMETERS_BYTES_MAX; i++)
		buffer_print(&text, "x");
	buffer_print(&text, "'}}]}}\n");
	assert_null(read_policy(text.bytes, &complaints));
	assert_string_equal(complaints.text.bytes,
			    "t.yaml:2:54: states.A.chain[0].parameters: is longer "
			    "than 16384 bytes as JSON\n");
	complaints_done(&complaints);
}

static void image_references_are_checked(void **state maybe_unused)
{
#define SHA "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	static const char *const fine[] = {
		"a",
		"kalki/brute-force:1",
		"kalki/brute-force:1@" SHA,
		"a@" SHA,
		"a/b/c:v1.2_x-y",
		"localhost/a",
		"localhost:5000/a",
		"registry.example:5000/a/b:1",
		"a__b",
		"a---b",
		"1.2",
		"Registry.example/a",
		"a:1/b",
		"127.0.0.1/a:1",
	};
	static const char *const wrong[] = {
		"",
		"A",
		"a:",
		"a:-x",
		"a:.x",
		"a b",
		"a/",
		"/a",
		"a//b",
		"a_",
		"a..b",
		"a___b",
		"a-.b",
		"-a",
		"a@sha256:12",
		"a@md5:"
		"0123456789abcdef0123456789abcdef",
		"a:1:2",
		"host.x:/a",
		"host.x:80b/a",
		"a@" SHA "0",
		"h\xc3\xbc",
		"a$(x)",
		"a:01234567890123456789012345678901234567890123456789012345678901234567890123456789012345"
		"67890123456789012345678901234567890123456789",
	};
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
		if (image_reference_check(fine[i], NULL) < 0)
			fail_msg("%s", fine[i]);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (image_reference_check(wrong[i], NULL) == 0)
			fail_msg("%s", wrong[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(sensors_and_actions_are_read),
		cmocka_unit_test(types_include_and_name_others),
		cmocka_unit_test(words_stand_in_the_order_of_their_enums),
		cmocka_unit_test(bad_types_are_told_why),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(image_references_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
