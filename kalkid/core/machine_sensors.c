/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/machine_sensors.c - what a machine keeps of sensors and of the sources that they come from.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/machine_internal.h"

static unsigned find_source(struct machine *machine, const char *name)
{
	for (unsigned i = 0; i < machine->source_count; i++)
		if (text_equal(machine->sources[i].name, name))
			return i;
	if (machine->source_count == MACHINE_SOURCES_MAX)
		return MACHINE_SOURCES_MAX - 1;
	TEXT_COPY(machine->sources[machine->source_count].name, name);
	return machine->source_count++;
}

void machine_remember_readings(struct machine *machine, const struct policy *policy,
			       const char *source, const struct sensor_reading *readings,
			       unsigned count, int64_t time_us)
{
	unsigned from = find_source(machine, source);
	bool news = machine->sources[from].unavailable || !machine->sources[from].answered;
	uint64_t bits = 0;
	machine->sources[from].unavailable = false;
	machine->sources[from].answered = true;
	if (!machine->sensors && policy->sensor_count) {
		machine->sensor_count = policy->sensor_count;
		machine->sensors = mem_alloc_array(policy->sensor_count, sizeof(*machine->sensors));
	}
	for (unsigned i = 0; i < count; i++) {
		unsigned sensor = readings[i].sensor;
		if (!machine->sensors || sensor >= machine->sensor_count)
			continue;
		bits |= UINT64_C(1) << sensor;
		machine->sensors[sensor].source = (uint8_t)from;
		sensor_ring_add(&machine->sensors[sensor], &policy->sensors[sensor], &readings[i],
				time_us);
	}
	machine_touch_sensors(machine, bits, news);
}

bool machine_set_unavailable(struct machine *machine, const char *source, bool unavailable)
{
	struct machine_source *at = &machine->sources[find_source(machine, source)];
	bool news = at->unavailable != unavailable;
	at->unavailable = unavailable;
	if (news)
		machine_touch_sensors(machine, 0, true);
	return news;
}

static void free_sensors(struct machine *machine)
{
	for (unsigned i = 0; i < machine->sensor_count; i++)
		sensor_ring_done(&machine->sensors[i]);
	free(machine->sensors);
	machine->sensors = NULL;
	machine->sensor_count = 0;
}

void machine_done_sensors(struct machine *machine)
{
	free_sensors(machine);
}

void machine_forget_values(struct machine *machine)
{
	free_sensors(machine);
	machine_touch_sensors(machine, UINT64_MAX, true);
}

void machine_move_sensors(struct machine *machine, const struct policy *before,
			  const struct policy *after)
{
	struct sensor_ring *moved = NULL;
	if (!machine->sensors)
		return;
	if (after->sensor_count)
		moved = mem_alloc_array(after->sensor_count, sizeof(*moved));
	for (unsigned i = 0; i < after->sensor_count; i++) {
		int old = policy_find_sensor(before, after->sensors[i].name);
		if (old < 0 || !sensor_same(&before->sensors[old], &after->sensors[i]))
			continue;
		moved[i] = machine->sensors[old];
		machine->sensors[old] = (struct sensor_ring){0};
	}
	free_sensors(machine);
	machine->sensors = moved;
	machine->sensor_count = after->sensor_count;
}
