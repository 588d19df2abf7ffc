/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/mqtt.h - one connection to an MQTT broker (libmosquitto on libuv) that comes back by itself.
 *
 * Messages longer than MQTT_PAYLOAD_MAX are left out: a broker of MQTT 5 does not even send them,
 * one of MQTT 3.1.1 may send up to 256 MiB, which are in memory meanwhile. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "base/error.h"

enum {
	MQTT_PAYLOAD_MAX = 256 * 1024,
	MQTT_LOGIN_BYTES = 256,
};

struct mqtt;

struct mqtt_config {
	const char *host;
	unsigned port;
	bool tls;
	const char *ca_file; /* NULL: what the system trusts */
	const char *from;    /* source address; NULL: by route */
};

/* Never from inside a call of this module, but from inside of the library: all but mqtt_close may
 * be called from them. */
struct mqtt_listener {
	/* User and password for the next connection, "" for none; -errno: none is tried now. */
	int (*login)(struct mqtt_listener *listener, char user[static MQTT_LOGIN_BYTES],
		     char password[static MQTT_LOGIN_BYTES], struct error *err);
	void (*on_connected)(struct mqtt_listener *listener);
	/* It broke, or could not be made; it is tried again by itself. */
	void (*on_lost)(struct mqtt_listener *listener, const char *words);
	void (*on_message)(struct mqtt_listener *listener, const char *topic, const char *payload,
			   size_t count);
	void (*on_published)(struct mqtt_listener *listener, int id);
};

/* The texts are copied. */
void mqtt_open(struct mqtt **ret, uv_loop_t *loop, const struct mqtt_config *config,
	       struct mqtt_listener *listener);
/* Nothing of the listener is called any more; `closed` runs once. */
void mqtt_close(struct mqtt *mqtt, void (*closed)(void *data), void *data);

/* While connected.  -EINVAL for what MQTT does not allow, -EIO when it breaks. */
int mqtt_subscribe(struct mqtt *mqtt, const char *filter, unsigned qos) must_check;
void mqtt_unsubscribe(struct mqtt *mqtt, const char *filter);
/* `ret_id` is what on_published says when it was sent (qos 0) or confirmed. */
int mqtt_publish(struct mqtt *mqtt, const char *topic, const char *payload, unsigned qos,
		 bool retain, int *ret_id) must_check;
bool mqtt_matches(const char *filter, const char *topic);
