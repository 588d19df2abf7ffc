/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/telemetry.c - see telemetry.h. */
#include "driver/telemetry.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/answer.h"

struct telemetry_driver {
	struct telemetry telemetry;
	struct exchanges *exchanges;
	struct later_queue later;
	void (*closed)(void *data);
	void *closed_data;
};

static struct telemetry_driver *driver_of(const struct telemetry_link *link)
{
	return container_of(link->telemetry, struct telemetry_driver, telemetry);
}

/* Values of what was said by the source, or a miss when there is none in it. */
static void take_answer(struct telemetry_link *link, const char *bytes, size_t count)
{
	struct sensor_reading readings[SOURCE_MAPPINGS_MAX];
	struct error err = {0};
	if (answer_read(link->policy, link->source, bytes, count, readings, &err))
		link->listener->on_values(link, readings, link->source->mapping_count);
	else
		link->listener->on_miss(link, err.text, false);
}

static void on_link_closed(struct later *later)
{
	struct telemetry_link *link = container_of(later, struct telemetry_link, later);
	link->listener->on_closed(link);
}

static void on_answer(struct exchange_call *call, int result, const struct error *err)
{
	struct telemetry_link *link = container_of(call, struct telemetry_link, call);
	cleanup_buffer struct buffer answer = call->answer;
	link->asking = false;
	if (link->closing)
		link->listener->on_closed(link);
	else if (result < 0)
		link->listener->on_miss(link, err->text, false);
	else
		take_answer(link, answer.bytes ? answer.bytes : "", answer.length);
}

static void open_link(struct telemetry *telemetry, struct telemetry_link *link)
{
	link->telemetry = telemetry;
	link->asking = link->closing = false;
	link->later = (struct later){0};
}

static void ask(struct telemetry *telemetry maybe_unused, struct telemetry_link *link)
{
	assert(!link->asking && link->source->kind == SOURCE_POLL);
	link->asking = true;
	link->call = (struct exchange_call){.done = on_answer};
	exchange_start(driver_of(link)->exchanges, &link->call, &link->source->exchange,
		       link->device);
}

static void close_link(struct telemetry *telemetry maybe_unused, struct telemetry_link *link)
{
	link->closing = true;
	if (link->asking)
		exchange_cancel(&link->call);
	else
		later_add(&driver_of(link)->later, &link->later, on_link_closed);
}

void telemetry_driver_open(struct telemetry **ret, uv_loop_t *loop, struct exchanges *exchanges)
{
	static const struct telemetry_ops ops = {open_link, ask, close_link};
	struct telemetry_driver *driver = mem_alloc(sizeof(*driver));
	driver->telemetry.ops = &ops;
	driver->exchanges = exchanges;
	later_queue_open(&driver->later, loop);
	*ret = &driver->telemetry;
}

static void on_later_closed(struct later_queue *queue)
{
	struct telemetry_driver *driver = container_of(queue, struct telemetry_driver, later);
	void (*closed)(void *) = driver->closed;
	void *data = driver->closed_data;
	free(driver);
	closed(data);
}

void telemetry_driver_close(struct telemetry *telemetry, void (*closed)(void *data), void *data)
{
	struct telemetry_driver *driver = container_of(telemetry, struct telemetry_driver,
						       telemetry);
	driver->closed = closed;
	driver->closed_data = data;
	later_queue_close(&driver->later, on_later_closed);
}
