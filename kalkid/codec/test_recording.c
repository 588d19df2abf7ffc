/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_recording.c - recorded lines become facts: our history, EVE, tables; what is wrong is
 * told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/files.h"
#include "codec/recording.h"

static const char POLICY[] = "type: box\n"
			     "sensors: {heat: {type: number}, lit: {type: boolean},"
			     " mode: {type: text}}\n"
			     "telemetry: [{name: web, push: {}},"
			     " {name: lamp, mqtt: {broker: 'mqtt://10.0.0.1', topic: a},"
			     " map: {lit: {}}}]\n"
			     "states: {A: {chain: pass}}\n";

static struct recorded fact;
static struct error err;

static int set_up(void **state)
{
	struct complaints complaints = {0};
	struct document *document;
	struct recording *recording = mem_alloc(sizeof(*recording));
	assert_int_equal(
		document_read(&document, "box.yaml", POLICY, sizeof(POLICY) - 1, &complaints), 0);
	recording->policy = policy_read(document, &complaints);
	assert_int_equal(complaints.count, 0);
	document_free(document);
	*state = recording;
	return 0;
}

static int tear_down(void **state)
{
	struct recording *recording = *state;
	policy_free((struct policy *)(uintptr_t)recording->policy);
	free(recording);
	return 0;
}

static int read_line(void **state, const char *text)
{
	cleanup_free char *line = mem_copy_text(text);
	err = (struct error){0};
	return recording_read(*state, line, &fact, &err);
}

static void our_history_goes_by_engine_time(void **state)
{
	assert_int_equal(read_line(state,
				   "{\"id\": 1, \"eve\": {\"timestamp\": "
				   "\"2026-01-31T12:00:00.000000Z\", \"event_type\": \"kalki\", "
				   "\"kalki\": {\"kind\": \"alert\", \"device\": \"cam1\", "
				   "\"type\": \"x\", \"time_us\": 7000000}}}\n"),
			 1);
	assert_int_equal(fact.kind, RECORDED_ALERT);
	assert_true(fact.own);
	assert_string_equal(fact.device, "cam1");
	assert_string_equal(fact.alert.type, "x");
	assert_int_equal(fact.wall_us, 1769860800000000);
	assert_string_equal(fact.source, "");
	/* The wall clock was set back by an hour, engine time went on by a second. */
	assert_int_equal(read_line(state, "{\"timestamp\": \"2026-01-31T11:00:01Z\", "
					  "\"event_type\": \"kalki\", \"kalki\": {\"kind\": "
					  "\"transition\", \"device\": \"cam1\", \"from\": \"A\", "
					  "\"to\": \"B\", \"cause\": \"manual\", \"reason\": "
					  "\"why\", \"time_us\": 8000000}}"),
			 1);
	assert_int_equal(fact.kind, RECORDED_TRANSITION);
	assert_int_equal(fact.wall_us, 1769860801000000);
	assert_int_equal(fact.cause, DECISION_MANUAL);
	assert_string_equal(fact.to, "B");
	assert_string_equal(fact.reason, "why");
	assert_int_equal(read_line(state, "{\"timestamp\": \"2026-01-31T12:00:02Z\", "
					  "\"event_type\": \"kalki\", \"kalki\": {\"kind\": "
					  "\"sensor\", \"source\": \"web\", \"values\": {\"heat\": "
					  "3, \"gone\": 1}, \"time_us\": 9000000}}"),
			 1);
	assert_int_equal(fact.kind, RECORDED_READINGS);
	assert_int_equal(fact.reading_count, 1);
	assert_true(fact.readings[0].number == 3);
}

static void a_source_that_was_given_up_is_named(void **state)
{
	assert_int_equal(read_line(state, "{\"timestamp\": \"2026-01-31T12:00:00Z\", "
					  "\"event_type\": \"kalki\", \"kalki\": {\"kind\": "
					  "\"alert\", \"type\": \"device-unavailable\", "
					  "\"detail\": \"web: http: refused\"}}"),
			 1);
	assert_string_equal(fact.source, "web");
	assert_true(fact.source_silent);
	assert_int_equal(read_line(state, "{\"timestamp\": \"2026-01-31T12:00:00Z\", "
					  "\"event_type\": \"kalki\", \"kalki\": {\"kind\": "
					  "\"alert\", \"type\": \"device-available\", "
					  "\"detail\": \"web\"}}"),
			 1);
	assert_string_equal(fact.source, "web");
	assert_false(fact.source_silent);
	/* Not the daemon says it. */
	assert_int_equal(read_line(state, "{\"timestamp\": \"2026-01-31T12:00:00Z\", "
					  "\"event_type\": \"kalki\", \"kalki\": {\"kind\": "
					  "\"alert\", \"type\": \"device-unavailable\", "
					  "\"umbox\": 4, \"detail\": \"web\"}}"),
			 1);
	assert_string_equal(fact.source, "");
}

