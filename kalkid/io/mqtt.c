/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/mqtt.c - see mqtt.h.  Beginning a connection may look a name up, which blocks: that alone is
 * done by a thread of libuv's, which has the library's object to itself meanwhile. */
#include "io/mqtt.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <sodium.h>

#include "base/mem.h"
#include "base/text.h"

enum {
	KEEPALIVE_S = 30,
	CONNECT_TIMEOUT_MS = 10000,
	MISC_EVERY_MS = 5000,
	RETRY_MS = 1000,
	RETRY_DOUBLINGS_MAX = 6,
	PACKET_MAX = MQTT_PAYLOAD_MAX + 64 * 1024 + 16, /* with the longest topic */
};

enum mqtt_state {
	MQTT_WAITING,    /* to try again */
	MQTT_BEGINNING,  /* in the thread */
	MQTT_CONNECTING, /* until the broker has said yes */
	MQTT_CONNECTED,
	MQTT_CLOSING,
};

/* The socket of the connection; freed in its close callback. */
struct watch {
	uv_poll_t poll;
	struct mqtt *mqtt;
};

struct mqtt {
	uv_loop_t *loop;
	struct mqtt_listener *listener;
	struct mosquitto *mosquitto;
	char *host, *ca_file, *from;
	unsigned port;
	bool tls;
	bool old; /* MQTT 3.1.1: brokers of before MQTT 5 refuse that */
	enum mqtt_state state;
	unsigned failures;
	uv_timer_t timer;
	uv_work_t work;
	int begun; /* what beginning came to */
	int os_errno;
	bool working;
	int refused; /* the broker's reason, 0 for none */
	struct watch *watch;
	unsigned handles;
	void (*closed)(void *data);
	void *closed_data;
};

/* The first connection that asks for TLS makes the library ready for it, in whichever thread that
 * is; it is not prepared for two at once. */
static uv_once_t library_once = UV_ONCE_INIT;
static uv_mutex_t first_tls;
static atomic_bool tls_ready;

static void on_timer(uv_timer_t *timer);
static void end_when_closing(struct mqtt *mqtt);

/* --- the socket --- */

static void handle_closed(struct mqtt *mqtt)
{
	if (--mqtt->handles)
		return;
	void (*closed)(void *) = mqtt->closed;
	void *data = mqtt->closed_data;
	free(mqtt->host);
	free(mqtt->ca_file);
	free(mqtt->from);
	free(mqtt);
	closed(data);
}

static void on_watch_closed(uv_handle_t *handle)
{
	struct watch *watch = container_of((uv_poll_t *)handle, struct watch, poll);
	struct mqtt *mqtt = watch->mqtt;
	free(watch);
	handle_closed(mqtt);
}

static void drop_connection(struct mqtt *mqtt)
{
	if (mqtt->watch)
		uv_close((uv_handle_t *)&mqtt->watch->poll, on_watch_closed);
	mqtt->watch = NULL;
	mosquitto_destroy(mqtt->mosquitto);
	mqtt->mosquitto = NULL;
}

static void lost(struct mqtt *mqtt, const char *words)
{
	drop_connection(mqtt);
	if (mqtt->state == MQTT_CONNECTING)
		mqtt->old = !mqtt->old;
	mqtt->state = MQTT_WAITING;
	unsigned doublings = min_of(mqtt->failures, (unsigned)RETRY_DOUBLINGS_MAX);
	mqtt->failures++;
	uv_timer_start(&mqtt->timer, on_timer, (uint64_t)RETRY_MS << doublings, 0);
	mqtt->listener->on_lost(mqtt->listener, words);
}

static void lost_by(struct mqtt *mqtt, int code)
{
	char words[160];
	const char *why = code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code);
	if (mqtt->refused)
		why = mqtt->old ? mosquitto_connack_string(mqtt->refused)
				: mosquitto_reason_string(mqtt->refused);
	snprintf(words, sizeof(words), "broker %s:%u: %s", mqtt->host, mqtt->port, why);
	lost(mqtt, words);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void arm(struct mqtt *mqtt)
{
	int events = UV_READABLE | (mosquitto_want_write(mqtt->mosquitto) ? UV_WRITABLE : 0);
	if (mqtt->watch)
		uv_poll_start(&mqtt->watch->poll, events, on_poll);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct mqtt *mqtt = container_of(poll, struct watch, poll)->mqtt;
	int code = MOSQ_ERR_SUCCESS;
	if (status < 0 || events & UV_READABLE)
		code = mosquitto_loop_read(mqtt->mosquitto, 1);
	if (code == MOSQ_ERR_SUCCESS && events & UV_WRITABLE)
		code = mosquitto_loop_write(mqtt->mosquitto, 1);
	if (mqtt->state == MQTT_CLOSING)
		return; /* the timer ends it */
	if (code == MOSQ_ERR_SUCCESS && mosquitto_socket(mqtt->mosquitto) < 0)
		code = MOSQ_ERR_CONN_LOST;
	if (code == MOSQ_ERR_SUCCESS)
		arm(mqtt);
	else
		lost_by(mqtt, code);
}

