/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_discovery.c - what Home Assistant is told of a device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/discovery.h"

static const struct notifier NOTIFIER = {.topic = "kalki", .discovery = "homeassistant"};

static void a_device_is_announced_with_its_state(void **state maybe_unused)
{
	struct discovery_message messages[DISCOVERY_MESSAGES];
	struct notice notice = {.kind = NOTICE_STATE,
				.instance = "home",
				.device = "cam.1",
				.type = "camera",
				.state = "Attack",
				.count = 1,
				.reason = "said \"no\"",
				.wall_us = 1700000000000000};
	discovery_write(messages, &NOTIFIER, &notice);
	assert_string_equal(messages[0].topic, "kalki/home/cam.1");
	assert_string_equal(messages[0].payload,
			    "{\"state\":\"Attack\",\"problem\":\"ON\",\"type\":\"camera\","
			    "\"time\":\"2023-11-14T22:13:20.000000Z\","
			    "\"reason\":\"said \\\"no\\\"\"}");
	assert_string_equal(messages[1].topic,
			    "homeassistant/sensor/kalki_home_cam_1/state/config");
	assert_non_null(strstr(messages[1].payload, "\"state_topic\":\"kalki/home/cam.1\""));
	assert_non_null(strstr(messages[1].payload, "\"unique_id\":\"kalki_home_cam_1_state\""));
	assert_non_null(strstr(messages[1].payload, "{{ value_json.state }}"));
	assert_string_equal(messages[2].topic,
			    "homeassistant/binary_sensor/kalki_home_cam_1/problem/config");
	assert_non_null(strstr(messages[2].payload, "\"device_class\":\"problem\""));
	assert_non_null(strstr(messages[2].payload, "{{ value_json.problem }}"));
	discovery_done(messages);
}

static void a_device_that_is_no_more_is_taken_back(void **state maybe_unused)
{
	struct discovery_message messages[DISCOVERY_MESSAGES];
	struct notice notice = {.kind = NOTICE_STATE, .instance = "home", .device = "cam1"};
	discovery_write(messages, &NOTIFIER, &notice);
	for (unsigned i = 0; i < DISCOVERY_MESSAGES; i++)
		assert_string_equal(messages[i].payload, "");
	assert_string_equal(messages[0].topic, "kalki/home/cam1");
	discovery_done(messages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_is_announced_with_its_state),
		cmocka_unit_test(a_device_that_is_no_more_is_taken_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
