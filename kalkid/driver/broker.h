/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/broker.h - MQTT brokers that are listened to and published at: one connection for all
 * users with the same address and credential, while there is one. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "core/exchange.h"

struct brokers;
struct broker;

/* Where, and as whom; all names of secrets may be "". */
struct broker_address {
	const char *url;        /* mqtt://host:port or mqtts://host:port */
	const char *credential; /* "user:password" */
	const char *ca;
};

struct broker_subscription {
	/* Set by the user; the texts stay. */
	const char *filter;
	unsigned qos;
	void (*on_message)(struct broker_subscription *subscription, const char *topic,
			   const char *payload, size_t count);
	/* The broker cannot be reached, for each attempt. */
	void (*on_lost)(struct broker_subscription *subscription, const char *words);
	/* Theirs who carry it out. */
	struct broker *broker;
	struct broker_subscription *prev, *next;
};

struct broker_publication {
	/* Set by the user; the texts stay. */
	const char *topic, *payload;
	unsigned qos;
	bool retain;
	/* Once, unless it is withdrawn before: 0 when it was sent (qos 0) or confirmed; -EIO when
	 * the connection broke with it under way, -EINVAL for what MQTT does not allow. */
	void (*done)(struct broker_publication *publication, int result);
	/* Theirs who carry it out. */
	struct broker *broker;
	int id;
	bool sent;
	struct broker_publication *prev, *next;
};

/* `secrets` and `from` (NULL: by route) are copied. */
void brokers_open(struct brokers **ret, uv_loop_t *loop, const char *secrets,
		  const struct exchange_from *from);
/* Every user is gone; `closed` runs once. */
void brokers_close(struct brokers *brokers, void (*closed)(void *data), void *data);

int broker_subscribe(struct brokers *brokers, const struct broker_address *address,
		     struct broker_subscription *subscription, struct error *err) must_check;
void broker_unsubscribe(struct broker_subscription *subscription);
/* Waits for the connection as long as the user does. */
int broker_publish(struct brokers *brokers, const struct broker_address *address,
		   struct broker_publication *publication, struct error *err) must_check;
void broker_withdraw(struct broker_publication *publication);
