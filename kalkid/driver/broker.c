/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/broker.c - see broker.h. */
#include "driver/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/mem.h"
#include "base/text.h"
#include "driver/secrets.h"
#include "io/mqtt.h"

enum { HOST_BYTES = 256, PORT_PLAIN = 1883, PORT_TLS = 8883, PORT_MAX = 65535 };

struct broker {
	struct mqtt_listener listener;
	struct brokers *brokers;
	struct mqtt *mqtt;
	char *url, *credential, *ca;
	bool connected;
	struct broker_subscription *subscriptions;
	struct broker_publication *publications;
	struct broker *prev, *next;
};

struct brokers {
	uv_loop_t *loop;
	char *secrets;
	struct exchange_from from;
	struct broker *all;
	unsigned ending;  /* connections being closed */
	uv_timer_t timer; /* ends it in a turn of its own */
	bool closing;
	void (*closed)(void *data);
	void *closed_data;
};

/* --- life --- */

static void on_timer_closed(uv_handle_t *handle)
{
	struct brokers *brokers = container_of((uv_timer_t *)handle, struct brokers, timer);
	void (*closed)(void *) = brokers->closed;
	void *data = brokers->closed_data;
	free(brokers->secrets);
	free(brokers);
	closed(data);
}

static void close_when_idle(struct brokers *brokers)
{
	if (brokers->closing && !brokers->all && !brokers->ending)
		uv_close((uv_handle_t *)&brokers->timer, on_timer_closed);
}

static void on_mqtt_closed(void *data)
{
	struct broker *broker = data;
	struct brokers *brokers = broker->brokers;
	free(broker->url);
	free(broker->credential);
	free(broker->ca);
	free(broker);
	brokers->ending--;
	close_when_idle(brokers);
}

static void close_when_unused(struct broker *broker)
{
	struct brokers *brokers = broker->brokers;
	if (broker->subscriptions || broker->publications)
		return;
	DL_DELETE(brokers->all, broker);
	brokers->ending++;
	mqtt_close(broker->mqtt, on_mqtt_closed, broker);
}

void brokers_open(struct brokers **ret, uv_loop_t *loop, const char *secrets,
		  const struct exchange_from *from)
{
	struct brokers *brokers = mem_alloc(sizeof(*brokers));
	brokers->loop = loop;
	brokers->secrets = mem_copy_text(secrets);
	if (from)
		brokers->from = *from;
	uv_timer_init(loop, &brokers->timer);
	*ret = brokers;
}

void brokers_close(struct brokers *brokers, void (*closed)(void *data), void *data)
{
	brokers->closing = true;
	brokers->closed = closed;
	brokers->closed_data = data;
	close_when_idle(brokers);
}

/* --- what the connection says --- */

static int login(struct mqtt_listener *listener, char user[static MQTT_LOGIN_BYTES],
		 char password[static MQTT_LOGIN_BYTES], struct error *err)
{
	struct broker *broker = container_of(listener, struct broker, listener);
	cleanup_secret struct secret secret = {0};
	if (!broker->credential[0])
		return 0;
	int r = secret_read(&secret, broker->brokers->secrets, broker->credential, err);
	if (r < 0)
		return r;
	char *colon = strchr(secret.bytes, ':');
	if (colon)
		*colon = '\0';
	if (!colon || !text_copy(user, MQTT_LOGIN_BYTES, secret.bytes) ||
	    !text_copy(password, MQTT_LOGIN_BYTES, colon + 1))
		return error_set(err, -EINVAL, "credential '%s': user:password is wanted",
				 broker->credential);
	return 0;
}

static void end_publication(struct broker_publication *publication, int result)
{
	struct broker *broker = publication->broker;
	DL_DELETE(broker->publications, publication);
	publication->done(publication, result);
	close_when_unused(broker);
}

static void send_now(struct broker *broker, struct broker_publication *publication)
{
	publication->sent = true;
	int r = mqtt_publish(broker->mqtt, publication->topic, publication->payload,
			     publication->qos, publication->retain, &publication->id);
	if (r < 0)
		end_publication(publication, r);
}

static bool has_filter(const struct broker *broker, const char *filter)
{
	const struct broker_subscription *subscription;
	DL_FOREACH(broker->subscriptions, subscription)
	if (text_equal(subscription->filter, filter))
		return true;
	return false;
}

static void on_connected(struct mqtt_listener *listener)
{
	struct broker *broker = container_of(listener, struct broker, listener);
	struct broker_subscription *subscription;
	struct broker_publication *publication, *next;
	broker->connected = true;
	DL_FOREACH(broker->subscriptions, subscription)
	if (mqtt_subscribe(broker->mqtt, subscription->filter, subscription->qos) < 0)
		subscription->on_lost(subscription, "the broker takes no such topic");
	DL_FOREACH_SAFE(broker->publications, publication, next)
	send_now(broker, publication);
}

static void on_lost(struct mqtt_listener *listener, const char *words)
{
	struct broker *broker = container_of(listener, struct broker, listener);
	struct broker_subscription *subscription, *after;
	struct broker_publication *publication, *next;
	broker->connected = false;
	DL_FOREACH_SAFE(broker->publications, publication, next)
	if (publication->sent)
		end_publication(publication, -EIO);
	DL_FOREACH_SAFE(broker->subscriptions, subscription, after)
	subscription->on_lost(subscription, words);
}

