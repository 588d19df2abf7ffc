/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_event_json.c - every kind of event is one line of EVE JSON, whatever text is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "base/text.h"
#include "codec/event_json.h"

static struct event event_of(enum event_kind kind)
{
	return (struct event){
		.id = 17,
		.time_us = 5000001,
		.wall_us = 1769860800000001,
		.kind = kind,
		.device = 4,
		.device_name = "cam1",
		.generation = 3,
	};
}

/* Takes the line over, and checks what all have. */
static json_t *parse(char *line, const char *kind)
{
	const char *timestamp, *type, *found_kind, *device;
	json_int_t id, time_us, generation;
	assert_null(strchr(line, '\n'));
	json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	free(line);
	assert_non_null(json);
	assert_int_equal(json_unpack(json, "{s:s, s:s, s:{s:s, s:I, s:I, s:s, s:I}}", "timestamp",
				     &timestamp, "event_type", &type, "kalki", "kind", &found_kind,
				     "id", &id, "time_us", &time_us, "device", &device,
				     "generation", &generation),
			 0);
	assert_string_equal(timestamp, "2026-01-31T12:00:00.000001Z");
	assert_string_equal(type, "kalki");
	assert_string_equal(found_kind, kind);
	assert_string_equal(device, "cam1");
	assert_int_equal(id, 17);
	assert_int_equal(time_us, 5000001);
	assert_int_equal(generation, 3);
	return json;
}

static const json_t *kalki_of(const json_t *json)
{
	return json_object_get(json, "kalki");
}

static void expect_text(const json_t *object, const char *key, const char *text)
{
	const char *found = json_string_value(json_object_get(object, key));
	if (!text_equal(found, text))
		fail_msg("%s is '%s', not '%s'", key, found ? found : "(none)",
			 text ? text : "(none)");
}

static void expect_number(const json_t *object, const char *key, json_int_t number)
{
	assert_true(json_is_integer(json_object_get(object, key)));
	assert_int_equal(json_integer_value(json_object_get(object, key)), number);
}

static void expect_list(const json_t *object, const char *key, const char *text)
{
	cleanup_free char *found = json_dumps(json_object_get(object, key), JSON_COMPACT);
	assert_string_equal(found, text);
}

static void an_alert_has_eve_s_addresses(void **state maybe_unused)
{
	struct event event = event_of(EVENT_ALERT);
	struct alert alert = {
		.umbox = 418,
		.hop = "guard",
		.type = "brute-force",
		.severity = ALERT_HIGH,
		.source = {4, {10, 20, 0, 9}},
		.source_port = 4711,
		.count = 6,
		.detail = "six \"connections\"\n",
	};
	json_t *json = parse(event_json_alert(&event, &alert), "alert");
	expect_text(json, "src_ip", "10.20.0.9");
	expect_number(json, "src_port", 4711);
	assert_null(json_object_get(json, "dest_ip"));
	assert_null(json_object_get(json, "dest_port"));
	expect_text(kalki_of(json), "type", "brute-force");
	expect_text(kalki_of(json), "severity", "high");
	expect_text(kalki_of(json), "hop", "guard");
	expect_text(kalki_of(json), "detail", "six \"connections\"\n");
	expect_number(kalki_of(json), "umbox", 418);
	expect_number(kalki_of(json), "count", 6);
	json_decref(json);
}

static void a_transition_has_its_reasons(void **state maybe_unused)
{
	struct event event = event_of(EVENT_TRANSITION);
	struct decision decision = {
		.cause = DECISION_RULE,
		.tightens = true,
		.evidence = {16, 12},
		.evidence_count = 2,
		.rule_name = "guess",
		.reason = "rule 'guess'",
	};
	struct transition_text text = {"Normal", "Attack", .alert_us = 7, .decided_us = 9};
	json_t *json = parse(event_json_transition(&event, &decision, &text), "transition");
	const json_t *kalki = kalki_of(json);
	expect_text(kalki, "from", "Normal");
	expect_text(kalki, "to", "Attack");
	expect_text(kalki, "cause", "rule");
	expect_text(kalki, "rule", "guess");
	expect_text(kalki, "reason", "rule 'guess'");
	assert_true(json_is_true(json_object_get(kalki, "tightens")));
	expect_list(kalki, "evidence", "[16,12]");
	expect_list(kalki, "times", "{\"alert_us\":7,\"decided_us\":9}");
	json_decref(json);
}

