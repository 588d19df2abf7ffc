/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_alert_json.c - the lines that umboxes write. */
#include "codec/alert_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"

static struct umbox_line line;

static int read_line(const char *text)
{
	line = (struct umbox_line){0};
	return umbox_line_read(&line, text, strlen(text), NULL);
}

static void assert_refused(const char *text, const char *words)
{
	struct error err = {0};
	struct umbox_line untouched = {.kind = UMBOX_LINE_KIND_COUNT};
	assert_int_equal(umbox_line_read(&untouched, text, strlen(text), &err), -EINVAL);
	assert_int_equal(untouched.kind, UMBOX_LINE_KIND_COUNT);
	if (!strstr(err.text, words))
		fail_msg("%s: '%s' does not say '%s'", text, err.text, words);
}

static void ready_and_heartbeat(void **state maybe_unused)
{
	assert_int_equal(read_line("{\"kalki\":\"ready\"}"), 0);
	assert_int_equal(line.kind, UMBOX_LINE_READY);
	assert_int_equal(
		read_line("{\"kalki\":\"heartbeat\",\"counters\":{\"passed\":1,\"overrun\":7,"
			  "\"lost\":-1,\"dropped\":\"x\"}}"),
		0);
	assert_int_equal(line.kind, UMBOX_LINE_HEARTBEAT);
	assert_int_equal(line.account.passed, 1);
	assert_int_equal(line.account.overrun, 7);
	assert_int_equal(line.account.lost, 0);
	assert_int_equal(line.account.dropped, 0);
	assert_null(line.json);
	assert_int_equal(read_line("{\"kalki\":\"heartbeat\"}"), 0);
	assert_int_equal(line.account.passed, 0);
}

static void counters_of_its_own(void **state maybe_unused)
{
	assert_int_equal(
		read_line("{\"kalki\":\"heartbeat\",\"counters\":{\"rules\":3,\"answered\":4,"
			  "\"rules_age_days\":0,\"a b\":1,\"less\":-1,\"text\":\"x\"}}"),
		0);
	assert_int_equal(line.account.answered, 4);
	assert_string_equal(line.json, "{\"rules\":3,\"rules_age_days\":0}");
	free(line.json);
	char many[1024] = "{\"kalki\":\"heartbeat\",\"counters\":{\"passed\":1";
	for (unsigned i = 0; i < UMBOX_COUNTERS_MAX + 8; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), ",\"own%u\":%u", i, i);
	strcat(many, "}}");
	assert_int_equal(read_line(many), 0);
	assert_non_null(strstr(line.json, "\"own31\":31"));
	assert_null(strstr(line.json, "own32"));
	free(line.json);
}

static void a_whole_alert(void **state maybe_unused)
{
	assert_int_equal(
		read_line("{\"kalki\":\"alert\",\"type\":\"brute-force\",\"severity\":\"high\","
			  "\"source\":\"10.20.0.9\",\"source_port\":4711,"
			  "\"target\":\"2001:db8::7\",\"target_port\":22,\"count\":6,"
			  "\"detail\":\"6 connections in 10 s\"}"),
		0);
	char source[IP_TEXT_BYTES], target[IP_TEXT_BYTES];
	ip_print(source, &line.alert.source);
	ip_print(target, &line.alert.target);
	assert_int_equal(line.kind, UMBOX_LINE_ALERT);
	assert_string_equal(line.alert.type, "brute-force");
	assert_int_equal(line.alert.severity, ALERT_HIGH);
	assert_string_equal(source, "10.20.0.9");
	assert_string_equal(target, "2001:db8::7");
	assert_int_equal(line.alert.source_port, 4711);
	assert_int_equal(line.alert.target_port, 22);
	assert_int_equal(line.alert.count, 6);
	assert_string_equal(line.alert.detail, "6 connections in 10 s");
}

static void the_least_alert(void **state maybe_unused)
{
	assert_int_equal(read_line("{\"kalki\":\"alert\",\"type\":\"x\"}"), 0);
	assert_int_equal(line.alert.severity, ALERT_MEDIUM);
	assert_int_equal(line.alert.count, 1);
	assert_int_equal(line.alert.source.family, 0);
	/* An address that cannot offend is left out, not refused. */
	assert_int_equal(
		read_line("{\"kalki\":\"alert\",\"type\":\"x\",\"target\":\"224.0.0.251\"}"), 0);
	assert_int_equal(line.alert.target.family, 0);
}

static void a_record(void **state maybe_unused)
{
	assert_int_equal(read_line("{ \"kalki\": \"record\", \"record\": { \"b\": [1, 2] } }"), 0);
	assert_int_equal(line.kind, UMBOX_LINE_RECORD);
	assert_string_equal(line.json, "{\"b\":[1,2]}");
	free(line.json);
}

