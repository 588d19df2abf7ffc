/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/recording.c - see recording.h: which form, and lines of JSON. */
#include "codec/recording.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "codec/alert_json.h"
#include "codec/event_json.h"

/* Ten thousand years: sums of such times stay in 64 bits. */
#define TIME_MAX_US ((int64_t)10000 * 366 * 86400 * 1000000)

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* --- our own history --- */

/* "bridge: connection refused": what the daemon says of a source begins with its name. */
static void read_source(struct recorded *ret)
{
	const struct alert *alert = &ret->alert;
	ret->source_silent = text_equal(alert->type, "device-unavailable");
	if (alert->umbox || (!ret->source_silent && !text_equal(alert->type, "device-available")))
		return;
	snprintf(ret->source, sizeof(ret->source), "%.*s", (int)strcspn(alert->detail, ":"),
		 alert->detail);
	if (name_check("source", ret->source, NULL) < 0)
		ret->source[0] = '\0';
}

static void read_alert(const char *json, struct recorded *ret)
{
	if (event_json_read_alert(json, &ret->alert) < 0 ||
	    name_check("alert type", ret->alert.type, NULL) < 0)
		return;
	ret->kind = RECORDED_ALERT;
	read_source(ret);
}

static void read_readings(const struct policy *policy, const char *json, struct recorded *ret)
{
	int64_t time_us;
	if (event_json_read_readings(json, policy, ret->source, ret->readings, SENSORS_MAX,
				     &ret->reading_count, &time_us) == 0 &&
	    ret->reading_count)
		ret->kind = RECORDED_READINGS;
}

static void read_transition(const json_t *kalki, struct recorded *ret)
{
	const char *cause = text_at(kalki, "cause");
	ret->kind = RECORDED_TRANSITION;
	TEXT_COPY(ret->from, text_at(kalki, "from"));
	TEXT_COPY(ret->to, text_at(kalki, "to"));
	TEXT_COPY(ret->reason, text_at(kalki, "reason"));
	for (unsigned i = 0; i < DECISION_CAUSE_COUNT; i++)
		if (text_equal(cause, decision_cause_name((enum decision_cause)i)))
			ret->cause = (enum decision_cause)i;
}

static int read_own(struct recording *recording, const json_t *line, struct recorded *ret,
		    struct error *err)
{
	const json_t *kalki = json_object_get(line, "kalki");
	json_int_t time_us = json_integer_value(json_object_get(kalki, "time_us"));
	enum event_kind kind;
	if (!event_kind_parse(&kind, text_at(kalki, "kind")))
		return error_set(err, -EINVAL, "no event of a kind that is known");
	if (time_us < 0 || time_us > TIME_MAX_US)
		return error_set(err, -EINVAL, "'kalki.time_us' is no time");
	if (!recording->has_own)
		recording->own_start_us = ret->wall_us - time_us;
	recording->has_own = true;
	ret->own = true;
	ret->wall_us = recording->own_start_us + time_us;
	TEXT_COPY(ret->device, text_at(kalki, "device"));
	cleanup_free char *json = json_dumps(line, JSON_COMPACT);
	if (kind == EVENT_ALERT)
		read_alert(json, ret);
	else if (kind == EVENT_SENSOR)
		read_readings(recording->policy, json, ret);
	else if (kind == EVENT_TRANSITION)
		read_transition(kalki, ret);
	return 1;
}

/* --- EVE --- */

static int read_event(struct recording *recording, const json_t *line, struct recorded *ret,
		      struct error *err)
{
	const char *type = text_at(line, "event_type");
	if (!*type)
		return error_set(err, -EINVAL, "no 'event_type'");
	if (clock_parse_wall(&ret->wall_us, &ret->zone_us, text_at(line, "timestamp")) < 0 ||
	    ret->wall_us < 0)
		return error_set(err, -EINVAL, "'timestamp' is no time since 1970");
	if (text_equal(type, "kalki"))
		return read_own(recording, line, ret, err);
	if (!text_equal(type, "alert"))
		return 1;
	ret->kind = RECORDED_ALERT;
	int result = eve_alert_read(&ret->alert, line, err);
	return result < 0 ? result : 1;
}

static int read_json(struct recording *recording, const char *line, struct recorded *ret,
		     struct error *err)
{
	json_t *root = json_loads(line, 0, NULL);
	/* As `kalkictl event -o json` has it. */
	const json_t *inner = json_object_get(root, "eve");
	int result = root ? read_event(recording, inner ? inner : root, ret, err)
			  : error_set(err, -EINVAL, "is no JSON");
	json_decref(root);
	return result;
}

int recording_read(struct recording *recording, char *line, struct recorded *ret, struct error *err)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	line[strcspn(line, "\r\n")] = '\0';
	if (recording->form == RECORDING_UNKNOWN && text_starts(line, byte_order_mark))
		line += strlen(byte_order_mark);
	if (!line[strspn(line, " \t")])
		return 0;
	*ret = (struct recorded){0};
	if (recording->form == RECORDING_UNKNOWN && *line != '{') {
		recording->form = RECORDING_TABLE;
		return recording_read_head(recording, line, err);
	}
	if (recording->form == RECORDING_TABLE)
		return recording_read_row(recording, line, ret, err);
	recording->form = RECORDING_JSON;
	return read_json(recording, line, ret, err);
}
