/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/sensor.c - see sensor.h. */
#include "core/sensor.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

const char *const SENSOR_TYPE_NAMES[SENSOR_TYPE_COUNT + 1] = {"number", "boolean", "text", NULL};

static const unsigned VALUES_AT_FIRST = 8;

/* Room for one more, in order from the start of the arrays. */
static void grow(struct sensor_ring *ring, const struct sensor *sensor)
{
	unsigned room = min_of(max_of(VALUES_AT_FIRST, 2 * ring->room), sensor->keep);
	struct sensor_ring wider = *ring;
	wider.room = room;
	wider.first = 0;
	wider.times_us = mem_alloc_array(room, sizeof(*wider.times_us));
	if (sensor->type == SENSOR_TEXT)
		wider.texts = mem_alloc_array(room, sizeof(*wider.texts));
	else
		wider.numbers = mem_alloc_array(room, sizeof(*wider.numbers));
	for (unsigned i = 0; i < ring->count; i++) {
		unsigned from = sensor_ring_slot(ring, ring->count - 1 - i);
		wider.times_us[i] = ring->times_us[from];
		if (sensor->type == SENSOR_TEXT)
			TEXT_COPY(wider.texts[i], ring->texts[from]);
		else
			wider.numbers[i] = ring->numbers[from];
	}
	sensor_ring_done(ring);
	*ring = wider;
}

static void make_room(struct sensor_ring *ring, const struct sensor *sensor)
{
	if (ring->count < ring->room)
		return;
	if (ring->room < sensor->keep) {
		grow(ring, sensor);
		return;
	}
	ring->first = (ring->first + 1) % ring->room;
	ring->count--;
}

void sensor_ring_add(struct sensor_ring *ring, const struct sensor *sensor,
		     const struct sensor_reading *reading, int64_t time_us)
{
	ring->missing = reading->missing ||
			(sensor->type == SENSOR_NUMBER && !isfinite(reading->number));
	if (ring->missing)
		return;
	make_room(ring, sensor);
	ring->count++;
	unsigned slot = sensor_ring_slot(ring, 0);
	ring->times_us[slot] = time_us;
	switch (sensor->type) {
	case SENSOR_NUMBER: ring->numbers[slot] = reading->number; break;
	case SENSOR_BOOLEAN: ring->numbers[slot] = reading->boolean; break;
	case SENSOR_TEXT: TEXT_COPY(ring->texts[slot], reading->text); break;
	case SENSOR_TYPE_COUNT: break;
	}
}

void sensor_ring_done(struct sensor_ring *ring)
{
	free(ring->times_us);
	free(ring->numbers);
	free(ring->texts);
	*ring = (struct sensor_ring){0};
}

bool sensor_same(const struct sensor *a, const struct sensor *b)
{
	return a->type == b->type && a->keep == b->keep && text_equal(a->name, b->name);
}
