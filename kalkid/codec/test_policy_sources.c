/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_policy_sources.c - the sources of telemetry: what is read, and what each bad one is
 * told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/files.h"

static struct policy *read_sources(const char *list, struct complaints *complaints)
{
	struct document *document = NULL;
	cleanup_buffer struct buffer text = {0};
	buffer_print(&text,
		     "type: t\nstates: {A: {chain: pass}}\n"
		     "sensors: {power: {type: number}, lit: {type: boolean}}\ntelemetry:\n%s",
		     list);
	assert_int_equal(document_read(&document, "t", text.bytes, text.length, complaints), 0);
	struct policy *policy = policy_read(document, complaints);
	document_free(document);
	return policy;
}

static void values_are_read(void **state maybe_unused)
{
	struct complaints complaints = {0};
	struct policy *policy = read_sources(
		"- {name: web, every: 2s, timeout: 500ms, misses: 3, http: {url: 'http://{ip}'},\n"
		"   map: {power: {json: a, scale: 2, offset: 1}, lit: {line: 3, equals: x}}}\n"
		"- {name: fast, every: 1s, program: {command: [/p]}, map: {lit: {}}}\n"
		"- {name: slow, ssh: {user: u, command: [c], credential: k}, map: {lit: {}}}\n"
		"- {name: bus, mqtt: {broker: 'mqtt://b', topic: 'a/{device}/+', availability: c,\n"
		"   offline: gone}, map: {lit: {json: a}}}\n"
		"- {name: mail, smtp: {listen: '127.0.0.1:2525', to: '{device}@k',\n"
		"   set: {lit: true, power: 1.5}}}\n"
		"- {name: push, every: 10m, push: {}}\n",
		&complaints);
	if (!policy) {
		fail_msg("%s", complaints.text.bytes);
		return;
	}
	assert_int_equal(policy->source_count, 6);
	const struct source *source = &policy->sources[0];
	assert_int_equal(source->kind, SOURCE_POLL);
	assert_int_equal(source->every_us, 2000000);
	assert_int_equal(source->exchange.timeout_us, 500000);
	assert_int_equal(source->misses, 3);
	assert_int_equal(source->mapping_count, 2);
	assert_int_equal(source->mappings[0].way, MAPPING_JSON);
	assert_true(source->mappings[0].scale == 2 && source->mappings[0].offset == 1);
	assert_int_equal(source->mappings[1].sensor, 1);
	assert_int_equal(source->mappings[1].way, MAPPING_LINE);
	assert_int_equal(source->mappings[1].line, 3);
	assert_string_equal(source->mappings[1].equals, "x");
	assert_int_equal(policy->sources[1].exchange.timeout_us, 1000000);
	assert_int_equal(policy->sources[1].misses, SOURCE_MISSES_STANDARD);
	assert_int_equal(policy->sources[1].mappings[0].way, MAPPING_WHOLE);
	assert_int_equal(policy->sources[2].every_us, 30000000);
	assert_int_equal(policy->sources[2].exchange.timeout_us, 5000000);
	source = &policy->sources[3];
	assert_int_equal(source->kind, SOURCE_MQTT);
	assert_int_equal(source->every_us, 0);
	assert_string_equal(source->exchange.topic, "a/{device}/+");
	assert_string_equal(source->online, "online");
	assert_string_equal(source->offline, "gone");
	source = &policy->sources[4];
	assert_int_equal(source->kind, SOURCE_SMTP);
	assert_string_equal(source->listen, "127.0.0.1:2525");
	assert_int_equal(source->fixed_count, 2);
	assert_string_equal(source->fixed[1].text, "1.5");
	assert_int_equal(policy->sources[5].kind, SOURCE_PUSH);
	assert_int_equal(policy->sources[5].every_us, 600000000);
	policy_free(policy);
}

