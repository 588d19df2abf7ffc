/* SPDX-License-Identifier: Apache-2.0 */
/* test_eve.c - what Suricata says, and whether it lives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "eve.h"
#include "pulse.h"

static struct eve read_line(const char *line)
{
	struct eve eve;
	eve_read(&eve, line, strlen(line));
	return eve;
}

#define ENDS                                         \
	"\"src_ip\":\"10.9.0.3\",\"src_port\":4711," \
	"\"dest_ip\":\"fd00:0000:0000:0000:0000:0000:0000:0002\",\"dest_port\":22"

static void an_alert_has_its_number_as_type(void **state)
{
	struct eve eve;
	(void)state;
	static const char line[] =
		"{\"event_type\":\"alert\"," ENDS ",\"alert\":{\"action\":\"allowed\","
		"\"signature_id\":2001,\"signature\":\"a scan\",\"severity\":2}}";
	eve_read(&eve, line, sizeof(line) - 1);
	assert_int_equal(eve.kind, EVE_ALERT);
	assert_string_equal(eve.alert.type, "suricata-2001");
	assert_string_equal(eve.alert.detail, "a scan");
	assert_int_equal(eve.alert.severity, UMBOX_MEDIUM);
	assert_int_equal(eve.alert.source.family, 4);
	assert_int_equal(eve.alert.source.octet[3], 3);
	assert_int_equal(eve.alert.target.family, 6);
	assert_int_equal(eve.alert.target.octet[15], 2);
	assert_int_equal(eve.alert.source_port, 4711);
	assert_int_equal(eve.alert.target_port, 22);
}

static void a_rule_can_name_its_alert(void **state)
{
	struct eve eve;
	(void)state;
	static const char line[] =
		"{\"event_type\":\"alert\",\"alert\":{\"action\":\"blocked\",\"signature_id\":5,"
		"\"signature\":\"XMAS\",\"severity\":1,"
		"\"metadata\":{\"kalki_alert\":[\"xmas-scan\"]}}}";
	eve_read(&eve, line, sizeof(line) - 1);
	assert_string_equal(eve.alert.type, "xmas-scan");
	assert_string_equal(eve.alert.detail, "blocked: XMAS");
	assert_int_equal(eve.alert.severity, UMBOX_HIGH);
	assert_int_equal(eve.alert.source.family, 0);
}

static void a_name_that_is_none_is_not_taken(void **state)
{
	static const char *const names[] = {
		"[\"two words\"]",
		"[\"\"]",
		"\"xmas\"",
		"[7]",
		"[]",
		"[\"0123456789012345678901234567890123456789012345678901234567890123\"]"};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char line[512];
		struct eve eve;
		snprintf(line, sizeof(line),
			 "{\"event_type\":\"alert\",\"alert\":{\"signature_id\":5,\"severity\":9,"
			 "\"metadata\":{\"kalki_alert\":%s}}}",
			 names[i]);
		eve_read(&eve, line, strlen(line));
		assert_int_equal(eve.kind, EVE_ALERT);
		assert_string_equal(eve.type, "suricata-5");
		assert_int_equal(eve.alert.severity, UMBOX_LOW);
	}
}

static void counters_are_read(void **state)
{
	(void)state;
	struct eve eve = read_line(
		"{\"event_type\":\"stats\",\"stats\":{"
		"\"ips\":{\"accepted\":10,\"blocked\":3,\"rejected\":1,\"replaced\":2},"
		"\"capture\":{\"kernel_drops\":5,\"afpacket\":{\"send_errors\":6}},"
		"\"decoder\":{\"pkts\":16},\"flow\":{\"active\":4},"
		"\"tcp\":{\"midstream_pickups\":8},"
		"\"detect\":{\"engines\":[{\"rules_loaded\":20,\"rules_failed\":1}]}}}");
	assert_int_equal(eve.kind, EVE_STATS);
	assert_int_equal(eve.stats.passed, 12);
	assert_int_equal(eve.stats.dropped, 4);
	assert_int_equal(eve.stats.overrun, 5);
	assert_int_equal(eve.stats.lost, 6);
	assert_int_equal(eve.stats.frames, 16);
	assert_int_equal(eve.stats.flows, 4);
	assert_int_equal(eve.stats.midstream, 8);
	assert_int_equal(eve.stats.rules, 20);
	assert_int_equal(eve.stats.rules_failed, 1);
}

static void counters_that_are_missing_are_0(void **state)
{
	(void)state;
	struct eve eve = read_line("{\"event_type\":\"stats\",\"stats\":{\"ips\":7}}");
	assert_int_equal(eve.kind, EVE_STATS);
	assert_int_equal(eve.stats.passed, 0);
	assert_int_equal(eve.stats.rules, 0);
}

static void other_events_are_records_and_the_rest_is_nothing(void **state)
{
	char deep[100];
	(void)state;
	assert_int_equal(read_line("{\"event_type\":\"dns\"}").kind, EVE_RECORD);
	assert_int_equal(read_line("{\"event_type\":7}").kind, EVE_NOTHING);
	assert_int_equal(read_line("{\"event_type\":\"alert\"}").kind, EVE_NOTHING);
	assert_int_equal(read_line("[]").kind, EVE_NOTHING);
	assert_int_equal(read_line("{\"event_type\":\"dns\"").kind, EVE_NOTHING);
	assert_int_equal(read_line("").kind, EVE_NOTHING);
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(read_line(deep).kind, EVE_NOTHING);
}

static const int64_t S = 1000000;

static void it_lives_as_long_as_it_tells(void **state)
{
	struct pulse pulse;
	(void)state;
	pulse_start(&pulse, 100 * S);
	assert_null(pulse_fault(&pulse, (100 + PULSE_PATIENCE_S) * S));
	assert_non_null(pulse_fault(&pulse, (101 + PULSE_PATIENCE_S) * S));
	pulse_beat(&pulse, 0, 0, 110 * S);
	assert_null(pulse_fault(&pulse, (101 + PULSE_PATIENCE_S) * S));
}

/* Tells its counters for a while; `taken` and `arrived` grow by so much each time. */
static const char *beat_for(struct pulse *pulse, int seconds, unsigned taken, unsigned arrived)
{
	int64_t now = pulse->said_us;
	for (int i = 0; i < seconds / 2; i++) {
		now += 2 * S;
		pulse_beat(pulse, pulse->taken + taken, pulse->arrived + arrived, now);
	}
	return pulse_fault(pulse, now);
}