static void eve_says_what_suricata_saw(void **state)
{
	assert_int_equal(read_line(state,
				   "{\"timestamp\": \"2026-01-31T13:30:00.500000+0130\", "
				   "\"event_type\": \"alert\", \"src_ip\": \"10.0.0.9\", "
				   "\"dest_ip\": \"10.0.0.1\", \"dest_port\": 22, \"alert\": "
				   "{\"signature_id\": 2001219, \"signature\": \"SSH scan\", "
				   "\"severity\": 2}, \"payload\": \"long\"}"),
			 1);
	assert_int_equal(fact.kind, RECORDED_ALERT);
	assert_false(fact.own);
	assert_string_equal(fact.device, "");
	assert_string_equal(fact.alert.type, "suricata-2001219");
	assert_int_equal(fact.alert.severity, ALERT_MEDIUM);
	assert_int_equal(fact.alert.target_port, 22);
	assert_int_equal(fact.wall_us, 1769860800500000);
	assert_int_equal(fact.zone_us, 5400000000);
	assert_int_equal(read_line(state, "{\"timestamp\": \"2026-01-31T12:00:00Z\", "
					  "\"event_type\": \"flow\"}"),
			 1);
	assert_int_equal(fact.kind, RECORDED_OTHER);
}

static void a_table_has_values(void **state)
{
	assert_int_equal(read_line(state, "\xef\xbb\xbftime;\"device\"; heat ;lit;mode\r\n"), 0);
	assert_int_equal(read_line(state, "\n"), 0);
	assert_int_equal(read_line(state, "2026-01-31 12:00:00;cam1; 2.5;on;\"a \"\";\"\" b\"\r\n"),
			 1);
	assert_int_equal(fact.kind, RECORDED_READINGS);
	assert_int_equal(fact.wall_us, 1769860800000000);
	assert_string_equal(fact.device, "cam1");
	assert_string_equal(fact.source, "recorded");
	assert_int_equal(fact.reading_count, 3);
	assert_true(fact.readings[0].number == 2.5);
	assert_true(fact.readings[1].boolean);
	assert_string_equal(fact.readings[2].text, "a \";\" b");
	/* Nothing is said of heat, the light is missing. */
	assert_int_equal(read_line(state, "1769860800.25;;;null;"), 1);
	assert_int_equal(fact.wall_us, 1769860800250000);
	assert_int_equal(fact.reading_count, 1);
	assert_int_equal(fact.readings[0].sensor, 1);
	assert_true(fact.readings[0].missing);
	assert_string_equal(fact.source, "lamp");
	assert_int_equal(read_line(state, "0;;;;"), 1);
	assert_int_equal(fact.kind, RECORDED_OTHER);
}

static void a_source_may_be_a_column(void **state)
{
	assert_int_equal(read_line(state, "time,source,heat"), 0);
	assert_int_equal(read_line(state, "2026-01-31T12:00:00+01:00,mine,7"), 1);
	assert_string_equal(fact.source, "mine");
	assert_int_equal(fact.zone_us, 3600000000);
}

static void expect_wrong(void **state, int code, const char *line, const char *words)
{
	struct recording *recording = *state, before = *recording;
	assert_int_equal(read_line(state, line), code);
	assert_string_equal(err.text, words);
	*recording = before;
}

static void wrong_lines_are_told(void **state)
{
	expect_wrong(state, -EBADMSG, "time,heat,heta",
		     "the column 'heta' is neither time, device, source nor a sensor of the type "
		     "'box' (did you mean 'heat'?)");
	expect_wrong(state, -EBADMSG, "time,heat,time", "the column 'time' is there twice");
	expect_wrong(state, -EBADMSG, "time",
		     "a table needs the column 'time' and at least one of a sensor");
	expect_wrong(state, -EINVAL, "{", "is no JSON");
	expect_wrong(state, -EINVAL, "{}", "no 'event_type'");
	expect_wrong(state, -EINVAL, "{\"event_type\": \"alert\"}",
		     "'timestamp' is no time since 1970");
	expect_wrong(state, -EINVAL,
		     "{\"timestamp\": \"2026-01-31T12:00:00Z\", \"event_type\": \"alert\"}",
		     "'alert.signature_id' is not a number");
	expect_wrong(state, -EINVAL,
		     "{\"timestamp\": \"2026-01-31T12:00:00Z\", \"event_type\": \"kalki\"}",
		     "no event of a kind that is known");
	expect_wrong(state, -EINVAL,
		     "{\"timestamp\": \"2026-01-31T12:00:00Z\", \"event_type\": \"kalki\", "
		     "\"kalki\": {\"kind\": \"alert\", \"time_us\": 9223372036854775807}}",
		     "'kalki.time_us' is no time");
	assert_int_equal(read_line(state, "time,device,heat"), 0);
	expect_wrong(state, -EINVAL, "1,a", "has 2 columns, not 3");
	expect_wrong(state, -EINVAL, "1,a,2,3", "has more than 3 columns");
	expect_wrong(state, -EINVAL, "1,a,warm", "'warm' in the column 'heat' is no number");
	expect_wrong(state, -EINVAL, "soon,a,1",
		     "'soon' is no time (2026-01-31T12:00:00Z, or seconds since 1970)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(our_history_goes_by_engine_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_source_that_was_given_up_is_named, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(eve_says_what_suricata_saw, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_table_has_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_source_may_be_a_column, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_lines_are_told, set_up, tear_down),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
