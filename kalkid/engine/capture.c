/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/capture.c - keeps the frames that led to an alert, where a umbox of the chain has them,
 * and those that an operator asks for.
 *
 * The umbox is asked in a turn of its own, once what the alert brings about is done.  By then its
 * chain may be the old one: that one is asked first, a new one has seen nothing yet. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/control.h"

/* Of an alert's captures of one device; what came meanwhile is in the last one or in the next. */
#define CAPTURE_PAUSE_US (10 * INT64_C(1000000))

/* Each has a ring of frames in memory, twice; the others wait for their turn. */
#define CAPTURE_AGAIN_US (INT64_C(100000))

enum { ASKED_MAX = 2 * HOPS_MAX, CAPTURES_AT_ONCE = 2 };

struct capturing {
	struct driver_call call;
	struct capture_job job;
	struct engine *engine;
	struct engine_capture *asker; /* NULL: an alert */
	uint32_t device, generation;
	char why[REASON_BYTES];
	uint32_t umboxes[ASKED_MAX]; /* to be asked, one after the other */
	unsigned count, asked;
};

static void add_hops(struct capturing *capturing, const struct chain_status *chain,
		     enum hop_role role)
{
	for (unsigned i = 0; i < chain->hop_count && capturing->count < ASKED_MAX; i++)
		if (chain->hops[i].role == role && chain->hops[i].umbox)
			capturing->umboxes[capturing->count++] = chain->hops[i].umbox;
}

static void finish(struct capturing *capturing, int result, const struct error *err)
{
	if (capturing->asker)
		capturing->asker->done(capturing->asker, result, &capturing->job.entry, err);
	else if (result < 0 && result != -ENOENT && result != -ECANCELED)
		log_warning("frames not kept", "device=%s error=\"%s\"",
			    capturing->job.entry.device, err->text);
	capturing->engine->capturing -= !capturing->asker;
	buffer_done(&capturing->job.file);
	free(capturing);
}

static void on_written(struct capture_job *job, int result, const struct error *err)
{
	struct capturing *capturing = container_of(job, struct capturing, job);
	struct engine *engine = capturing->engine;
	struct device device = {.number = capturing->device};
	char words[REASON_BYTES + 64];
	if (result == 0) {
		snprintf(words, sizeof(words), "capture %" PRIu64 ", %u frames: %s", job->entry.id,
			 job->entry.frames, capturing->why);
		log_info("captured", "device=%s words=\"%s\"", job->entry.device, words);
		TEXT_COPY(device.name, job->entry.device);
		events_note(engine->events, &device, capturing->generation, "captured", words,
			    job->entry.frames);
	}
	finish(capturing, result, err);
}

static void ask_next(struct capturing *capturing);

static void on_frames(struct driver_call *call, int result, const struct error *err)
{
	struct capturing *capturing = container_of(call, struct capturing, call);
	struct engine *engine = capturing->engine;
	if (result == -ENOENT && capturing->asked < capturing->count && !engine->stopping) {
		ask_next(capturing);
		return;
	}
	if (result < 0) {
		finish(capturing, result, err);
		return;
	}
	capturing->job.entry.frames = (unsigned)result;
	capturing->job.done = on_written;
	captures_write(engine->captures, &capturing->job);
}

static void ask_next(struct capturing *capturing)
{
	struct engine *engine = capturing->engine;
	cleanup_free char *comment = mem_printf("%s: %s", capturing->job.entry.device,
						capturing->why);
	capturing->call.done = on_frames;
	buffer_drop(&capturing->job.file, capturing->job.file.length);
	engine->driver->ops->capture(engine->driver, capturing->umboxes[capturing->asked++],
				     comment, &capturing->job.file, &capturing->call);
}

/* -ENOENT when there is nobody to ask. */
static int begin(struct control_device *device, const char *why, struct engine_capture *asker,
		 struct error *err)
{
	struct engine *engine = device->engine;
	cleanup_free struct chain_status *chain = mem_alloc(sizeof(*chain));
	node_read_chain(engine->node, device->device.number, chain);
	struct capturing *capturing = mem_alloc(sizeof(*capturing));
	add_hops(capturing, chain, HOP_DRAINING);
	add_hops(capturing, chain, HOP_IN_FORCE);
	if (!capturing->count) {
		free(capturing);
		return error_set(err, -ENOENT, "device '%s' has no chain of umboxes now",
				 device->device.name);
	}
	capturing->engine = engine;
	capturing->asker = asker;
	capturing->device = device->device.number;
	capturing->generation = device->machine.generation;
	capturing->job.entry.id = store_new_event(engine->store);
	capturing->job.entry.wall_us = clock_wall_now_us(engine->clock);
	TEXT_COPY(capturing->job.entry.device, device->device.name);
	TEXT_COPY(capturing->why, why);
	engine->capturing += !asker;
	ask_next(capturing);
	return 0;
}

static void on_due(struct deadline *deadline)
{
	struct control_device *device = container_of(deadline, struct control_device, capture);
	struct engine *engine = device->engine;
	char why[REASON_BYTES];
	if (engine->stopping || !engine->driver)
		return;
	if (engine->capturing >= CAPTURES_AT_ONCE) {
		deadline_set(engine->deadlines, deadline,
			     clock_now_us(engine->clock) + CAPTURE_AGAIN_US);
		return;
	}
	snprintf(why, sizeof(why), "alert %s (%" PRIu64 ")", device->capture_alert_type,
		 device->capture_alert);
	(void)!begin(device, why, NULL, NULL);
}

void control_begin_capturing(struct control_device *device)
{
	deadline_add(device->engine->deadlines, &device->capture, on_due);
}

void control_end_capturing(struct control_device *device)
{
	deadline_remove(device->engine->deadlines, &device->capture);
}

void control_capture(struct control_device *device, const struct alert *alert)
{
	struct engine *engine = device->engine;
	int64_t now_us = clock_now_us(engine->clock);
	if (!engine->captures || !alert->umbox ||
	    (device->captured_us && now_us - device->captured_us < CAPTURE_PAUSE_US))
		return;
	device->captured_us = now_us;
	device->capture_alert = alert->id;
	TEXT_COPY(device->capture_alert_type, alert->type);
	deadline_set(engine->deadlines, &device->capture, now_us);
}

/* --- what operators ask for --- */

void engine_set_captures(struct engine *engine, struct captures *captures)
{
	engine->captures = captures;
}

int engine_capture(struct engine *engine, const char *name, const struct operator_order *order,
		   struct engine_capture *capture, struct error *err)
{
	struct control_device *device;
	char why[REASON_BYTES];
	int result = engine_seek(engine, name, &device, err);
	if (result < 0)
		return result;
	if (!engine->captures || !engine->driver || engine->stopping)
		return error_set(err, -EBUSY, "kalkid keeps no captures now");
	snprintf(why, sizeof(why), "asked for by %s%s%s", order->who, order->reason ? ": " : "",
		 order->reason ? order->reason : "");
	return begin(device, why, capture, err);
}

int engine_read_capture(const struct engine *engine, uint64_t id, struct capture_job *job,
			struct error *err)
{
	if (!engine->captures || engine->stopping)
		return error_set(err, -EBUSY, "kalkid keeps no captures now");
	return captures_read(engine->captures, id, job, err);
}

bool engine_next_capture(const struct engine *engine, const char *device, uint64_t before,
			 struct capture_entry *ret)
{
	return engine->captures && captures_next(engine->captures, device, before, ret);
}