static void frames_that_come_must_be_taken(void **state)
{
	struct pulse pulse;
	(void)state;
	pulse_start(&pulse, 0);
	assert_null(beat_for(&pulse, 60, 0, 0)); /* silence is no fault */
	assert_null(beat_for(&pulse, 60, 1, 1));
	assert_null(beat_for(&pulse, PULSE_PATIENCE_S, 0, 1));
	assert_non_null(beat_for(&pulse, 4, 0, 1));
	assert_null(beat_for(&pulse, 2, 1, 1));
}

static void a_frame_that_came_once_may_have_been_lost_elsewhere(void **state)
{
	struct pulse pulse;
	(void)state;
	pulse_start(&pulse, 0);
	pulse_beat(&pulse, 0, 5, 0); /* they came before it listened */
	assert_null(beat_for(&pulse, 2, 0, 1));
	assert_null(beat_for(&pulse, 60, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_has_its_number_as_type),
		cmocka_unit_test(a_rule_can_name_its_alert),
		cmocka_unit_test(a_name_that_is_none_is_not_taken),
		cmocka_unit_test(counters_are_read),
		cmocka_unit_test(counters_that_are_missing_are_0),
		cmocka_unit_test(other_events_are_records_and_the_rest_is_nothing),
		cmocka_unit_test(it_lives_as_long_as_it_tells),
		cmocka_unit_test(frames_that_come_must_be_taken),
		cmocka_unit_test(a_frame_that_came_once_may_have_been_lost_elsewhere),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
