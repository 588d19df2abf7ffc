/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/event_json_read.c - an alert back from its event, for a daemon that starts again. */
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
	};
	read_ip(root, "src_ip", &ret->source);
	read_ip(root, "dest_ip", &ret->target);
	read_text(kalki, "hop", ret->hop, sizeof(ret->hop));
	read_text(kalki, "type", ret->type, sizeof(ret->type));
	read_text(kalki, "detail", ret->detail, sizeof(ret->detail));
	json_decref(root);
	return 0;
}