static void a_chain_has_its_path(void **state maybe_unused)
{
	struct event event = event_of(EVENT_CHAIN);
	struct path path = {.state = PATH_WHOLE, .ids = {5, 6}, .count = 2};
	json_t *json = parse(event_json_chain(&event, "routed", "Attack", &path, NULL), "chain");
	expect_text(kalki_of(json), "what", "routed");
	expect_text(kalki_of(json), "state", "Attack");
	expect_text(kalki_of(json), "words", NULL);
	expect_list(kalki_of(json), "path", "[5,6]");
	json_decref(json);
}

static void a_step_has_its_result(void **state maybe_unused)
{
	struct event event = event_of(EVENT_STEP);
	struct step step = {.kind = STEP_LAUNCH, .umbox = 9};
	json_t *json = parse(event_json_step(&event, &step, "guard", 0, 94000, "unused"), "step");
	expect_text(kalki_of(json), "step", "launch");
	expect_text(kalki_of(json), "hop", "guard");
	expect_text(kalki_of(json), "result", "ok");
	expect_text(kalki_of(json), "words", NULL);
	expect_number(kalki_of(json), "umbox", 9);
	expect_number(kalki_of(json), "duration_us", 94000);
	json_decref(json);

	json = parse(event_json_step(&event, &step, "guard", -ENOENT, 0, "no such image"), "step");
	expect_text(kalki_of(json), "result", "failed");
	expect_text(kalki_of(json), "error", "ENOENT");
	expect_text(kalki_of(json), "words", "no such image");
	json_decref(json);

	step = (struct step){.kind = STEP_ROUTE, .path = {.ids = {7}, .count = 1}};
	json = parse(event_json_step(&event, &step, "", 0, 10, NULL), "step");
	expect_list(kalki_of(json), "path", "[7]");
	assert_null(json_object_get(kalki_of(json), "umbox"));
	json_decref(json);
}

static void an_operator_is_named(void **state maybe_unused)
{
	struct event event = event_of(EVENT_OPERATOR);
	json_t *json = parse(event_json_operator(&event, "uid 0 (root)", "release", "cam1", NULL),
			     "operator");
	expect_text(kalki_of(json), "who", "uid 0 (root)");
	expect_text(kalki_of(json), "action", "release");
	expect_text(kalki_of(json), "target", "cam1");
	expect_text(kalki_of(json), "reason", NULL);
	json_decref(json);
}

static void a_record_stands_as_it_was_written(void **state maybe_unused)
{
	struct event event = event_of(EVENT_UMBOX);
	json_t *json = parse(event_json_umbox(&event, 5, "stats", "{\"tcp\": [1, 2]}"), "umbox");
	expect_list(kalki_of(json), "record", "{\"tcp\":[1,2]}");
	expect_number(kalki_of(json), "umbox", 5);
	json_decref(json);
	static const char *const wrong[] = {"{\"tcp\": ", "", "{\"a\":\"\\u0000\"}", "\xff"};
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		json = parse(event_json_umbox(&event, 5, "stats", wrong[i]), "umbox");
		assert_true(json_is_string(json_object_get(kalki_of(json), "record")));
		json_decref(json);
	}
}

static void the_daemon_speaks_of_itself(void **state maybe_unused)
{
	struct event event = event_of(EVENT_NODE);
	json_t *json = parse(event_json_node(&event, "alerts dropped", "over the rate", 40),
			     "node");
	expect_text(kalki_of(json), "what", "alerts dropped");
	expect_text(kalki_of(json), "words", "over the rate");
	expect_number(kalki_of(json), "count", 40);
	json_decref(json);
}

