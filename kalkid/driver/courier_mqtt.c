/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/courier_mqtt.c - a notice as a message at an MQTT broker, or a device's state as retained
 * ones. */
#include <stdlib.h>

#include "base/mem.h"
#include "codec/discovery.h"
#include "codec/notice_json.h"
#include "driver/broker.h"
#include "driver/courier_inner.h"

struct message {
	struct broker_publication publication;
	struct packet *packet;
	char *topic, *payload;
	bool open;
};

/* What is published for one notice; it ends with its timer. */
struct packet {
	struct delivery *delivery;
	struct message messages[DISCOVERY_MESSAGES];
	unsigned count, open;
	bool started; /* all of them */
	uv_timer_t timer;
	int result;
	struct error err;
};

static void on_closed(uv_handle_t *handle)
{
	struct packet *packet = container_of((uv_timer_t *)handle, struct packet, timer);
	for (unsigned i = 0; i < packet->count; i++) {
		free(packet->messages[i].topic);
		free(packet->messages[i].payload);
	}
	packet->delivery->own = NULL;
	packet->delivery->done(packet->delivery, packet->result, &packet->err);
	free(packet);
}

/* In a turn of its own, by the close of its timer. */
static void end(struct packet *packet, int result, const char *words)
{
	if (uv_is_closing((uv_handle_t *)&packet->timer))
		return;
	for (unsigned i = 0; i < packet->count; i++)
		if (packet->messages[i].open)
			broker_withdraw(&packet->messages[i].publication);
	packet->result = result;
	if (result < 0 && words && !packet->err.text[0])
		error_set(&packet->err, result, "%s", words);
	uv_close((uv_handle_t *)&packet->timer, on_closed);
}

static void on_published(struct broker_publication *publication, int result)
{
	struct message *message = container_of(publication, struct message, publication);
	struct packet *packet = message->packet;
	message->open = false;
	packet->open--;
	/* The others end too before it is over: nothing may be withdrawn from inside here. */
	if (result == -EINVAL)
		packet->result = error_set(&packet->err, -EBADMSG,
					   "the broker takes no such message");
	else if (result < 0)
		packet->result = error_set(&packet->err, result,
					   "the connection to the broker broke");
	if (!packet->open && packet->started)
		end(packet, packet->result, NULL);
}

static void on_timer(uv_timer_t *timer)
{
	end(container_of(timer, struct packet, timer), -ETIMEDOUT,
	    "the broker did not confirm it in time");
}

static void write_messages(struct packet *packet, const struct notifier *notifier,
			   const struct notice *notice)
{
	struct discovery_message shown[DISCOVERY_MESSAGES];
	if (notice->kind != NOTICE_STATE) {
		packet->messages[0].topic = mem_printf("%s/%s/notice", notifier->topic,
						       notice->instance);
		packet->messages[0].payload = notice_json(notice);
		packet->count = 1;
		return;
	}
	discovery_write(shown, notifier, notice);
	for (; packet->count < DISCOVERY_MESSAGES; packet->count++) {
		packet->messages[packet->count].topic = shown[packet->count].topic;
		packet->messages[packet->count].payload = shown[packet->count].payload;
		packet->messages[packet->count].publication.retain = true;
	}
}

static int publish(struct packet *packet, struct brokers *brokers, const struct notifier *notifier)
{
	struct broker_address address = {notifier->url, notifier->credential, notifier->ca};
	int r = 0;
	for (unsigned i = 0; i < packet->count && r == 0; i++) {
		struct message *message = &packet->messages[i];
		message->packet = packet;
		message->open = true;
		packet->open++;
		message->publication.topic = message->topic;
		message->publication.payload = message->payload;
		message->publication.qos = 1;
		message->publication.done = on_published;
		r = broker_publish(brokers, &address, &message->publication, &packet->err);
		if (r < 0)
			message->open = false;
	}
	return r;
}

void courier_send_mqtt(struct courier *courier, const struct notifier *notifier,
		       const struct notice *notice, struct delivery *delivery)
{
	struct packet *packet = mem_alloc(sizeof(*packet));
	packet->delivery = delivery;
	delivery->own = packet;
	uv_timer_init(courier->loop, &packet->timer);
	uv_timer_start(&packet->timer, on_timer, (uint64_t)(notifier->timeout_us / 1000), 0);
	write_messages(packet, notifier, notice);
	int r = publish(packet, courier->brokers, notifier);
	packet->started = true;
	if (r < 0 || !packet->open)
		end(packet, r < 0 ? r : packet->result, "the broker cannot be reached");
}

void courier_cancel_mqtt(struct delivery *delivery)
{
	end(delivery->own, -ECANCELED, "cancelled");
}
