/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/telemetry.c - when each source of each device is asked, and what a miss means.
 *
 * A source is asked at the points of a grid of its own: multiples of its period, moved by a part of
 * the period that its device and its name choose.  So periods do not drift, and devices of one type
 * do not beat together.  A question that is still open lets its next point pass. */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "codec/answer.h"
#include "engine/control.h"

/* A device that is unavailable is asked less and less often, but never less than that. */
enum { BACK_OFF_MAX = 8 };
static const int64_t BACK_OFF_PERIOD_MAX_US = 300 * 1000000LL;
static const int64_t PERIOD_MIN_US = 100 * 1000LL;
/* Of a source that speaks when it wants: so many at once, then one so often.  What is beyond that
 * must neither keep the loop from the others nor push their alerts out of the history. */
enum { SPOKEN_AT_ONCE = 100 };
static const int64_t SPOKEN_EVERY_US = 50 * 1000LL;
static const int64_t TELL_EVERY_US = 60 * 1000000LL;

struct sensing {
	struct telemetry_link link;
	struct control_device *device;   /* NULL: it is being closed */
	struct device_identity identity; /* as the link was opened with it */
	struct deadline deadline;
	unsigned misses; /* in a row */
	bool asked;
	int64_t spoken_us; /* what was spoken, counted from there on, is within its limit */
	int64_t told_us;   /* what was left out was told */
	uint64_t left_out; /* since then */
	struct sensing *prev, *next;
};

static struct sensing *of_link(struct telemetry_link *link)
{
	return container_of(link, struct sensing, link);
}

/* --- when --- */

