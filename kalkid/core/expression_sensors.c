/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_sensors.c - the newest value of a sensor, and the functions over several of its
 * values: unknown where there are not enough of them. */
#include <math.h>

#include "base/text.h"
#include "core/expression_internal.h"
#include "core/machine.h"

/* The sensor's history on the device, or NULL: its type has no such sensor, or no value came. */
static const struct sensor_ring *find_ring(const struct facts *facts,
					   const struct sensor_reference *sensor)
{
	const struct policy *policy = facts->policy;
	unsigned index = sensor->index;
	if (sensor->foreign && (index >= policy->sensor_count ||
				!text_equal(policy->sensors[index].name, sensor->name))) {
		int found = policy_find_sensor(policy, sensor->name);
		if (found < 0)
			return NULL;
		index = (unsigned)found;
	}
	if (index >= facts->machine->sensor_count || policy->sensors[index].type != sensor->type)
		return NULL;
	return &facts->machine->sensors[index];
}

static void read_slot(const struct sensor_ring *ring, enum sensor_type type, unsigned slot,
		      struct value *ret)
{
	ret->known = true;
	switch (type) {
	case SENSOR_NUMBER: ret->number = ring->numbers[slot]; break;
	case SENSOR_BOOLEAN: ret->boolean = ring->numbers[slot] != 0; break;
	case SENSOR_TEXT: ret->text = ring->texts[slot]; break;
	case SENSOR_TYPE_COUNT: break;
	}
}

void sensor_read(const struct facts *facts, const struct sensor_reference *sensor,
		 struct value *ret)
{
	const struct sensor_ring *ring = find_ring(facts, sensor);
	if (ring && ring->count && !ring->missing &&
	    !facts->machine->sources[ring->source].unavailable)
		read_slot(ring, sensor->type, sensor_ring_slot(ring, 0), ret);
}

/* The newest values that a call looks at: `count` of them, 0 where there are not enough. */
struct samples {
	const struct sensor_ring *ring;
	unsigned count;
	int64_t next_us;
};

/* How many of the newest values came after the moment. */
static unsigned count_since(const struct sensor_ring *ring, int64_t after_us)
{
	unsigned inside = 0, outside = ring->count;
	while (inside < outside) {
		unsigned middle = inside + (outside - inside) / 2;
		if (ring->times_us[sensor_ring_slot(ring, middle)] > after_us)
			inside = middle + 1;
		else
			outside = middle;
	}
	return inside;
}

static struct samples take_samples(const struct facts *facts, const struct argument *arguments,
				   unsigned least)
{
	const struct sensor_ring *ring = find_ring(facts, &arguments[SLOT_SENSOR].sensor);
	struct samples samples = {.ring = ring, .next_us = INT64_MAX};
	if (!ring)
		return samples;
	if (arguments[SLOT_LAST].given) {
		unsigned last = arguments[SLOT_LAST].samples;
		samples.count = ring->count >= last ? last : 0;
		return samples;
	}
	int64_t within_us = arguments[SLOT_WITHIN].us;
	samples.count = count_since(ring, facts->now_us - within_us);
	if (samples.count)
		samples.next_us = ring->times_us[sensor_ring_slot(ring, samples.count - 1)] +
				  within_us;
	if (samples.count < least)
		samples.count = 0;
	return samples;
}

static double number_at(const struct samples *samples, unsigned i)
{
	return samples->ring->numbers[sensor_ring_slot(samples->ring, i)];
}

/* Four sums side by side: one alone waits for each addition. */
static double sum_row(const double *numbers, unsigned count)
{
	double sums[4] = {0};
	unsigned i = 0;
	for (; i + 4 <= count; i += 4)
		for (unsigned j = 0; j < 4; j++)
			sums[j] += numbers[i + j];
	for (; i < count; i++)
		sums[0] += numbers[i];
	return sums[0] + sums[1] + (sums[2] + sums[3]);
}

static double sum_of(const struct samples *samples)
{
	const struct sensor_ring *ring = samples->ring;
	unsigned oldest = sensor_ring_slot(ring, samples->count - 1);
	unsigned row = min_of(samples->count, ring->room - oldest);
	return sum_row(ring->numbers + oldest, row) + sum_row(ring->numbers, samples->count - row);
}

