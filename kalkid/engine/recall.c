/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/recall.c - what a machine knew before a restart, from the history: values, transitions,
 * and which rules that only act have acted. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/control.h"

struct recalled {
	struct control_device *device;
	char **lines; /* newest first */
	unsigned count;
};

static bool keep_line(void *data, const struct event *event,
		      const char *acknowledged_by maybe_unused)
{
	struct recalled *recalled = data;
	recalled->lines[recalled->count++] = mem_copy_text(event->json);
	return true;
}

/* Runs `read` for the newest `limit` events of the kind, the oldest first. */
static void recall(struct control_device *device, enum event_kind kind, unsigned limit,
		   void (*read)(struct control_device *device, const char *json))
{
	struct recalled recalled = {.lines = mem_alloc_array(limit, sizeof(char *))};
	struct event_filter filter = {
		.kinds = 1u << kind,
		.device = device->device.number,
		.limit = limit,
		.newest_first = true,
	};
	struct error err = {0};
	if (store_read_events(device->engine->store, &filter, keep_line, &recalled, &err) < 0)
		log_error("history before the restart is not known", "device=%s error=\"%s\"",
			  device->device.name, err.text);
	while (recalled.count) {
		char *line = recalled.lines[--recalled.count];
		read(device, line);
		free(line);
	}
	free(recalled.lines);
}

static void take_readings(struct control_device *device, const char *json)
{
	struct sensor_reading readings[SENSORS_MAX];
	char source[NAME_BYTES];
	unsigned count;
	int64_t time_us;
	if (event_json_read_readings(json, device->policy, source, readings, SENSORS_MAX, &count,
				     &time_us) < 0)
		return;
	machine_remember_readings(&device->machine, device->policy, source, readings, count,
				  time_us);
	machine_catch_up(&device->machine, device->policy, time_us);
}

static void take_shadow(struct control_device *device, const char *json)
{
	struct transition_past past;
	if (event_json_read_transition(json, &past) == 0)
		device->machine.shadows_from = past.id;
}

static void take_transition(struct control_device *device, const char *json)
{
	struct transition_past past;
	if (event_json_read_transition(json, &past) < 0)
		return;
	if (past.moves)
		machine_recall_move(&device->machine, past.time_us);
	else
		device->machine.acts_from = past.id;
}

/* As many answers as its sensors keep values; held() may look further back. */
static unsigned answers_wanted(const struct policy *policy)
{
	unsigned wanted = 0;
	for (unsigned i = 0; i < policy->sensor_count; i++)
		wanted = max_of(wanted, policy->sensors[i].keep);
	for (unsigned i = 0; wanted && i < policy->rule_count; i++)
		if (expression_hold_count(policy->rules[i].when))
			wanted = STORE_PAGE_MAX;
	return min_of(wanted, (unsigned)STORE_PAGE_MAX);
}

void control_recall(struct control_device *device)
{
	unsigned answers = answers_wanted(device->policy);
	recall(device, EVENT_TRANSITION, MACHINE_MOVES_MAX, take_transition);
	recall(device, EVENT_SHADOW, 1, take_shadow);
	if (answers)
		recall(device, EVENT_SENSOR, answers, take_readings);
}

static bool note_time(void *data, const struct event *event,
		      const char *acknowledged_by maybe_unused)
{
	*(int64_t *)data = event->time_us;
	return false;
}

/* What fired before the restart was written down: what was true when the newest event was written
 * and was to fire has fired. */
void control_catch_up(struct engine *engine)
{
	struct event_filter newest = {.limit = 1, .newest_first = true};
	struct control_device *device, *next;
	int64_t last_us = 0;
	struct error err = {0};
	control_fleet_refresh(engine);
	if (store_read_events(engine->store, &newest, note_time, &last_us, &err) < 0 || !last_us)
		return;
	HASH_ITER(hh_name, engine->by_name, device, next)
		if (device->policy && device->machine.entered_us < last_us)
			machine_catch_up(&device->machine, device->policy, last_us);
}
