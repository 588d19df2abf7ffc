/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/exchange_file.h - exchanges in a type's file: the keys that sources and commands share.
 *
 *	http: {method: PUT, url: "http://{ip}/api", headers: {A: b}, body: "...", credential: NAME,
 *	       login: basic | digest | bearer, ca: NAME, pin: "sha256//...", verify: false}
 *	mqtt: {broker: "mqtts://host:8883", topic: "{device}/set", payload: "ON", qos: 1,
 *	       retain: false, credential: NAME, ca: NAME}
 *	ssh: {user: root, host: "{ip}", port: 22, command: [cat, /sys/...], credential: NAME}
 *	program: {command: [/usr/lib/kalki/probe, "{ip}"]}
 *	timeout: 5s
 *
 * Where the URL, a header or the body of HTTP holds {credential}, it is filled in and is no
 * login.  A device that needs another credential than the rest of its type has it in a secret named
 * NAME@device. */
#pragma once

#include "codec/fields.h"
#include "core/exchange.h"

#define EXCHANGE_TIMEOUT_MIN_US      ((int64_t)10 * 1000)
#define EXCHANGE_TIMEOUT_MAX_US      ((int64_t)300 * 1000000)
#define EXCHANGE_TIMEOUT_STANDARD_US ((int64_t)5 * 1000000)

/* Lines of a table whose struct begins with its exchange; `timeout` of none stays 0, which whoever
 * reads replaces by EXCHANGE_TIMEOUT_STANDARD_US. */
#define EXCHANGE_FIELD_HTTP                                                   \
	{                                                                     \
		"http", FIELD_OTHER, .read = exchange_read_http,              \
				     .about = "a request over HTTP or HTTPS", \
				     .describe = exchange_describe_http       \
	}
#define EXCHANGE_FIELD_MQTT                                                  \
	{                                                                    \
		"mqtt", FIELD_OTHER, .read = exchange_read_mqtt,             \
				     .about = "a message to an MQTT broker", \
				     .describe = exchange_describe_mqtt      \
	}
#define EXCHANGE_FIELD_SSH                                                                    \
	{                                                                                     \
		"ssh", FIELD_OTHER, .read = exchange_read_ssh, .about = "a command over SSH", \
				    .describe = exchange_describe_ssh                         \
	}
#define EXCHANGE_FIELD_PROGRAM                                                \
	{                                                                     \
		"program", FIELD_OTHER, .read = exchange_read_program,        \
					.about = "a program on this host",    \
					.describe = exchange_describe_program \
	}
#define EXCHANGE_FIELD_TIMEOUT                                                          \
	{                                                                               \
		"timeout", FIELD_DURATION, FIELD_AT(struct exchange, timeout_us),       \
			.min = EXCHANGE_TIMEOUT_MIN_US, .max = EXCHANGE_TIMEOUT_MAX_US, \
			.about = "how long an answer is waited for"                     \
	}

/* Readers for such tables; `target` is the exchange.  A second form in one place is complained
 * of. */
void exchange_read_http(struct reading *reading, const struct document_node *node, void *target);
void exchange_read_mqtt(struct reading *reading, const struct document_node *node, void *target);
void exchange_read_ssh(struct reading *reading, const struct document_node *node, void *target);
void exchange_read_program(struct reading *reading, const struct document_node *node, void *target);

/* An owned copy of a text of one line with good placeholders, or NULL and a complaint. */
char *exchange_read_text(struct reading *reading, const struct document_node *node, size_t max);
/* "mqtt://host:1883" or "mqtts://host". */
void exchange_read_broker(struct reading *reading, const struct document_node *node, void *target);

/* The same for editors: see codec/schema.h. */
json_t *exchange_describe_http(void);
json_t *exchange_describe_mqtt(void);
json_t *exchange_describe_ssh(void);
json_t *exchange_describe_program(void);
json_t *exchange_describe_broker(void);
