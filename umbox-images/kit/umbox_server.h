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
 * it is acknowledged.  All is bounded: connections, bytes, the time that one may last. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "umbox_frame.h"

enum {
	UMBOX_SERVER_CONNECTIONS_MAX = 128,  /* the one that was silent for the longest time goes */
	UMBOX_SERVER_SAID_BYTES = 64 * 1024, /* said on one connection, and not acknowledged */
	UMBOX_SERVER_SILENCE_US = 10 * 1000 * 1000, /* of the client; also to take what was said */
	UMBOX_SERVER_LIFE_US = 60 * 1000 * 1000,    /* of a connection */
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
	void *user;
	size_t own_bytes;
};

struct umbox_server_counts {
	uint64_t opened, pushed_out, refused; /* refused: segments of no connection */
};

struct umbox_server *umbox_server_new(const struct umbox_service *service);
/* Without a word to the clients. */
void umbox_server_free(struct umbox_server *server);
/* Takes a frame of a client; what is no whole TCP segment is ignored. */
void umbox_server_take(struct umbox_server *server, const struct umbox_frame *frame,
		       const struct umbox_headers *headers);
/* Does what is due; returns when it is to be called again, INT64_MAX: not before a frame. */
int64_t umbox_server_time(struct umbox_server *server, int64_t now_us);

/* For on_bytes: what is said leaves when it returns.  False when it does not fit: none of it was
 * taken. */
bool umbox_server_say(struct umbox_peer *peer, const void *bytes, size_t count);
/* The connection ends behind what was said. */
void umbox_server_finish(struct umbox_peer *peer);
const struct umbox_server_counts *umbox_server_counts(const struct umbox_server *server);