static int64_t period_of(const struct sensing *sensing, double factor)
{
	const struct source *source = sensing->link.source;
	int64_t period_us = max_of((int64_t)((double)source->every_us / factor), PERIOD_MIN_US);
	if (sensing->misses < source->misses)
		return period_us;
	int64_t times = min_of(sensing->misses - source->misses + 2, (unsigned)BACK_OFF_MAX);
	int64_t longest_us = max_of(period_us, BACK_OFF_PERIOD_MAX_US);
	return min_of(period_us * times, longest_us);
}

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/) of what makes a source one of its own. */
static uint32_t spread(const struct sensing *sensing)
{
	uint32_t hash = 2166136261u ^ sensing->identity.number;
	hash *= 16777619u;
	for (const char *c = sensing->link.source->name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return hash ^ hash >> 15;
}

static int64_t next_point(const struct sensing *sensing, double factor, int64_t now_us)
{
	if (factor <= 0)
		return DEADLINE_NEVER;
	int64_t period_us = period_of(sensing, factor);
	int64_t phase_us = (int64_t)((double)spread(sensing) / UINT32_MAX * (double)period_us);
	int64_t points = now_us < phase_us ? 0 : (now_us - phase_us) / period_us + 1;
	return phase_us + points * period_us;
}

/* The factor of a rule holds for a time; then that of the state. */
static int64_t next_question(const struct sensing *sensing, int64_t now_us)
{
	const struct control_device *device = sensing->device;
	double own = device_telemetry_factor(&device->device);
	int64_t from_us = now_us;
	if (device->factor_until_us > now_us) {
		int64_t at_us = next_point(sensing, own * device->factor, now_us);
		if (at_us <= device->factor_until_us)
			return at_us;
		from_us = device->factor_until_us;
	}
	double factor = device->policy->states[device->in_force].telemetry_factor;
	return next_point(sensing, own * factor, from_us);
}

/* A source that speaks by itself is waited for from now on. */
static void schedule(struct sensing *sensing)
{
	const struct source *source = sensing->link.source;
	int64_t now_us = clock_now_us(sensing->device->engine->clock);
	int64_t at_us = DEADLINE_NEVER;
	if (source->kind == SOURCE_POLL)
		at_us = next_question(sensing, now_us);
	else if (source->every_us)
		at_us = now_us + source->every_us;
	deadline_set(sensing->device->engine->deadlines, &sensing->deadline, at_us);
}

/* --- what is said --- */

static void miss(struct sensing *sensing, const char *words, bool gone);

static void on_due(struct deadline *deadline)
{
	struct sensing *sensing = container_of(deadline, struct sensing, deadline);
	struct telemetry *telemetry = sensing->device->engine->telemetry;
	if (sensing->device->policy != sensing->link.policy) /* it is about to follow */
		return;
	if (sensing->link.source->kind != SOURCE_POLL) {
		miss(sensing, "nothing came for its period", false);
		return;
	}
	if (!sensing->asked) {
		sensing->asked = true;
		telemetry->ops->ask(telemetry, &sensing->link);
	}
	schedule(sensing);
}

/* What we block ourselves says nothing about the device. */
static bool is_blocked(const struct control_device *device)
{
	return device->handed_over == STATE_BLOCKED ||
	       device->policy->states[device->handed_over].posture.mode == POSTURE_BLOCK;
}

static void miss(struct sensing *sensing, const char *words, bool gone)
{
	struct control_device *device = sensing->device;
	const struct source *source = sensing->link.source;
	if (!is_blocked(device)) {
		sensing->misses = gone ? max_of(sensing->misses + 1, source->misses)
				       : sensing->misses + 1;
		engine_take_miss(device->engine, device->device.number, source->name, words,
				 sensing->misses >= source->misses);
	}
	if (source->kind != SOURCE_POLL || sensing->misses >= source->misses)
		schedule(sensing);
}

static void on_miss(struct telemetry_link *link, const char *words, bool gone)
{
	struct sensing *sensing = of_link(link);
	sensing->asked = false;
	if (sensing->device && sensing->device->policy == link->policy)
		miss(sensing, words, gone);
}

static void tell_left_out(struct sensing *sensing, int64_t now_us)
{
	struct control_device *device = sensing->device;
	const char *source = sensing->link.source->name;
	if (sensing->told_us && now_us - sensing->told_us < TELL_EVERY_US)
		return;
	log_warning("values come too fast, some are left out", "device=%s source=%s count=%llu",
		    device->device.name, source, (unsigned long long)sensing->left_out);
	events_note(device->engine->events, &device->device, device->machine.generation,
		    "values-left-out", source, sensing->left_out);
	sensing->told_us = now_us;
	sensing->left_out = 0;
}

static bool comes_too_fast(struct sensing *sensing)
{
	enum source_kind kind = sensing->link.source->kind;
	int64_t now_us = clock_now_us(sensing->device->engine->clock);
	if (kind != SOURCE_MQTT && kind != SOURCE_SMTP)
		return false;
	int64_t empty_us = now_us - (SPOKEN_AT_ONCE - 1) * SPOKEN_EVERY_US;
	sensing->spoken_us = max_of(sensing->spoken_us, empty_us);
	bool too_fast = sensing->spoken_us > now_us;
	sensing->left_out += too_fast;
	if (!too_fast)
		sensing->spoken_us += SPOKEN_EVERY_US;
	if (sensing->left_out)
		tell_left_out(sensing, now_us);
	return too_fast;
}

static void on_values(struct telemetry_link *link, const struct sensor_reading *readings,
		      unsigned count)
{
	struct sensing *sensing = of_link(link);
	struct control_device *device = sensing->device;
	sensing->asked = false;
	if (!device || device->policy != link->policy)
		return;
	bool was_slow = sensing->misses >= link->source->misses;
	sensing->misses = 0;
	if (was_slow || link->source->kind != SOURCE_POLL)
		schedule(sensing);
	if (count && comes_too_fast(sensing))
		return;
	engine_take_readings(device->engine, device->device.number, link->source->name, readings,
			     count);
}

/* --- links --- */

static void on_closed(struct telemetry_link *link)
{
	free(of_link(link));
}

static const struct telemetry_listener LISTENER = {on_values, on_miss, on_closed};

static void open_source(struct control_device *device, const struct source *source)
{
	struct engine *engine = device->engine;
	struct sensing *sensing = mem_alloc(sizeof(*sensing));
	sensing->device = device;
	sensing->identity = device->device.identity;
	sensing->link = (struct telemetry_link){
		.policy = device->policy,
		.source = source,
		.device = &sensing->identity,
		.listener = &LISTENER,
	};
	DL_APPEND(device->sensing, sensing);
	deadline_add(engine->deadlines, &sensing->deadline, on_due);
	engine->telemetry->ops->open(engine->telemetry, &sensing->link);
	schedule(sensing);
}

void telemetry_forget(struct control_device *device)
{
	struct engine *engine = device->engine;
	struct sensing *sensing, *next;
	DL_FOREACH_SAFE(device->sensing, sensing, next)
	{
		DL_DELETE(device->sensing, sensing);
		deadline_remove(engine->deadlines, &sensing->deadline);
		sensing->device = NULL;
		engine->telemetry->ops->close(engine->telemetry, &sensing->link);
	}
}

/* Whether the links are those of the device as it is now. */
static bool is_current(const struct control_device *device)
{
	const struct sensing *first = device->sensing;
	unsigned wanted = device->policy ? device->policy->source_count : 0;
	if (!first || !wanted)
		return !first && !wanted;
	return first->link.policy == device->policy &&
	       device_same_identity(&first->identity, &device->device.identity);
}

void telemetry_follow(struct control_device *device)
{
	struct engine *engine = device->engine;
	if (!engine->telemetry || !engine->started || engine->stopping)
		return;
	if (!is_current(device)) {
		telemetry_forget(device);
		for (unsigned i = 0; device->policy && i < device->policy->source_count; i++)
			open_source(device, &device->policy->sources[i]);
		return;
	}
	struct sensing *sensing;
	DL_FOREACH(device->sensing, sensing)
	if (sensing->link.source->kind == SOURCE_POLL)
		schedule(sensing);
}

void telemetry_set_factor(struct control_device *device, double factor, int64_t for_us)
{
	device->factor = factor;
	device->factor_until_us = for_us ? clock_now_us(device->engine->clock) + for_us : INT64_MAX;
	telemetry_follow(device);
}

void telemetry_leave_state(struct control_device *device)
{
	if (device->factor_until_us == INT64_MAX)
		device->factor_until_us = 0;
}

void telemetry_end_factor(struct control_device *device)
{
	device->factor_until_us = 0;
	telemetry_follow(device);
}

/* --- what is known, what is pushed --- */

static int seek_index(const struct engine *engine, const char *name, unsigned index, bool sensor,
		      struct control_device **ret, struct error *err)
{
	int r = engine_seek(engine, name, ret, err);
	if (r < 0)
		return r;
	const struct policy *policy = (*ret)->policy;
	unsigned count = !policy ? 0 : sensor ? policy->sensor_count : policy->source_count;
	return index < count ? 0 : error_set(err, -ENOENT, "device '%s': no more of them", name);
}

int engine_read_sensor(const struct engine *engine, const char *name, unsigned index,
		       struct sensor_status *ret, struct error *err)
{
	struct control_device *device;
	int r = seek_index(engine, name, index, true, &device, err);
	if (r < 0)
		return r;
	const struct machine *machine = &device->machine;
	*ret = (struct sensor_status){.sensor = device->policy->sensors[index],
				      .newest.sensor = index};
	if (!machine->sensors || !machine->sensors[index].count)
		return 0;
	const struct sensor_ring *ring = &machine->sensors[index];
	unsigned slot = sensor_ring_slot(ring, 0);
	int64_t age_us = clock_now_us(engine->clock) - ring->times_us[slot];
	ret->known = true;
	ret->wall_us = clock_wall_now_us(engine->clock) - age_us;
	ret->newest.missing = ring->missing;
	if (ring->numbers) {
		ret->newest.number = ring->numbers[slot];
		ret->newest.boolean = ring->numbers[slot] != 0;
	} else {
		TEXT_COPY(ret->newest.text, ring->texts[slot]);
	}
	if (ring->source < machine->source_count)
		TEXT_COPY(ret->source, machine->sources[ring->source].name);
	return 0;
}

int engine_read_source(const struct engine *engine, const char *name, unsigned index,
		       struct source_status *ret, struct error *err)
{
	struct control_device *device;
	int r = seek_index(engine, name, index, false, &device, err);
	if (r < 0)
		return r;
	const struct source *source = &device->policy->sources[index];
	const struct machine *machine = &device->machine;
	const struct sensing *sensing;
	*ret = (struct source_status){.available = true};
	TEXT_COPY(ret->name, source->name);
	for (unsigned i = 0; i < machine->source_count; i++)
		if (text_equal(machine->sources[i].name, source->name))
			ret->available = !machine->sources[i].unavailable;
	DL_FOREACH(device->sensing, sensing)
	if (sensing->link.source == source)
		ret->misses = sensing->misses;
	return 0;
}

static int find_pushed(struct control_device *device, const char *source, struct sensing **ret,
		       struct error *err)
{
	struct sensing *sensing;
	*ret = NULL;
	DL_FOREACH(device->sensing, sensing)
	{
		if (sensing->link.source->kind != SOURCE_PUSH ||
		    (source && !text_equal(sensing->link.source->name, source)))
			continue;
		if (*ret)
			return error_set(
				err, -EINVAL,
				"device '%s' has several sources that are pushed (name one)",
				device->device.name);
		*ret = sensing;
	}
	if (*ret)
		return 0;
	return source ? error_set(err, -EINVAL, "device '%s' has no source '%s' that is pushed",
				  device->device.name, source)
		      : error_set(err, -EINVAL, "device '%s' has no source that is pushed",
				  device->device.name);
}

int engine_push(struct engine *engine, const char *name, const char *source, const json_t *values,
		const struct operator_order *order, struct error *err)
{
	struct sensor_reading readings[SENSORS_MAX];
	struct control_device *device;
	struct sensing *sensing = NULL;
	int r = engine_seek(engine, name, &device, err);
	if (r == 0)
		r = find_pushed(device, source, &sensing, err);
	if (r != 0)
		return r;
	int count = answer_read_pushed(device->policy, values, readings, err);
	if (count < 0)
		return count;
	if (!order->dry_run)
		on_values(&sensing->link, readings, (unsigned)count);
	return 0;
}

void engine_set_telemetry(struct engine *engine, struct telemetry *telemetry)
{
	engine->telemetry = telemetry;
}