static void on_message(struct mqtt_listener *listener, const char *topic, const char *payload,
		       size_t count)
{
	struct broker *broker = container_of(listener, struct broker, listener);
	struct broker_subscription *subscription, *next;
	DL_FOREACH_SAFE(broker->subscriptions, subscription, next)
	if (mqtt_matches(subscription->filter, topic))
		subscription->on_message(subscription, topic, payload, count);
}

static void on_published(struct mqtt_listener *listener, int id)
{
	struct broker *broker = container_of(listener, struct broker, listener);
	struct broker_publication *publication, *next;
	DL_FOREACH_SAFE(broker->publications, publication, next)
	if (publication->sent && publication->id == id)
		end_publication(publication, 0);
}

/* --- finding --- */

static struct broker *find(const struct brokers *brokers, const struct broker_address *address)
{
	struct broker *broker;
	DL_FOREACH(brokers->all, broker)
	if (text_equal(broker->url, address->url) && text_equal(broker->ca, address->ca) &&
	    text_equal(broker->credential, address->credential))
		return broker;
	return NULL;
}

/* Host and port of "mqtt://host:port", "mqtts://[::1]". */
static int split_url(const char *url, char host[static HOST_BYTES], struct mqtt_config *ret,
		     struct error *err)
{
	const char *at = strstr(url, "://");
	ret->tls = text_starts(url, "mqtts");
	ret->port = ret->tls ? PORT_TLS : PORT_PLAIN;
	at = at ? at + 3 : url;
	bool brackets = *at == '[';
	at += brackets;
	size_t length = strcspn(at, brackets ? "]" : ":");
	const char *rest = at + length + (brackets && at[length]);
	unsigned long port = *rest == ':' ? strtoul(rest + 1, NULL, 10) : ret->port;
	if (!length || length >= HOST_BYTES || !port || port > PORT_MAX)
		return error_set(err, -EINVAL, "%s: is no address of a broker", url);
	memcpy(host, at, length);
	host[length] = '\0';
	ret->host = host;
	ret->port = (unsigned)port;
	return 0;
}

static int take_broker(struct brokers *brokers, const struct broker_address *address,
		       struct broker **ret, struct error *err)
{
	struct mqtt_config config = {.from = exchange_from_for(&brokers->from, address->url)};
	char host[HOST_BYTES];
	*ret = find(brokers, address);
	if (*ret)
		return 0;
	int r = split_url(address->url, host, &config, err);
	if (r == 0 && address->ca[0])
		r = secret_check(brokers->secrets, address->ca, err);
	if (r < 0)
		return r;
	cleanup_free char *ca = mem_printf("%s/%s", brokers->secrets, address->ca);
	config.ca_file = address->ca[0] ? ca : NULL;
	struct broker *broker = mem_alloc(sizeof(*broker));
	broker->brokers = brokers;
	broker->url = mem_copy_text(address->url);
	broker->credential = mem_copy_text(address->credential);
	broker->ca = mem_copy_text(address->ca);
	broker->listener = (struct mqtt_listener){login, on_connected, on_lost, on_message,
						  on_published};
	DL_APPEND(brokers->all, broker);
	mqtt_open(&broker->mqtt, brokers->loop, &config, &broker->listener);
	*ret = broker;
	return 0;
}

/* --- users --- */

int broker_subscribe(struct brokers *brokers, const struct broker_address *address,
		     struct broker_subscription *subscription, struct error *err)
{
	struct broker *broker;
	int r = take_broker(brokers, address, &broker, err);
	if (r < 0)
		return r;
	/* Also where another has the filter: what the broker retains comes again, for this one. */
	if (broker->connected &&
	    mqtt_subscribe(broker->mqtt, subscription->filter, subscription->qos) == -EINVAL) {
		close_when_unused(broker);
		return error_set(err, -EINVAL, "the broker takes no such topic");
	}
	subscription->broker = broker;
	DL_APPEND(broker->subscriptions, subscription);
	return 0;
}

void broker_unsubscribe(struct broker_subscription *subscription)
{
	struct broker *broker = subscription->broker;
	DL_DELETE(broker->subscriptions, subscription);
	if (!has_filter(broker, subscription->filter))
		mqtt_unsubscribe(broker->mqtt, subscription->filter);
	close_when_unused(broker);
}

int broker_publish(struct brokers *brokers, const struct broker_address *address,
		   struct broker_publication *publication, struct error *err)
{
	struct broker *broker;
	int r = take_broker(brokers, address, &broker, err);
	if (r < 0)
		return r;
	publication->broker = broker;
	publication->sent = false;
	DL_APPEND(broker->publications, publication);
	if (broker->connected)
		send_now(broker, publication);
	return 0;
}

void broker_withdraw(struct broker_publication *publication)
{
	struct broker *broker = publication->broker;
	DL_DELETE(broker->publications, publication);
	close_when_unused(broker);
}
