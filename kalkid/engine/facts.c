/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/facts.c - facts in: alerts, values, silence.  Each is shown to the machines of all whom it
 * concerns, and comes into the history once the kernel has what that brought about. */
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/control.h"

/* What a umbox in shadow alerts of is told, and no rule looks at it. */
static bool is_input(const struct alert *alert)
{
	return !alert->shadow;
}

void control_take_alert(struct control_device *device, const struct alert *told)
{
	struct engine *engine = device->engine;
	struct alert alert = *told;
	struct event event = events_begin(engine->events, EVENT_ALERT, &device->device,
					  device->machine.generation);
	struct decision decision = {0};

	alert.id = event.id;
	alert.time_us = event.time_us;
	device->alerts++;
	engine->alerts++;
	device->last_alert_wall_us = event.wall_us;
	TEXT_COPY(device->last_alert, alert.type);
	events_hold(engine->events); /* the kernel before the history */
	if (!is_input(&alert)) {
		engine->shadowed++;
	} else if (!device->policy) {
		machine_remember(&device->machine, &alert, false);
	} else {
		control_fleet_refresh(engine);
		machine_alert(&device->machine, device->policy, &alert, event.time_us, &decision);
		control_settle(device, &decision);
		control_tell_fleet(device,
				   (struct fleet_change){.kind = FLEET_ALERT, .alert = alert.type});
	}
	control_capture(device, &alert);
	events_emit(engine->events, &event, event_json_alert(&event, &alert));
	events_release(engine->events);
}

static void alert_of_daemon(struct control_device *device, const char *type,
			    enum alert_severity severity, uint64_t count, const char *words)
{
	struct alert alert = {.severity = severity, .count = (uint32_t)min_of(count, 1000000000u)};
	TEXT_COPY(alert.type, type);
	TEXT_COPY(alert.detail, words);
	control_take_alert(device, &alert);
}

/* --- telemetry --- */

static void take_readings(struct control_device *device, const char *source,
			  const struct sensor_reading *readings, unsigned count)
{
	struct engine *engine = device->engine;
	struct event event = events_begin(engine->events, EVENT_SENSOR, &device->device,
					  device->machine.generation);
	struct decision decision = {0};
	TEXT_COPY(event.source, source);
	char *json = event_json_readings(&event, device->policy, source, readings, count);

	events_hold(engine->events); /* the kernel before the history */
	control_fleet_refresh(engine);
	machine_readings(&device->machine, device->policy, source, readings, count, event.time_us,
			 &decision);
	control_settle(device, &decision);
	control_tell_fleet(device, (struct fleet_change){.kind = FLEET_SENSORS,
							 .readings = readings,
							 .reading_count = count});
	events_emit(engine->events, &event, json);
	events_release(engine->events);
}

void engine_take_readings(struct engine *engine, uint32_t number, const char *source,
			  const struct sensor_reading *readings, unsigned count)
{
	struct control_device *device = control_find_number(engine, number);
	if (!device || !device->policy || engine->stopping)
		return;
	for (unsigned i = 0; i < count; i++)
		if (readings[i].sensor >= device->policy->sensor_count)
			return;
	bool back = machine_set_unavailable(&device->machine, source, false);
	take_readings(device, source, readings, count);
	if (back) {
		control_tell_fleet(device, (struct fleet_change){.kind = FLEET_SENSORS});
		alert_of_daemon(device, "device-available", ALERT_LOW, 1, source);
	}
}

void engine_take_miss(struct engine *engine, uint32_t number, const char *source, const char *words,
		      bool unavailable)
{
	struct control_device *device = control_find_number(engine, number);
	if (!device || engine->stopping)
		return;
	log_debug("no answer", "device=%s source=%s error=\"%s\"", device->device.name, source,
		  words);
	if (!unavailable || !machine_set_unavailable(&device->machine, source, true))
		return;
	control_tell_fleet(device, (struct fleet_change){.kind = FLEET_SENSORS});
	cleanup_free char *detail = mem_printf("%s: %s", source, words);
	alert_of_daemon(device, "device-unavailable", ALERT_MEDIUM, 1, detail);
}