/* --- what the library says --- */

static void on_connect(struct mosquitto *mosquitto maybe_unused, void *data, int code)
{
	struct mqtt *mqtt = data;
	mqtt->refused = code;
	if (code || mqtt->state != MQTT_CONNECTING)
		return;
	mqtt->state = MQTT_CONNECTED;
	if (mqtt->tls)
		atomic_store(&tls_ready, true);
	mqtt->failures = 0;
	uv_timer_start(&mqtt->timer, on_timer, MISC_EVERY_MS, MISC_EVERY_MS);
	mqtt->listener->on_connected(mqtt->listener);
}

static void on_message(struct mosquitto *mosquitto maybe_unused, void *data,
		       const struct mosquitto_message *message)
{
	struct mqtt *mqtt = data;
	if (mqtt->state == MQTT_CONNECTED && message->payloadlen <= MQTT_PAYLOAD_MAX)
		mqtt->listener->on_message(mqtt->listener, message->topic,
					   message->payloadlen ? message->payload : "",
					   (size_t)message->payloadlen);
}

static void on_publish(struct mosquitto *mosquitto maybe_unused, void *data, int id)
{
	struct mqtt *mqtt = data;
	if (mqtt->state == MQTT_CONNECTED)
		mqtt->listener->on_published(mqtt->listener, id);
}

/* --- connecting --- */

static void work(uv_work_t *request)
{
	struct mqtt *mqtt = container_of(request, struct mqtt, work);
	bool alone = mqtt->tls && !atomic_load(&tls_ready);
	if (alone)
		uv_mutex_lock(&first_tls);
	mqtt->begun = mosquitto_connect_bind_async(mqtt->mosquitto, mqtt->host, (int)mqtt->port,
						   KEEPALIVE_S, mqtt->from);
	mqtt->os_errno = errno;
	if (alone)
		uv_mutex_unlock(&first_tls);
}

static void on_worked(uv_work_t *request, int status maybe_unused)
{
	struct mqtt *mqtt = container_of(request, struct mqtt, work);
	mqtt->working = false;
	if (mqtt->state == MQTT_CLOSING) {
		end_when_closing(mqtt);
		return;
	}
	int fd = mosquitto_socket(mqtt->mosquitto);
	errno = mqtt->os_errno;
	if (mqtt->begun != MOSQ_ERR_SUCCESS || fd < 0) {
		lost_by(mqtt, mqtt->begun ? mqtt->begun : MOSQ_ERR_NO_CONN);
		return;
	}
	mqtt->watch = mem_alloc(sizeof(*mqtt->watch));
	mqtt->watch->mqtt = mqtt;
	mqtt->handles++;
	uv_poll_init(mqtt->loop, &mqtt->watch->poll, fd);
	mqtt->state = MQTT_CONNECTING;
	uv_timer_start(&mqtt->timer, on_timer, CONNECT_TIMEOUT_MS, 0);
	/* Writable also says that it is connected now, and then the library has something to
	 * write. */
	uv_poll_start(&mqtt->watch->poll, UV_READABLE | UV_WRITABLE, on_poll);
}

static int set_login(struct mqtt *mqtt, struct error *err)
{
	char user[MQTT_LOGIN_BYTES] = "", password[MQTT_LOGIN_BYTES] = "";
	int r = mqtt->listener->login(mqtt->listener, user, password, err);
	if (r == 0 && user[0] &&
	    mosquitto_username_pw_set(mqtt->mosquitto, user, password) != MOSQ_ERR_SUCCESS)
		r = error_set(err, -EINVAL, "broker %s: the login is no text", mqtt->host);
	sodium_memzero(password, sizeof(password));
	return r;
}