static void set_finite(struct value *ret, double number)
{
	ret->known = isfinite(number);
	ret->number = number;
}

void call_sum(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	struct samples samples = take_samples(facts, arguments, 1);
	ret->next_us = samples.next_us;
	if (samples.count)
		set_finite(ret, sum_of(&samples));
}

void call_avg(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	struct samples samples = take_samples(facts, arguments, 1);
	ret->next_us = samples.next_us;
	if (samples.count)
		set_finite(ret, sum_of(&samples) / samples.count);
}

/* The greatest of the values times `sign`. */
static void set_extreme(const struct facts *facts, const struct argument *arguments, double sign,
			struct value *ret)
{
	struct samples samples = take_samples(facts, arguments, 1);
	double extreme = -INFINITY;
	ret->next_us = samples.next_us;
	for (unsigned i = 0; i < samples.count; i++)
		extreme = fmax(extreme, sign * number_at(&samples, i));
	if (samples.count)
		set_finite(ret, sign * extreme);
}

void call_min(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	set_extreme(facts, arguments, -1, ret);
}

void call_max(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	set_extreme(facts, arguments, 1, ret);
}

void call_deviation(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	struct samples samples = take_samples(facts, arguments, 2);
	ret->next_us = samples.next_us;
	if (samples.count)
		set_finite(ret, fabs(number_at(&samples, 0) - sum_of(&samples) / samples.count));
}

void call_rate(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	struct samples samples = take_samples(facts, arguments, 2);
	double per_us = arguments[SLOT_PER].given ? (double)arguments[SLOT_PER].us : 1e6;
	ret->next_us = samples.next_us;
	if (samples.count < 2)
		return;
	const struct sensor_ring *ring = samples.ring;
	unsigned newest = sensor_ring_slot(ring, 0);
	unsigned oldest = sensor_ring_slot(ring, samples.count - 1);
	int64_t us = ring->times_us[newest] - ring->times_us[oldest];
	if (us > 0)
		set_finite(ret,
			   (ring->numbers[newest] - ring->numbers[oldest]) / (double)us * per_us);
}

void call_magnitude(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	double squares = 0;
	for (enum slot slot = SLOT_SENSOR; slot <= SLOT_SENSOR_3; slot++) {
		struct value axis = {0};
		if (!arguments[slot].given)
			continue;
		sensor_read(facts, &arguments[slot].sensor, &axis);
		if (!axis.known)
			return;
		squares += axis.number * axis.number;
	}
	set_finite(ret, sqrt(squares));
}

void call_last(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	const struct sensor_reference *sensor = &arguments[SLOT_SENSOR].sensor;
	const struct sensor_ring *ring = find_ring(facts, sensor);
	unsigned back = arguments[SLOT_BACK].given ? arguments[SLOT_BACK].samples : 0;
	if (!ring || back >= ring->count)
		return;
	unsigned slot = sensor_ring_slot(ring, back);
	if (arguments[SLOT_WITHIN].given) {
		int64_t leaves_us = ring->times_us[slot] + arguments[SLOT_WITHIN].us;
		if (leaves_us <= facts->now_us)
			return;
		ret->next_us = leaves_us;
	}
	read_slot(ring, sensor->type, slot, ret);
}

void call_age(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	const struct sensor_ring *ring = find_ring(facts, &arguments[SLOT_SENSOR].sensor);
	if (ring && ring->count)
		set_elapsed(facts, ring->times_us[sensor_ring_slot(ring, 0)], ret);
}

void call_seen(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	const struct sensor_ring *ring = find_ring(facts, &arguments[SLOT_SENSOR].sensor);
	ret->known = true;
	if (!ring || !ring->count)
		return;
	int64_t leaves_us = ring->times_us[sensor_ring_slot(ring, 0)] + arguments[SLOT_WITHIN].us;
	ret->boolean = leaves_us > facts->now_us;
	if (ret->boolean)
		ret->next_us = leaves_us;
}
