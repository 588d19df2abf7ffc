/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/event_json_read.c - alerts, transitions and values back from their events, for a daemon
 * that starts again. */
#include <jansson.h>

#include "base/text.h"
#include "codec/event_json.h"

static void read_text(const json_t *object, const char *key, char *target, size_t bytes)
{
	const char *text = json_string_value(json_object_get(object, key));
	text_copy(target, bytes, text ? text : "");
}

static void read_ip(const json_t *object, const char *key, struct ip *ret)
{
	const char *text = json_string_value(json_object_get(object, key));
	if (!text || ip_parse(ret, text, NULL) < 0)
		*ret = (struct ip){0};
}

static uint64_t read_number(const json_t *object, const char *key, uint64_t max)
{
	json_int_t number = json_integer_value(json_object_get(object, key));
	return number < 0 ? 0 : min_of((uint64_t)number, max);
}

static enum alert_severity read_severity(const json_t *object)
{
	const char *text = json_string_value(json_object_get(object, "severity"));
	for (unsigned i = 0; text && i < ALERT_SEVERITY_COUNT; i++)
		if (text_equal(text, alert_severity_name((enum alert_severity)i)))
			return (enum alert_severity)i;
	return ALERT_MEDIUM;
}

int event_json_read_alert(const char *json, struct alert *ret)
{
	json_t *root = json_loads(json, 0, NULL);
	const json_t *kalki = json_object_get(root, "kalki");
	const char *kind = json_string_value(json_object_get(kalki, "kind"));

	if (!text_equal(kind, event_kind_name(EVENT_ALERT))) {
		json_decref(root);
		return -EINVAL;
	}
	*ret = (struct alert){
		.id = read_number(kalki, "id", INT64_MAX),
		.time_us = (int64_t)read_number(kalki, "time_us", INT64_MAX),
		.umbox = (uint32_t)read_number(kalki, "umbox", UINT32_MAX),
		.severity = read_severity(kalki),
		.source_port = (uint16_t)read_number(root, "src_port", UINT16_MAX),
		.target_port = (uint16_t)read_number(root, "dest_port", UINT16_MAX),
		.count = (uint32_t)read_number(kalki, "count", UINT32_MAX),
		.shadow = json_is_true(json_object_get(kalki, "shadow")),
	};
	read_ip(root, "src_ip", &ret->source);
	read_ip(root, "dest_ip", &ret->target);
	read_text(kalki, "hop", ret->hop, sizeof(ret->hop));
	read_text(kalki, "type", ret->type, sizeof(ret->type));
	read_text(kalki, "detail", ret->detail, sizeof(ret->detail));
	json_decref(root);
	return 0;
}

static bool read_reading(enum sensor_type type, const json_t *value, struct sensor_reading *ret)
{
	ret->missing = json_is_null(value);
	if (ret->missing)
		return true;
	switch (type) {
	case SENSOR_NUMBER: ret->number = json_number_value(value); return json_is_number(value);
	case SENSOR_BOOLEAN: ret->boolean = json_is_true(value); return json_is_boolean(value);
	case SENSOR_TEXT:
		return json_is_string(value) && TEXT_COPY(ret->text, json_string_value(value));
	case SENSOR_TYPE_COUNT: break;
	}
	return false;
}

int event_json_read_readings(const char *json, const struct policy *policy,
			     char source[static NAME_BYTES], struct sensor_reading *readings,
			     unsigned room, unsigned *ret_count, int64_t *ret_time_us)
{
	json_t *root = json_loads(json, 0, NULL);
	const json_t *kalki = json_object_get(root, "kalki");
	json_t *values = json_object_get(kalki, "values");
	const char *kind = json_string_value(json_object_get(kalki, "kind"));
	const char *name;
	json_t *value;
	unsigned count = 0;

	if (!text_equal(kind, event_kind_name(EVENT_SENSOR))) {
		json_decref(root);
		return -EINVAL;
	}
	json_object_foreach(values, name, value)
	{
		int sensor = policy_find_sensor(policy, name);
		if (sensor < 0 || count == room)
			continue;
		readings[count] = (struct sensor_reading){.sensor = (unsigned)sensor};
		count += read_reading(policy->sensors[sensor].type, value, &readings[count]);
	}
	read_text(kalki, "source", source, NAME_BYTES);
	*ret_count = count;
	*ret_time_us = (int64_t)read_number(kalki, "time_us", INT64_MAX);
	json_decref(root);
	return 0;
}

int event_json_read_transition(const char *json, struct transition_past *ret)
{
	json_t *root = json_loads(json, 0, NULL);
	const json_t *kalki = json_object_get(root, "kalki");
	const char *kind = json_string_value(json_object_get(kalki, "kind"));
	int result = -EINVAL;
	if (text_equal(kind, event_kind_name(EVENT_TRANSITION)) ||
	    text_equal(kind, event_kind_name(EVENT_SHADOW))) {
		*ret = (struct transition_past){
			.id = read_number(kalki, "id", INT64_MAX),
			.time_us = (int64_t)read_number(kalki, "time_us", INT64_MAX),
			.moves = !json_equal(json_object_get(kalki, "from"),
					     json_object_get(kalki, "to")),
		};
		result = 0;
	}
	json_decref(root);
	return result;
}
