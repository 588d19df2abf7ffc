/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/discovery.c - see discovery.h. */
#include "codec/discovery.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* Home Assistant takes letters, digits, '_' and '-' only. */
static char *make_id(const struct notice *notice)
{
	char *id = mem_printf("kalki_%s_%s", notice->instance, notice->device);
	for (char *c = id; *c; c++)
		if (*c == '.')
			*c = '_';
	return id;
}

static json_t *text_json(const char *text)
{
	cleanup_buffer struct buffer mended = {0};
	text_mend(&mended, text);
	return json_string(mended.bytes);
}

static char *dump(json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (!text)
		abort(); /* every part is valid: memory is out */
	return text;
}

static char *state_payload(const struct notice *notice)
{
	char time[TIME_TEXT_BYTES];
	clock_print_wall(time, notice->wall_us);
	return dump(json_pack("{s:s, s:s, s:s, s:s, s:o}", "state", notice->state, "problem",
			      notice->count ? "ON" : "OFF", "type", notice->type, "time", time,
			      "reason", text_json(notice->reason)));
}

static char *announcement(const struct notice *notice, const char *id, const char *topic,
			  bool problem)
{
	cleanup_free char *unique = mem_printf("%s_%s", id, problem ? "problem" : "state");
	cleanup_free char *template = mem_printf("{{ value_json.%s }}",
						 problem ? "problem" : "state");
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:{s:[s], s:s, s:s, s:s}}", "name",
				 problem ? "Problem" : "State", "unique_id", unique, "state_topic",
				 topic, "value_template", template, "device", "identifiers", id,
				 "name", notice->device, "model", notice->type, "manufacturer",
				 "KalKi");
	if (problem)
		json_object_set_new(json, "device_class", json_string("problem"));
	else
		json_object_set_new(json, "json_attributes_topic", json_string(topic));
	return dump(json);
}

void discovery_write(struct discovery_message ret[static DISCOVERY_MESSAGES],
		     const struct notifier *notifier, const struct notice *notice)
{
	cleanup_free char *id = make_id(notice);
	bool gone = !notice->state[0];
	char *topic = mem_printf("%s/%s/%s", notifier->topic, notice->instance, notice->device);
	ret[0].topic = topic;
	ret[0].payload = gone ? mem_copy_text("") : state_payload(notice);
	for (unsigned problem = 0; problem < 2; problem++) {
		ret[1 + problem].topic = mem_printf("%s/%s/%s/%s/config", notifier->discovery,
						    problem ? "binary_sensor" : "sensor", id,
						    problem ? "problem" : "state");
		ret[1 + problem].payload = gone ? mem_copy_text("")
						: announcement(notice, id, topic, problem);
	}
}

void discovery_done(struct discovery_message messages[static DISCOVERY_MESSAGES])
{
	for (unsigned i = 0; i < DISCOVERY_MESSAGES; i++) {
		free(messages[i].topic);
		free(messages[i].payload);
	}
}