static void text_that_is_no_utf8_is_mended(void **state maybe_unused)
{
#define R "\xef\xbf\xbd"
	static const struct {
		const char *text, *mended;
	} cases[] = {
		{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
		 "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\xff", R},
		{"a\x80z", "a" R "z"},
		{"\xc0\xaf", R R},             /* too long for its character */
		{"\xe0\x80\xaf", R R R},       /* the same */
		{"\xed\xa0\x80", R R R},       /* a surrogate */
		{"\xf4\x90\x80\x80", R R R R}, /* beyond Unicode */
		{"\xf8\x88\x80\x80", R R R R},
		{"cut \xe2\x82", "cut " R R},
		{"cut \xf0\x9f\x98", "cut " R R R},
		{"\xc3(", R "("},
		{"\xef\xbf\xbf\xf0\x90\x80\x80\xff", "\xef\xbf\xbf\xf0\x90\x80\x80" R},
	};
#undef R
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event event = event_of(EVENT_OPERATOR);
		json_t *json = parse(event_json_operator(&event, "x", cases[i].text, NULL, NULL),
				     "operator");
		expect_text(kalki_of(json), "action", cases[i].mended);
		json_decref(json);
	}
}

static void kinds_have_names(void **state maybe_unused)
{
	for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		enum event_kind found = EVENT_KIND_COUNT;
		assert_true(event_kind_parse(&found, event_kind_name((enum event_kind)kind)));
		assert_int_equal(found, kind);
	}
	enum event_kind kind;
	assert_false(event_kind_parse(&kind, "sensor?"));
	assert_string_equal(event_kind_name((enum event_kind)99), "unknown");
}

static void readings_come_back(void **state maybe_unused)
{
	static struct policy policy = {
		.sensors = {{.name = "power", .keep = 1},
			    {.name = "isOn", .type = SENSOR_BOOLEAN, .keep = 1},
			    {.name = "mode", .type = SENSOR_TEXT, .keep = 1}},
		.sensor_count = 3,
	};
	static const struct sensor_reading readings[] = {
		{.sensor = 0, .number = 17050.5},
		{.sensor = 1, .boolean = true},
		{.sensor = 2, .text = "eco"},
		{.sensor = 0, .missing = true},
	};
	struct sensor_reading back[4];
	struct event event = event_of(EVENT_SENSOR);
	char source[NAME_BYTES];
	unsigned count = 0;
	int64_t time_us = 0;
	cleanup_free char *json = event_json_readings(&event, &policy, "insight", readings, 3);
	assert_non_null(strstr(json, "\"source\":\"insight\",\"values\":{\"power\":17050.5,"
				     "\"isOn\":true,\"mode\":\"eco\"}"));
	assert_int_equal(event_json_read_readings(json, &policy, source, back, 4, &count, &time_us),
			 0);
	assert_string_equal(source, "insight");
	assert_int_equal(count, 3);
	assert_true(time_us == event.time_us);
	assert_true(back[0].sensor == 0 && back[0].number == 17050.5);
	assert_true(back[1].sensor == 1 && back[1].boolean);
	assert_string_equal(back[2].text, "eco");

	cleanup_free char *missing = event_json_readings(&event, &policy, "x", &readings[3], 1);
	assert_non_null(strstr(missing, "\"values\":{\"power\":null}"));
	policy.sensors[0].type = SENSOR_TEXT; /* of a changed policy only what still fits */
	assert_int_equal(event_json_read_readings(json, &policy, source, back, 4, &count, &time_us),
			 0);
	assert_int_equal(count, 2);
	assert_int_equal(event_json_read_readings("{}", &policy, source, back, 4, &count, &time_us),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_has_eve_s_addresses),
		cmocka_unit_test(a_transition_has_its_reasons),
		cmocka_unit_test(a_chain_has_its_path),
		cmocka_unit_test(a_step_has_its_result),
		cmocka_unit_test(an_operator_is_named),
		cmocka_unit_test(a_record_stands_as_it_was_written),
		cmocka_unit_test(the_daemon_speaks_of_itself),
		cmocka_unit_test(text_that_is_no_utf8_is_mended),
		cmocka_unit_test(readings_come_back),
		cmocka_unit_test(kinds_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
