/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/exchange.h - one request to a device or a service, as data: how telemetry asks and commands
 * tell.
 *
 * Texts may hold the placeholders {ip}, {device}, {mac} and {type}; they are filled in when the
 * exchange is carried out (driver/exchange.h).  The URL, the headers and the body of an HTTP
 * request may hold {credential} too. */
#pragma once

#include "base/text.h"
#include "core/device.h"

enum {
	EXCHANGE_METHOD_BYTES = 16,
	EXCHANGE_HEADERS_MAX = 16,
	EXCHANGE_ARGUMENTS_MAX = 32,
	EXCHANGE_TEXT_BYTES = 1024, /* a URL, a topic, a header, an argument */
	EXCHANGE_BODY_BYTES = 16 * 1024,
};

enum exchange_kind {
	EXCHANGE_NONE,
	EXCHANGE_HTTP,
	EXCHANGE_MQTT, /* publishes one message */
	EXCHANGE_SSH,
	EXCHANGE_PROGRAM,
	EXCHANGE_KIND_COUNT,
};
/* The keys of the operator's files; the first is "none". */
extern const char *const EXCHANGE_KIND_NAMES[EXCHANGE_KIND_COUNT + 1];

/* What the credential is to an HTTP server. */
enum exchange_login {
	EXCHANGE_LOGIN_BASIC,
	EXCHANGE_LOGIN_DIGEST,
	EXCHANGE_LOGIN_BEARER,
	EXCHANGE_LOGIN_COUNT,
};
extern const char *const EXCHANGE_LOGIN_NAMES[EXCHANGE_LOGIN_COUNT + 1];

/* Texts are owned; NULL where nothing was given. */
struct exchange {
	enum exchange_kind kind;
	int64_t timeout_us;
	char credential[NAME_BYTES]; /* name of a secret; "" for none */
	bool credential_in_text;     /* it is filled in, and no login */
	char ca[NAME_BYTES];         /* name of a secret with the certificates to trust; "": the
				      * system's */
	/* HTTP: the URL; MQTT: the broker, mqtt://host:port or mqtts://host:port. */
	char *url;
	char method[EXCHANGE_METHOD_BYTES];
	enum exchange_login login;
	bool verify; /* the server's certificate */
	char *pin;   /* "sha256//...": the only public key that the server may have */
	char *header_names[EXCHANGE_HEADERS_MAX], *header_values[EXCHANGE_HEADERS_MAX];
	unsigned header_count;
	char *body; /* of the HTTP request or the MQTT message */
	/* MQTT. */
	char *topic;
	unsigned qos;
	bool retain;
	/* SSH. */
	char user[NAME_BYTES];
	char *host; /* NULL: {ip} */
	unsigned port;
	/* SSH and program: an argument each; no shell looks at them. */
	char *arguments[EXCHANGE_ARGUMENTS_MAX];
	unsigned argument_count;
};

void exchange_done(struct exchange *exchange);

/* The machine's own addresses that exchanges go out from; "": by route. */
struct exchange_from {
	char ip4[IP_TEXT_BYTES], ip6[IP_TEXT_BYTES];
};
/* The one that fits `where`, a host or the URL of one, NULL for none.  A name counts as IPv4. */
const char *exchange_from_for(const struct exchange_from *from, const char *where);

/* Where a text stands decides how what is filled in is written. */
enum exchange_place {
	EXCHANGE_IN_URL, /* IPv6 addresses in brackets, a credential percent-encoded */
	EXCHANGE_IN_TEXT,
	EXCHANGE_PLACE_COUNT,
};

/* Appends `text` with the placeholders filled in.  -EADDRNOTAVAIL when it wants the address of a
 * device that has none; -EINVAL when it wants a credential that is NULL or holds control
 * characters.  No error holds the credential. */
int exchange_fill(struct buffer *ret, const char *text, enum exchange_place place,
		  const struct device_identity *device, const char *credential,
		  struct error *err) must_check;
/* Whether it goes to the address of the device that it is for; what a program does is not known. */
bool exchange_names_device(const struct exchange *exchange);
/* Whether the text has the placeholder; NULL has none. */
bool exchange_has_credential(const char *text);
/* Finds a {word} that is no placeholder, or {credential}: its offset and the word without braces,
 * or false. */
bool exchange_find_unknown(const char *text, size_t *ret_offset, char word[static NAME_BYTES]);
/* All of them but the credential, the last is NULL. */
extern const char *const EXCHANGE_PLACEHOLDERS[];
