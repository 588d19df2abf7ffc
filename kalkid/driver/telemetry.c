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
	struct mailboxes *mailboxes;
	unsigned parts; /* not closed yet */
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

/* --- MQTT --- */

static void on_message(struct broker_subscription *subscription, const char *topic maybe_unused,
		       const char *payload, size_t count)
{
	struct telemetry_link *link = container_of(subscription, struct telemetry_link, values);
	if (count && !link->closing)
		take_answer(link, payload, count);
}

static void on_lost(struct broker_subscription *subscription, const char *words)
{
	struct telemetry_link *link = container_of(subscription, struct telemetry_link, values);
	if (!link->closing)
		link->listener->on_miss(link, words, false);
}

/* What is said where devices, or the broker for them, say whether they are there. */
static void on_presence(struct broker_subscription *subscription, const char *topic maybe_unused,
			const char *payload, size_t count)
{
	struct telemetry_link *link = container_of(subscription, struct telemetry_link, presence);
	const struct source *source = link->source;
	if (link->closing)
		return;
	if (answer_says(payload, count, source->offline))
		link->listener->on_miss(link, "it is said to be offline", true);
	else if (answer_says(payload, count, source->online))
		link->listener->on_values(link, NULL, 0);
}

/* Told for the values already. */
static void on_presence_lost(struct broker_subscription *subscription maybe_unused,
			     const char *words maybe_unused)
{
}

static char *fill(const struct telemetry_link *link, const char *text, enum exchange_place place,
		  struct error *err)
{
	struct buffer filled = {0};
	if (exchange_fill(&filled, text, place, link->device, NULL, err) < 0)
		buffer_done(&filled);
	return filled.bytes;
}

/* --- mail --- */

static void on_mail(struct mailbox *mailbox)
{
	struct telemetry_link *link = container_of(mailbox, struct telemetry_link, mailbox);
	struct sensor_reading readings[SOURCE_MAPPINGS_MAX];
	if (!link->closing)
		link->listener->on_values(link, readings,
					  answer_read_fixed(link->policy, link->source, readings));
}

static int enter_mailbox(struct telemetry_link *link, struct error *err)
{
	if (link->source->to)
		link->to = fill(link, link->source->to, EXCHANGE_IN_TEXT, err);
	if (link->source->to && !link->to)
		return err->code;
	link->mailbox = (struct mailbox){
		.listen = link->source->listen,
		.to = link->to,
		.device = link->device,
		.on_mail = on_mail,
	};
	mailbox_enter(driver_of(link)->mailboxes, &link->mailbox);
	link->mailed = true;
	return 0;
}

/* --- links --- */

static void unsubscribe(struct telemetry_link *link)
{
	if (link->mailed)
		mailbox_leave(&link->mailbox);
	link->mailed = false;
	free(take(link->to));
	if (link->listening)
		broker_unsubscribe(&link->values);
	if (link->knows_presence)
		broker_unsubscribe(&link->presence);
	link->listening = link->knows_presence = false;
	free(take(link->filter));
	free(take(link->availability));
}

static int subscribe(struct telemetry_link *link, struct error *err)
{
	const struct exchange *exchange = &link->source->exchange;
	struct brokers *brokers = exchanges_brokers(driver_of(link)->exchanges);
	cleanup_free char *url = fill(link, exchange->url, EXCHANGE_IN_URL, err);
	const char *availability = link->source->availability;
	link->filter = fill(link, exchange->topic, EXCHANGE_IN_TEXT, err);
	if (availability)
		link->availability = fill(link, availability, EXCHANGE_IN_TEXT, err);
	if (!url || !link->filter || (availability && !link->availability))
		return err->code;
	struct broker_address address = {url, exchange->credential, exchange->ca};
	link->values = (struct broker_subscription){
		.filter = link->filter,
		.qos = exchange->qos,
		.on_message = on_message,
		.on_lost = on_lost,
	};
	int r = broker_subscribe(brokers, &address, &link->values, err);
	link->listening = r == 0;
	if (r < 0 || !availability)
		return r;
	link->presence = (struct broker_subscription){
		.filter = link->availability,
		.qos = exchange->qos,
		.on_message = on_presence,
		.on_lost = on_presence_lost,
	};
	r = broker_subscribe(brokers, &address, &link->presence, err);
	link->knows_presence = r == 0;
	return r;
}

/* It cannot listen, for a reason that stands in a file: as good as gone. */
static void on_deaf(struct later *later)
{
	struct telemetry_link *link = container_of(later, struct telemetry_link, later);
	if (link->closing)
		link->listener->on_closed(link);
	else
		link->listener->on_miss(link, link->words, true);
}

static void open_link(struct telemetry *telemetry, struct telemetry_link *link)
{
	struct error err = {0};
	int r = 0;
	link->telemetry = telemetry;
	link->asking = link->closing = link->listening = link->knows_presence = false;
	link->later = (struct later){0};
	link->filter = link->availability = link->to = NULL;
	link->mailed = false;
	if (link->source->kind == SOURCE_MQTT)
		r = subscribe(link, &err);
	else if (link->source->kind == SOURCE_SMTP)
		r = enter_mailbox(link, &err);
	if (r == 0)
		return;
	TEXT_COPY(link->words, err.text);
	later_add(&driver_of(link)->later, &link->later, on_deaf);
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
	unsubscribe(link);
	if (link->asking)
		exchange_cancel(&link->call);
	else if (!link->later.queued)
		later_add(&driver_of(link)->later, &link->later, on_link_closed);
}

void telemetry_driver_open(struct telemetry **ret, uv_loop_t *loop, struct exchanges *exchanges)
{
	static const struct telemetry_ops ops = {open_link, ask, close_link};
	struct telemetry_driver *driver = mem_alloc(sizeof(*driver));
	driver->telemetry.ops = &ops;
	driver->exchanges = exchanges;
	later_queue_open(&driver->later, loop);
	mailboxes_open(&driver->mailboxes, loop);
	*ret = &driver->telemetry;
}

static void part_closed(struct telemetry_driver *driver)
{
	if (--driver->parts)
		return;
	void (*closed)(void *) = driver->closed;
	void *data = driver->closed_data;
	free(driver);
	closed(data);
}

static void on_later_closed(struct later_queue *queue)
{
	part_closed(container_of(queue, struct telemetry_driver, later));
}

static void on_mailboxes_closed(void *data)
{
	part_closed(data);
}

void telemetry_driver_close(struct telemetry *telemetry, void (*closed)(void *data), void *data)
{
	struct telemetry_driver *driver = container_of(telemetry, struct telemetry_driver,
						       telemetry);
	driver->closed = closed;
	driver->closed_data = data;
	driver->parts = 2;
	later_queue_close(&driver->later, on_later_closed);
	mailboxes_close(driver->mailboxes, on_mailboxes_closed, driver);
}