static const struct {
	const char *list, *lines;
} bad[] = {
	{"- {}\n",
	 "t:5:3: telemetry[0]: the key 'name' is missing (name: of the source, once in the type)\n"},
	{"- {name: a}\n", "t:5:3: telemetry[0]: a source without a way (one of http, ssh, program, "
			  "mqtt, smtp, push)\n"},
	{"- {name: a, http: {url: 'http://h'}}\n",
	 "t:5:3: telemetry[0]: nothing of its answers is taken (map: {sensor: {json: "
	 "\"$.value\"}})\n"},
	{"- {name: a, push: {}, map: {lit: {}}}\n",
	 "t:5:23: telemetry[0].map: its values have names already (leave it out)\n"},
	{"- {name: a, push: {x: 1}}\n", "t:5:20: telemetry[0].push.x: unknown key\n"},
	{"- {name: a, push: {}, http: {url: 'http://h'}}\n",
	 "t:5:13: telemetry[0].push: a source has one way (leave one of them out)\n"},
	{"- {name: a, http: {url: 'http://h'}, every: 1ms, timeout: 0s, misses: 0, map: {}}\n",
	 "t:5:45: telemetry[0].every: is out of range (100ms to 7d)\n"
	 "t:5:59: telemetry[0].timeout: is out of range (10ms to 5m)\n"
	 "t:5:71: telemetry[0].misses: is out of range (1 to 1000)\n"
	 "t:5:79: telemetry[0].map: names no sensor (sensor: ...)\n"},
	{"- {name: a, http: {url: 'http://h'}, every: 1s, timeout: 2s, map: {lit: {}}}\n",
	 "t:5:58: telemetry[0].timeout: is longer than its period (an answer comes before the next "
	 "question)\n"},
	{"- {name: a, push: {}}\n- {name: a, push: {}}\n",
	 "t:6:10: telemetry[1].name: there is a source 'a' before (each source its own name)\n"},
	{"- {name: a, http: {url: 'http://h'}, map: {liit: {}, heat: {}}}\n",
	 "t:5:44: telemetry[0].map.liit: no sensor 'liit' (did you mean 'lit'?)\n"
	 "t:5:54: telemetry[0].map.heat: no sensor 'heat' (add it to `sensors`)\n"},
	{"- {name: a, http: {url: 'http://h'}, map: {lit: {scale: 2, json: a, xpath: b}}}\n",
	 "t:5:69: telemetry[0].map.lit.xpath: json, xpath and line are different ways (leave one of "
	 "them out)\n"},
	{"- {name: a, http: {url: 'http://h'}, map: {lit: {scale: 2}, power: {equals: a, split: "
	 "x}}}\n",
	 "t:5:50: telemetry[0].map.lit.scale: 'lit' is of type boolean (leave it out)\n"
	 "t:5:69: telemetry[0].map.power.equals: 'power' is of type number (leave it out)\n"
	 "t:5:80: telemetry[0].map.power.split: which of the columns? (column: 1)\n"},
	{"- {name: a, http: {url: 'http://h'}, map: {lit: {json: 'a..b'}, power: {xpath: '//['}}}\n",
	 "t:5:58: telemetry[0].map.lit.json: a key is wanted ($.state.lights[0].on)\n"
	 "t:5:80: telemetry[0].map.power.xpath: is no XPath (//*[local-name()='State'])\n"},
	{"- {name: a, http: {url: 'http://h'}, map: {lit: {pattern: 'a(b'}}}\n",
	 "t:5:63: telemetry[0].map.lit.pattern: is no pattern: missing closing parenthesis\n"},
	{"- {name: a, mqtt: {broker: 'b', topic: 'a+/b', availability: '#/a'}, map: {lit: {}}}\n",
	 "t:5:28: telemetry[0].mqtt.broker: is no address of a server (mqtt://127.0.0.1:1883, "
	 "mqtts://host:8883)\n"
	 "t:5:40: telemetry[0].mqtt.topic: is no topic (zigbee2mqtt/{device}; '+' is one whole "
	 "level, '#' the rest)\n"
	 "t:5:62: telemetry[0].mqtt.availability: is no topic (zigbee2mqtt/{device}; '+' is one "
	 "whole level, '#' the rest)\n"},
	{"- {name: a, smtp: {listen: ':25', to: me, set: {lit: 5}}}\n",
	 "t:5:28: telemetry[0].smtp.listen: is no address with a port (192.168.7.1:2525, "
	 "[fd00::1]:2525)\n"
	 "t:5:39: telemetry[0].smtp.to: is no address of mail (\"{device}@kalki\")\n"
	 "t:5:54: telemetry[0].smtp.set.lit: is no boolean (true or false)\n"},
};

static void bad_sources_are_told_why(void **state maybe_unused)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct complaints complaints = {0};
		assert_null(read_sources(bad[i].list, &complaints));
		assert_string_equal(complaints.text.bytes, bad[i].lines);
		complaints_done(&complaints);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(bad_sources_are_told_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