static int set_tls(const struct mqtt *mqtt, struct error *err)
{
	int code = MOSQ_ERR_SUCCESS;
	if (mqtt->tls && mqtt->ca_file)
		code = mosquitto_tls_set(mqtt->mosquitto, mqtt->ca_file, NULL, NULL, NULL, NULL);
	else if (mqtt->tls)
		code = mosquitto_int_option(mqtt->mosquitto, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
	if (code == MOSQ_ERR_SUCCESS)
		return 0;
	return error_set(err, -EINVAL, "broker %s: TLS: %s", mqtt->host, mosquitto_strerror(code));
}

/* Asks the broker, in MQTT 5, to leave out what is longer than we take: the library would read any
 * length into memory.  It takes properties only with its call that blocks; without a host that one
 * keeps them and refuses, and they go out with the call that does not block. */
static void limit_packets(struct mqtt *mqtt)
{
	mosquitto_property *properties = NULL;
	if (mqtt->old || mosquitto_int_option(mqtt->mosquitto, MOSQ_OPT_PROTOCOL_VERSION,
					      MQTT_PROTOCOL_V5) != MOSQ_ERR_SUCCESS)
		return;
	if (mosquitto_property_add_int32(&properties, MQTT_PROP_MAXIMUM_PACKET_SIZE, PACKET_MAX))
		abort();
	(void)mosquitto_connect_bind_v5(mqtt->mosquitto, NULL, 0, KEEPALIVE_S, NULL, properties);
	mosquitto_property_free_all(&properties);
}

static void begin(struct mqtt *mqtt)
{
	struct error err = {0};
	mqtt->mosquitto = mosquitto_new(NULL, true, mqtt);
	if (!mqtt->mosquitto)
		abort();
	mqtt->refused = 0;
	mosquitto_connect_callback_set(mqtt->mosquitto, on_connect);
	mosquitto_message_callback_set(mqtt->mosquitto, on_message);
	mosquitto_publish_callback_set(mqtt->mosquitto, on_publish);
	if (set_login(mqtt, &err) < 0 || set_tls(mqtt, &err) < 0) {
		lost(mqtt, err.text);
		return;
	}
	limit_packets(mqtt);
	mqtt->state = MQTT_BEGINNING;
	mqtt->working = true;
	uv_queue_work(mqtt->loop, &mqtt->work, work, on_worked);
}

static void on_timer(uv_timer_t *timer)
{
	struct mqtt *mqtt = container_of(timer, struct mqtt, timer);
	int code;
	switch (mqtt->state) {
	case MQTT_WAITING: begin(mqtt); break;
	case MQTT_BEGINNING: break;
	case MQTT_CONNECTING: lost_by(mqtt, MOSQ_ERR_KEEPALIVE); break;
	case MQTT_CONNECTED:
		code = mosquitto_loop_misc(mqtt->mosquitto);
		if (mqtt->state == MQTT_CLOSING)
			break;
		if (code == MOSQ_ERR_SUCCESS)
			arm(mqtt);
		else
			lost_by(mqtt, code);
		break;
	case MQTT_CLOSING: end_when_closing(mqtt); break;
	}
}

/* --- life --- */

static void on_timer_closed(uv_handle_t *handle)
{
	handle_closed(container_of((uv_timer_t *)handle, struct mqtt, timer));
}

static void end_when_closing(struct mqtt *mqtt)
{
	if (mqtt->working || uv_is_closing((uv_handle_t *)&mqtt->timer))
		return;
	if (mqtt->mosquitto)
		mosquitto_disconnect(mqtt->mosquitto);
	drop_connection(mqtt);
	uv_close((uv_handle_t *)&mqtt->timer, on_timer_closed);
}

/* Never ended: whenever the library begins anew it loses what it had for TLS. */
static void begin_library(void)
{
	mosquitto_lib_init();
	if (uv_mutex_init(&first_tls))
		abort();
}

void mqtt_open(struct mqtt **ret, uv_loop_t *loop, const struct mqtt_config *config,
	       struct mqtt_listener *listener)
{
	struct mqtt *mqtt = mem_alloc(sizeof(*mqtt));
	uv_once(&library_once, begin_library);
	mqtt->loop = loop;
	mqtt->listener = listener;
	mqtt->host = mem_copy_text(config->host);
	mqtt->ca_file = mem_copy_text(config->ca_file);
	mqtt->from = mem_copy_text(config->from);
	mqtt->port = config->port;
	mqtt->tls = config->tls;
	mqtt->handles = 1;
	uv_timer_init(loop, &mqtt->timer);
	uv_timer_start(&mqtt->timer, on_timer, 0, 0);
	*ret = mqtt;
}

/* The library may be in one of its callbacks now: it is ended in a turn of its own. */
void mqtt_close(struct mqtt *mqtt, void (*closed)(void *data), void *data)
{
	mqtt->state = MQTT_CLOSING;
	mqtt->closed = closed;
	mqtt->closed_data = data;
	uv_timer_start(&mqtt->timer, on_timer, 0, 0);
}

static int result_of(struct mqtt *mqtt, int code)
{
	switch (code) {
	case MOSQ_ERR_SUCCESS: arm(mqtt); return 0;
	case MOSQ_ERR_INVAL:
	case MOSQ_ERR_MALFORMED_UTF8:
	case MOSQ_ERR_PAYLOAD_SIZE: return -EINVAL;
	default: return -EIO;
	}
}

int mqtt_subscribe(struct mqtt *mqtt, const char *filter, unsigned qos)
{
	return result_of(mqtt, mosquitto_subscribe(mqtt->mosquitto, NULL, filter, (int)qos));
}

void mqtt_unsubscribe(struct mqtt *mqtt, const char *filter)
{
	if (mqtt->state == MQTT_CONNECTED)
		(void)result_of(mqtt, mosquitto_unsubscribe(mqtt->mosquitto, NULL, filter));
}

int mqtt_publish(struct mqtt *mqtt, const char *topic, const char *payload, unsigned qos,
		 bool retain, int *ret_id)
{
	return result_of(mqtt, mosquitto_publish(mqtt->mosquitto, ret_id, topic,
						 (int)strlen(payload), payload, (int)qos, retain));
}

bool mqtt_matches(const char *filter, const char *topic)
{
	bool matches = false;
	return mosquitto_topic_matches_sub(filter, topic, &matches) == MOSQ_ERR_SUCCESS && matches;
}
