/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/answer.h - the answer of a device into values of sensors, by the mappings of its source.
 *
 * Answers come from outside: whatever stands in them, reading them ends soon and fills each value
 * with something of its sensor's type, or says that it is missing. */
#pragma once

#include <jansson.h>

#include "core/policy.h"

enum { ANSWER_BYTES_MAX = 256 * 1024 };

/* One reading for each mapping of the source.  Returns how many have a value; where some have none,
 * `err` says why the first of them has not. */
unsigned answer_read(const struct policy *policy, const struct source *source, const char *bytes,
		     size_t count, struct sensor_reading ret[static SOURCE_MAPPINGS_MAX],
		     struct error *err);
/* The same for what a mail says (source->fixed); returns their count. */
unsigned answer_read_fixed(const struct policy *policy, const struct source *source,
			   struct sensor_reading ret[static SOURCE_MAPPINGS_MAX]);

/* Whether it is the word, or a JSON object whose `state` is the word (as Zigbee2MQTT says whether a
 * device is there). */
bool answer_says(const char *bytes, size_t count, const char *word);

/* One value as text into a reading: numbers in decimal, booleans as true, on, yes, 1 and their
 * opposites.  False when the text is none of the sensor's type. */
bool answer_take_text(const struct sensor *sensor, const char *text, struct sensor_reading *ret);
/* A map of sensor names to values (null: missing), as the API takes it.  Returns how many, or
 * -EINVAL with words for the first that is wrong. */
int answer_read_pushed(const struct policy *policy, const json_t *values,
		       struct sensor_reading ret[static SENSORS_MAX], struct error *err);