static void eve_alerts(void **state maybe_unused)
{
	static const char *const format =
		"{\"timestamp\":\"2026-01-31T12:00:00.000001+0000\",\"event_type\":\"alert\","
		"\"src_ip\":\"10.0.0.9\",\"src_port\":40000,\"dest_ip\":\"fe80::1\",\"dest_port\":80,"
		"\"proto\":\"TCP\",\"alert\":{\"action\":\"allowed\",\"gid\":1,\"signature_id\":2019401,"
		"\"signature\":\"ET SCAN thing\",\"severity\":%d}}";
	static const enum alert_severity severities[] = {ALERT_LOW, ALERT_HIGH, ALERT_MEDIUM,
							 ALERT_LOW, ALERT_LOW};
	for (unsigned i = 0; i < ARRAY_SIZE(severities); i++) {
		char *text = mem_printf(format, i);
		assert_int_equal(read_line(text), 0);
		assert_int_equal(line.kind, UMBOX_LINE_ALERT);
		assert_int_equal(line.alert.severity, severities[i]);
		free(text);
	}
	assert_string_equal(line.alert.type, "suricata-2019401");
	assert_string_equal(line.alert.detail, "ET SCAN thing");
	assert_int_equal(line.alert.source_port, 40000);
	assert_int_equal(line.alert.target.family, 6);
}

static void other_eve_lines_are_records(void **state maybe_unused)
{
	assert_int_equal(read_line("{\"event_type\":\"stats\",\"stats\":{}}"), 0);
	assert_int_equal(line.kind, UMBOX_LINE_RECORD);
	assert_string_equal(line.json, "{\"event_type\":\"stats\",\"stats\":{}}");
	free(line.json);
}

static void a_long_detail_is_cut_between_characters(void **state maybe_unused)
{
	struct buffer text = {0};
	buffer_print(&text, "{\"kalki\":\"alert\",\"type\":\"x\",\"detail\":\"");
	for (unsigned i = 0; i < 200; i++)
		buffer_print(&text, "\xc3\xb6");
	buffer_print(&text, "\"}");
	assert_int_equal(read_line(text.bytes), 0);
	assert_int_equal(strlen(line.alert.detail), ALERT_DETAIL_BYTES - 2);
	buffer_done(&text);
}

static void what_is_wrong_is_said(void **state maybe_unused)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{"", "expected"},
		{"[]", "not a JSON object"},
		{"{\"kalki\":\"ready\"} x", "end of file expected"},
		{"{\"kalki\":\"ready\",\"kalki\":\"ready\"}", "duplicate"},
		{"{\"a\":1}", "neither"},
		{"{\"kalki\":1}", "'kalki' is not a string"},
		{"{\"kalki\":\"stop\"}", "none of ready"},
		{"{\"kalki\":\"alert\"}", "alert type"},
		{"{\"kalki\":\"alert\",\"type\":\"a b\"}", "alert type"},
		{"{\"kalki\":\"alert\",\"type\":\"a\\n\"}", "control characters"},
		{"{\"kalki\":\"alert\",\"type\":\"a\",\"detail\":\"\\u009b1m\"}",
		 "control characters"},
		{"{\"kalki\":\"alert\",\"type\":\"a\",\"severity\":\"bad\"}", "'severity'"},
		{"{\"kalki\":\"alert\",\"type\":\"a\",\"source\":\"10.0.0\"}", "'source'"},
		{"{\"kalki\":\"alert\",\"type\":\"a\",\"source_port\":65536}", "'source_port'"},
		{"{\"kalki\":\"alert\",\"type\":\"a\",\"count\":0}", "'count'"},
		{"{\"kalki\":\"alert\",\"type\":\"a\",\"count\":-1}", "'count'"},
		{"{\"kalki\":\"alert\",\"type\":\"a\",\"count\":1.5}", "'count'"},
		{"{\"kalki\":\"record\",\"record\":1}", "'record'"},
		{"{\"event_type\":\"alert\"}", "signature_id"},
		{"{\"event_type\":\"x\",\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", "deeper"},
		{"{\"kalki\":\"alert\",\"type\":\"a\",\"detail\":\"\xff\"}", "decode byte"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(cases[i].line, cases[i].words);
	char *longest = mem_alloc(UMBOX_LINE_BYTES + 1);
	memset(longest, ' ', UMBOX_LINE_BYTES);
	assert_refused(longest, "longer");
	free(longest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready_and_heartbeat),
		cmocka_unit_test(counters_of_its_own),
		cmocka_unit_test(a_whole_alert),
		cmocka_unit_test(the_least_alert),
		cmocka_unit_test(a_record),
		cmocka_unit_test(eve_alerts),
		cmocka_unit_test(other_eve_lines_are_records),
		cmocka_unit_test(a_long_detail_is_cut_between_characters),
		cmocka_unit_test(what_is_wrong_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
