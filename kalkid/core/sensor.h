/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/sensor.h - what a device type measures, one reading of it, and the bounded history that a
 * device's machine keeps of each sensor. */
#pragma once

#include "core/ids.h"

enum sensor_type { SENSOR_NUMBER, SENSOR_BOOLEAN, SENSOR_TEXT, SENSOR_TYPE_COUNT };

extern const char *const SENSOR_TYPE_NAMES[SENSOR_TYPE_COUNT + 1];

enum {
	SENSORS_MAX = 64,
	SENSOR_TEXT_BYTES = 64,
	SENSOR_UNIT_BYTES = 16,
	SENSOR_KEEP_STANDARD = 64,
	SENSOR_KEEP_MAX = 1024,
};

struct sensor {
	char name[NAME_BYTES]; /* a word of the condition language: letters, digits and '_' */
	enum sensor_type type;
	char unit[SENSOR_UNIT_BYTES]; /* for people; "" for none */
	unsigned keep;                /* values kept for the functions over several of them */
};

/* One value, or that the answer did not have one. */
struct sensor_reading {
	unsigned sensor; /* index in policy->sensors */
	bool missing;    /* then the other fields say nothing */
	double number;
	bool boolean;
	char text[SENSOR_TEXT_BYTES];
};

/* The newest values of one sensor; a number that is not finite counts as missing.  Times never go
 * back. */
struct sensor_ring {
	unsigned room, first, count;
	bool missing;   /* the newest answer had no value */
	uint8_t source; /* of the newest answer: index in the machine's sources */
	int64_t *times_us;
	double *numbers; /* a boolean is 0 or 1; NULL for text */
	char (*texts)[SENSOR_TEXT_BYTES];
};

/* Whether values of one are values of the other. */
bool sensor_same(const struct sensor *a, const struct sensor *b);

void sensor_ring_add(struct sensor_ring *ring, const struct sensor *sensor,
		     const struct sensor_reading *reading, int64_t time_us);
void sensor_ring_done(struct sensor_ring *ring);

/* Where the `i`-th newest of `count` stands in the arrays. */
static inline unsigned sensor_ring_slot(const struct sensor_ring *ring, unsigned i)
{
	unsigned at = ring->first + ring->count - 1 - i;
	return at < ring->room ? at : at - ring->room;
}
