/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_notice_json.c - notices to JSON and back, and from events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/notice_json.h"

static void notices_come_back_as_they_went(void **state maybe_unused)
{
	struct notice notice = {
		.id = 12,
		.kind = NOTICE_DIGEST,
		.event = 17,
		.time_us = 5000000,
		.wall_us = 1700000000123456,
		.instance = "home",
		.device = "cam1",
		.type = "camera",
		.state = "Attack",
		.from = "Normal",
		.rule = "r",
		.alert = "a",
		.severity = "high",
		.reason = "\"quoted\" \xc3\xa9",
		.count = 4,
	};
	struct notice back;
	cleanup_free char *json = notice_json(&notice);
	assert_null(strchr(json, '\n'));
	assert_non_null(strstr(json, "\"time\":\"2023-11-14T22:13:20.123456Z\""));
	assert_int_equal(notice_json_read(json, &back), 0);
	assert_memory_equal(&back, &notice, sizeof(notice));
}

static void bytes_that_are_no_text_are_mended(void **state maybe_unused)
{
	struct notice notice = {.kind = NOTICE_RULE}, back;
	strcpy(notice.reason, "cut \xc3");
	cleanup_free char *json = notice_json(&notice);
	assert_int_equal(notice_json_read(json, &back), 0);
	assert_string_equal(back.reason, "cut \xef\xbf\xbd");
	assert_string_equal(back.device, "");
}

static void what_is_no_notice_is_refused(void **state maybe_unused)
{
	struct notice notice;
	assert_int_equal(notice_json_read("{", &notice), -EINVAL);
	assert_int_equal(notice_json_read("[]", &notice), -EINVAL);
	assert_int_equal(notice_json_read("{\"notice\": \"other\"}", &notice), -EINVAL);
}

static enum notice_kind notice_of(struct notice *ret, enum event_kind kind, char *json)
{
	struct event event = {.id = 7, .time_us = 1, .wall_us = 2, .kind = kind, .json = json};
	strcpy(event.device_name, "cam1");
	enum notice_kind found = notice_of_event(ret, &event);
	free(json);
	return found;
}

static void transitions_and_alerts_become_notices(void **state maybe_unused)
{
	struct event event = {.id = 7, .device_name = "cam1"};
	struct decision decision = {
		.cause = DECISION_RULE, .rule_name = "brute", .reason = "five logins"};
	struct transition_text text = {.from = "Normal", .to = "Attack"};
	struct alert alert = {
		.type = "login", .severity = ALERT_HIGH, .count = 5, .detail = "from outside"};
	struct notice notice;

	event.kind = EVENT_TRANSITION;
	assert_int_equal(notice_of(&notice, EVENT_TRANSITION,
				   event_json_transition(&event, &decision, &text)),
			 NOTICE_TRANSITION);
	assert_int_equal(notice.event, 7);
	assert_string_equal(notice.device, "cam1");
	assert_string_equal(notice.from, "Normal");
	assert_string_equal(notice.state, "Attack");
	assert_string_equal(notice.rule, "brute");
	assert_string_equal(notice.reason, "five logins");

	text.in_force = "Normal";
	assert_int_equal(notice_of(&notice, EVENT_TRANSITION,
				   event_json_transition(&event, &decision, &text)),
			 NOTICE_TRANSITION);
	assert_string_equal(notice.reason, "in shadow, not enforced: five logins");

	event.kind = EVENT_ALERT;
	assert_int_equal(notice_of(&notice, EVENT_ALERT, event_json_alert(&event, &alert)),
			 NOTICE_ALERT);
	assert_string_equal(notice.alert, "login");
	assert_string_equal(notice.severity, "high");
	assert_string_equal(notice.reason, "from outside");
	assert_int_equal(notice.count, 5);
}

static void only_some_of_the_daemon_s_events_are_told(void **state maybe_unused)
{
	struct event event = {.kind = EVENT_CHAIN};
	struct path path = {0};
	struct notice notice;
	assert_int_equal(notice_of(&notice, EVENT_CHAIN,
				   event_json_chain(&event, "held", "Attack", &path, "no image")),
			 NOTICE_HELD);
	assert_string_equal(notice.state, "Attack");
	assert_string_equal(notice.reason, "no image");
	assert_int_equal(notice_of(&notice, EVENT_CHAIN,
				   event_json_chain(&event, "degraded", "S", &path, NULL)),
			 NOTICE_DEGRADED);
	assert_int_equal(notice_of(&notice, EVENT_CHAIN,
				   event_json_chain(&event, "routed", "S", &path, NULL)),
			 NOTICE_KIND_COUNT);
	event.kind = EVENT_NODE;
	assert_int_equal(
		notice_of(&notice, EVENT_NODE, event_json_node(&event, "engine-down", "why", 0)),
		NOTICE_ENGINE_DOWN);
	assert_int_equal(notice_of(&notice, EVENT_NODE, event_json_node(&event, "held", "", 0)),
			 NOTICE_KIND_COUNT);
	assert_int_equal(notice_of(&notice, EVENT_NODE, event_json_node(&event, "started", "", 0)),
			 NOTICE_KIND_COUNT);
	event.kind = EVENT_OPERATOR;
	assert_int_equal(notice_of(&notice, EVENT_OPERATOR,
				   event_json_operator(&event, "root", "release", NULL, NULL)),
			 NOTICE_KIND_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notices_come_back_as_they_went),
		cmocka_unit_test(bytes_that_are_no_text_are_mended),
		cmocka_unit_test(what_is_no_notice_is_refused),
		cmocka_unit_test(transitions_and_alerts_become_notices),
		cmocka_unit_test(only_some_of_the_daemon_s_events_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
