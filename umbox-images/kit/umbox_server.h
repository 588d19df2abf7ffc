/* SPDX-License-Identifier: Apache-2.0 */
/* umbox_server.h - answers TCP connections in the device's name, out of the umbox: for a login
 * before the device, or a device that is not there.
 *
 *     struct umbox_server *server = umbox_server_new(&service);
 *     umbox_server_take(server, frame, &headers);               in on_frame, then UMBOX_DROP
 *     umbox_wake_at(umbox, umbox_server_time(server, now_us));  after it, and in on_time
 *
 * Nothing is kept of a connection before its handshake is whole: its sequence number is a cookie
 * (RFC 4987), so a flood of SYNs costs an answer each and no memory.  Segments are taken in order
 * and acknowledged at once, others are sent again by the client; what was said is sent again until
 * it is acknowledged.  All is bounded: connections, bytes, the time that one may last.
 *
 * Once it knows who asks, a service may let a client through: umbox_server_dial opens a connection
 * to the device in the client's name, and both are led into each other, so that the service sees
 * what the client says before the device does. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "umbox_frame.h"

enum {
	/* Beyond, the source that holds most loses the one that was silent for the longest time;
	 * all of an IPv6 /64 are one source.  Those that were led on to the device go last. */
	UMBOX_SERVER_CONNECTIONS_MAX = 80,
	UMBOX_SERVER_SAID_BYTES = 64 * 1024, /* said on one connection, and not acknowledged */
	UMBOX_SERVER_SILENCE_US = 10 * 1000 * 1000, /* of the client; also to take what was said */
	UMBOX_SERVER_LIFE_US = 60 * 1000 * 1000,    /* of a connection */
	/* Of one that was led on to the device: what either side has said and the other has not
	 * taken, and the silence of both. */
	UMBOX_RELAY_BYTES = 16 * 1024,
	UMBOX_RELAY_SILENCE_US = 60 * 1000 * 1000,
};

struct umbox_server;

/* One connection. */
struct umbox_peer {
	struct umbox_server *server;
	struct umbox_ip client, device;
	uint16_t client_port, device_port;
	void *own; /* `own_bytes` of yours, zeroed */
};

struct umbox_service {
	/* The client's next bytes; not called once umbox_server_finish was. */
	void (*on_bytes)(struct umbox_peer *peer, const uint8_t *bytes, size_t count,
			 int64_t now_us, void *user);
	/* The last call for a connection, whose `own` goes now; may be NULL. */
	void (*on_close)(struct umbox_peer *peer, void *user);
	/* Sends a frame toward the client. */
	void (*send)(const struct umbox_frame *frame, void *user);
	/* The next three are for services that dial.  Sends a frame toward the device. */
	void (*send_in)(const struct umbox_frame *frame, void *user);
	/* The device has taken the connection, or has not; what is said to the client now leaves
	 * before what the device says. */
	void (*on_dialed)(struct umbox_peer *peer, bool taken, int64_t now_us, void *user);
	int64_t relay_life_us; /* 0: UMBOX_SERVER_LIFE_US */
	void *user;
	size_t own_bytes;
};

struct umbox_server *umbox_server_new(const struct umbox_service *service);
/* Without a word to the clients. */
void umbox_server_free(struct umbox_server *server);
/* Takes a frame of a client; what is no whole TCP segment is ignored. */
void umbox_server_take(struct umbox_server *server, const struct umbox_frame *frame,
		       const struct umbox_headers *headers);
/* Takes a frame of the device if it belongs to a connection that was dialed; false: it does not. */
bool umbox_server_take_reply(struct umbox_server *server, const struct umbox_frame *frame,
			     const struct umbox_headers *headers);
/* Does what is due; returns when it is to be called again, INT64_MAX: not before a frame. */
int64_t umbox_server_time(struct umbox_server *server, int64_t now_us);

/* For on_bytes: what is said leaves when it returns.  False when it does not fit: none of it was
 * taken. */
bool umbox_server_say(struct umbox_peer *peer, const void *bytes, size_t count);
/* The connection ends behind what was said. */
void umbox_server_finish(struct umbox_peer *peer);
/* For on_bytes, once a connection: opens one to the device at `port`, from the client's address and
 * port.  What the device says goes to the client, and the end of each is the end of the other. */
void umbox_server_dial(struct umbox_peer *peer, uint16_t port, int64_t now_us);
/* Says to the device, once dialed.  False when it does not fit: none of it was taken.  What
 * on_bytes was given always fits. */
bool umbox_server_pass_on(struct umbox_peer *peer, const void *bytes, size_t count);
