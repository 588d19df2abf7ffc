/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - the connections of umbox_server.h.  Names of RFC 9293: `received` is RCV.NXT, `acked`
 * SND.UNA, `sent` SND.NXT.
 *
 *   server.c        segments and time
 *   server_open.c   how a client's connection begins
 *   server_relay.c  how one to the device begins, and how both are led into each other
 */
#pragma once

#include "segment.h"
#include "umbox_server.h"

enum {
	/* What everybody takes who told nothing else, and fits every way (RFC 9293, 3.7.1). */
	SERVER_SEGMENT4_BYTES = 536,
	SERVER_SEGMENT6_BYTES = 1220,
	SERVER_WINDOW_BYTES = 16 * 1024,
	SERVER_AGAIN_US = 300 * 1000,
	SERVER_TRIES_MAX = 6,
};

struct connection {
	struct umbox_peer peer;    /* the client's; of a dialed connection without `own` */
	struct connection *dialed; /* of a client's: to the device, its own */
	struct connection *client; /* of a dialed one */
	bool dialing;              /* the device has not taken it yet */
	struct umbox_ip source;    /* the client, or its IPv6 /64 */
	uint8_t link[SEGMENT_LINK_BYTES];
	uint32_t link_bytes;
	uint32_t received;
	uint32_t acked, sent, sent_max; /* sent_max: before something was sent again */
	uint32_t window;                /* of the other end */
	uint32_t told_window;           /* to it */
	uint8_t *said;                  /* from `acked` on */
	uint32_t said_bytes;
	bool finish, finish_acked, other_finished;
	bool served; /* the service has said its last */
	unsigned tries;
	int64_t again_us;                      /* INT64_MAX: nothing waits for an acknowledgment */
	int64_t heard_us, silence_us, life_us; /* of a client's */
};

struct umbox_server {
	struct umbox_service service;
	uint64_t secret[2];
	struct connection *connections[UMBOX_SERVER_CONNECTIONS_MAX];
};

/* --- server.c --- */

void *server_must(void *memory);
/* The link header, the ends and the numbers that a segment of it has. */
void server_send(struct connection *connection, uint8_t flags, uint32_t sequence,
		 const uint8_t *payload, uint32_t count);
void server_acknowledge(struct connection *connection);
/* Sends what the window allows, at least `least_bytes`; false when nothing. */
bool server_send_said(struct connection *connection, uint32_t least_bytes, int64_t now_us);
/* False when the connection has ended. */
bool server_take_segment(struct connection *connection, const struct umbox_frame *frame,
			 const struct umbox_headers *headers);
/* False when what it said was not acknowledged for too long. */
bool server_say_again(struct connection *connection, int64_t now_us);
/* The last word to a client, without one on the wire. */
void server_close_at(struct umbox_server *server, size_t at);
void server_reset_at(struct umbox_server *server, size_t at);

/* --- server_open.c --- */

/* A segment of no connection; true when it opens one, at `ret_at`. */
bool server_open(struct umbox_server *server, const struct umbox_frame *frame,
		 const struct umbox_headers *headers, size_t *ret_at);

/* --- server_relay.c --- */

/* How much the other end may send now. */
uint32_t relay_window(const struct connection *connection);
/* The bytes of one end are for the other; so is its end. */
void relay_bytes(struct connection *dialed, const uint8_t *bytes, uint32_t count);
void relay_finish(struct connection *connection);
/* After one end was heard: sends what the other is to get now. */
void relay_flush(struct connection *connection, int64_t now_us);
/* Does what is due for the dialed connection of the client at `at`. */
void relay_time(struct umbox_server *server, size_t at, int64_t now_us);
/* Lets go of a client's dialed connection, if there is one. */
void relay_drop(struct connection *client);
