/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - see umbox_server.h.  Names of RFC 9293: `received` is RCV.NXT, `acked` SND.UNA, `sent`
 * SND.NXT. */
#include "umbox_server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "hash.h"
#include "segment.h"

enum {
	WINDOW_BYTES = 16 * 1024,
	/* What everybody takes who told nothing else, and fits every way (RFC 9293, 3.7.1). */
	SEGMENT4_BYTES = 536,
	SEGMENT6_BYTES = 1220,
	SEGMENTS_AHEAD = 10, /* RFC 6928 */
	AGAIN_US = 300 * 1000,
	TRIES_MAX = 6,
	COOKIE_US = 16 * 1000 * 1000,
};

struct connection {
	struct umbox_peer peer;
	uint8_t link[SEGMENT_LINK_BYTES];
	uint32_t link_bytes;
	uint32_t received;
	uint32_t acked, sent, sent_max; /* sent_max: before something was sent again */
	uint32_t window;                /* of the client */
	uint8_t *said;                  /* from `acked` on */
	uint32_t said_bytes;
	bool finish, finish_acked, client_finished;
	unsigned tries;
	int64_t again_us; /* INT64_MAX: nothing waits for an acknowledgment */
	int64_t heard_us, silence_us, life_us;
};

struct umbox_server {
	struct umbox_service service;
	uint64_t secret[2];
	struct connection *connections[UMBOX_SERVER_CONNECTIONS_MAX];
	struct umbox_server_counts counts;
};

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

struct umbox_server *umbox_server_new(const struct umbox_service *service)
{
	struct umbox_server *server = must(calloc(1, sizeof(*server)));
	server->service = *service;
	if (getrandom(server->secret, sizeof(server->secret), 0) != sizeof(server->secret))
		abort();
	return server;
}

static void close_at(struct umbox_server *server, size_t at)
{
	struct connection *connection = server->connections[at];
	server->connections[at] = NULL;
	if (server->service.on_close)
		server->service.on_close(&connection->peer, server->service.user);
	free(connection->peer.own);
	free(connection->said);
	free(connection);
}

void umbox_server_free(struct umbox_server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < UMBOX_SERVER_CONNECTIONS_MAX; i++)
		if (server->connections[i])
			close_at(server, i);
	free(server);
}

/* --- sending --- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void send_frame(struct umbox_server *server, uint8_t *bytes, uint32_t length)
{
	struct umbox_frame frame = {.from = UMBOX_OUT, .length = length, .room = length};
	frame.bytes = bytes;
	server->service.send(&frame, server->service.user);
}

static void send_segment(struct connection *connection, uint8_t flags, uint32_t sequence,
			 const uint8_t *payload, uint32_t count)
{
	const struct umbox_peer *peer = &connection->peer;
	uint8_t bytes[SEGMENT_HEAD_BYTES + SEGMENT6_BYTES];
	uint32_t length = segment_make(bytes, &(struct segment){
						      .link = connection->link,
						      .link_bytes = connection->link_bytes,
						      .source = peer->device,
						      .target = peer->client,
						      .source_port = peer->device_port,
						      .target_port = peer->client_port,
						      .sequence = sequence,
						      .acknowledgment = connection->received,
						      .flags = flags | UMBOX_TCP_ACK,
						      .window = WINDOW_BYTES,
						      .payload = payload,
						      .payload_bytes = count,
					      });
	send_frame(peer->server, bytes, length);
}

static void acknowledge(struct connection *connection)
{
	send_segment(connection, 0, connection->sent_max, NULL, 0);
}

/* Bytes, and the end, that are not acknowledged. */
static uint32_t left_to_say(const struct connection *connection)
{
	return connection->said_bytes + (connection->finish && !connection->finish_acked);
}

/* Sends what the window allows, at least `least_bytes`; false when nothing. */
static bool send_said(struct connection *connection, uint32_t least_bytes, int64_t now_us)
{
	uint32_t segment = connection->peer.client.family == 4 ? SEGMENT4_BYTES : SEGMENT6_BYTES;
	uint32_t allowed = least(connection->window, SEGMENTS_AHEAD * segment);
	uint32_t left = left_to_say(connection), first = connection->sent;
	if (allowed < least_bytes)
		allowed = least_bytes;
	for (;;) {
		uint32_t at = connection->sent - connection->acked;
		if (at >= left || at >= allowed)
			break;
		uint32_t count = least(least(connection->said_bytes - at, segment), allowed - at);
		bool end = at + count == connection->said_bytes && left > connection->said_bytes;
		send_segment(connection, end ? UMBOX_TCP_FIN : 0, connection->sent,
			     connection->said + at, count);
		connection->sent += count + end;
	}
	if ((int32_t)(connection->sent - connection->sent_max) > 0)
		connection->sent_max = connection->sent;
	if (!left)
		connection->again_us = INT64_MAX;
	else if (connection->again_us == INT64_MAX)
		connection->again_us = now_us + AGAIN_US;
	return connection->sent != first;
}

bool umbox_server_say(struct umbox_peer *peer, const void *bytes, size_t count)
{
	struct connection *connection = (struct connection *)peer;
	if (connection->finish || count > UMBOX_SERVER_SAID_BYTES - connection->said_bytes)
		return false;
	if (!count)
		return true;
	connection->said = must(realloc(connection->said, connection->said_bytes + count));
	memcpy(connection->said + connection->said_bytes, bytes, count);
	connection->said_bytes += (uint32_t)count;
	return true;
}

void umbox_server_finish(struct umbox_peer *peer)
{
	((struct connection *)peer)->finish = true;
}

/* --- handshakes --- */

static uint32_t cookie_of(const struct umbox_server *server, const struct umbox_headers *headers,
			  uint32_t client_first, int64_t slot)
{
	struct {
		struct umbox_ip client, device;
		uint16_t client_port, device_port;
		uint32_t client_first;
		int64_t slot;
	} key;
	memset(&key, 0, sizeof(key));
	key.client = headers->source;
	key.device = headers->target;
	key.client_port = headers->source_port;
	key.device_port = headers->target_port;
	key.client_first = client_first;
	key.slot = slot;
	return (uint32_t)umbox_sip_hash(server->secret, &key, sizeof(key));
}

static void answer_syn(struct umbox_server *server, const struct umbox_frame *frame,
		       const struct umbox_headers *headers)
{
	uint8_t link[SEGMENT_LINK_BYTES], bytes[SEGMENT_HEAD_BYTES];
	uint32_t first = cookie_of(server, headers, headers->tcp_sequence,
				   frame->time_us / COOKIE_US);
	segment_turn_link(link, frame, headers);
	uint32_t length = segment_make(bytes, &(struct segment){
						      .link = link,
						      .link_bytes = headers->network,
						      .source = headers->target,
						      .target = headers->source,
						      .source_port = headers->target_port,
						      .target_port = headers->source_port,
						      .sequence = first,
						      .acknowledgment = headers->tcp_sequence + 1,
						      .flags = UMBOX_TCP_SYN | UMBOX_TCP_ACK,
						      .window = WINDOW_BYTES,
						      .mss = SEGMENT6_BYTES,
					      });
	send_frame(server, bytes, length);
}

static bool brings_cookie(const struct umbox_server *server, const struct umbox_headers *headers,
			  int64_t now_us)
{
	uint32_t first = headers->tcp_sequence - 1, cookie = headers->tcp_acknowledgment - 1;
	if (!(headers->tcp_flags & UMBOX_TCP_ACK) || headers->tcp_flags & UMBOX_TCP_RST)
		return false;
	return cookie == cookie_of(server, headers, first, now_us / COOKIE_US) ||
	       cookie == cookie_of(server, headers, first, now_us / COOKIE_US - 1);
}

/* A free place, or that of the connection that was silent for the longest time. */
static size_t make_place(struct umbox_server *server)
{
	size_t oldest = 0;
	for (size_t i = 0; i < UMBOX_SERVER_CONNECTIONS_MAX; i++) {
		if (!server->connections[i])
			return i;
		if (server->connections[i]->heard_us < server->connections[oldest]->heard_us)
			oldest = i;
	}
	server->counts.pushed_out++;
	send_segment(server->connections[oldest], UMBOX_TCP_RST,
		     server->connections[oldest]->sent_max, NULL, 0);
	close_at(server, oldest);
	return oldest;
}

static size_t open_connection(struct umbox_server *server, const struct umbox_frame *frame,
			      const struct umbox_headers *headers)
{
	size_t at = make_place(server);
	struct connection *connection = must(calloc(1, sizeof(*connection)));
	connection->peer = (struct umbox_peer){
		.server = server,
		.client = headers->source,
		.device = headers->target,
		.client_port = headers->source_port,
		.device_port = headers->target_port,
	};
	if (server->service.own_bytes)
		connection->peer.own = must(calloc(1, server->service.own_bytes));
	segment_turn_link(connection->link, frame, headers);
	connection->link_bytes = headers->network;
	connection->received = headers->tcp_sequence;
	connection->acked = connection->sent = connection->sent_max = headers->tcp_acknowledgment;
	connection->again_us = INT64_MAX;
	connection->heard_us = frame->time_us;
	connection->silence_us = frame->time_us + UMBOX_SERVER_SILENCE_US;
	connection->life_us = frame->time_us + UMBOX_SERVER_LIFE_US;
	server->connections[at] = connection;
	server->counts.opened++;
	return at;
}

static void refuse(struct umbox_server *server, const struct umbox_frame *frame,
		   const struct umbox_headers *headers)
{
	uint8_t bytes[UMBOX_RESET_BYTES];
	server->counts.refused++;
	if (headers->tcp_flags & UMBOX_TCP_RST)
		return;
	bool has_ack = headers->tcp_flags & UMBOX_TCP_ACK;
	uint32_t end = headers->tcp_sequence + headers->payload_bytes +
		       !!(headers->tcp_flags & UMBOX_TCP_FIN);
	send_frame(server, bytes,
		   umbox_reset_make(bytes, frame, headers, true,
				    has_ack ? headers->tcp_acknowledgment : 0, end));
}

/* --- segments --- */

/* False when it acknowledges what was never sent. */
static bool take_acknowledgment(struct connection *connection, const struct umbox_headers *headers,
				const uint8_t *tcp, int64_t now_us)
{
	uint32_t count = headers->tcp_acknowledgment - connection->acked;
	if ((int32_t)count < 0)
		return true; /* an old one */
	if (count > connection->sent_max - connection->acked)
		return false;
	connection->window = (uint32_t)(tcp[14] << 8 | tcp[15]);
	if (!count)
		return true;
	connection->finish_acked |= count > connection->said_bytes;
	uint32_t bytes = least(count, connection->said_bytes);
	connection->said_bytes -= bytes;
	if (bytes)
		memmove(connection->said, connection->said + bytes, connection->said_bytes);
	connection->acked += count;
	if ((int32_t)(connection->sent - connection->acked) < 0)
		connection->sent = connection->acked;
	connection->tries = 0;
	connection->again_us = left_to_say(connection) ? now_us + AGAIN_US : INT64_MAX;
	return true;
}

/* What is new in it goes to the service; what comes too early is sent again. */
static void take_bytes(struct connection *connection, const struct umbox_frame *frame,
		       const struct umbox_headers *headers)
{
	const struct umbox_service *service = &connection->peer.server->service;
	uint32_t known = connection->received - headers->tcp_sequence;
	if (connection->client_finished || known > headers->payload_bytes)
		return;
	uint32_t count = headers->payload_bytes - known;
	connection->received += count;
	if (count && !connection->finish)
		service->on_bytes(&connection->peer, frame->bytes + headers->payload + known, count,
				  frame->time_us, service->user);
	if (headers->tcp_flags & UMBOX_TCP_FIN) {
		connection->received++;
		connection->client_finished = true;
		connection->finish = true;
	}
}

/* False when the connection has ended. */
static bool take_segment(struct connection *connection, const struct umbox_frame *frame,
			 const struct umbox_headers *headers)
{
	bool finishing = connection->finish;
	if (headers->tcp_flags & UMBOX_TCP_RST) /* RFC 5961 */
		return headers->tcp_sequence != connection->received;
	if (headers->tcp_flags & UMBOX_TCP_SYN || !(headers->tcp_flags & UMBOX_TCP_ACK) ||
	    !take_acknowledgment(connection, headers, frame->bytes + headers->transport,
				 frame->time_us)) {
		acknowledge(connection);
		return true;
	}
	take_bytes(connection, frame, headers);
	connection->heard_us = frame->time_us;
	if (!finishing)
		connection->silence_us = frame->time_us + UMBOX_SERVER_SILENCE_US;
	bool heard = headers->payload_bytes || headers->tcp_flags & UMBOX_TCP_FIN;
	if (!send_said(connection, 0, frame->time_us) && heard)
		acknowledge(connection);
	return !(connection->client_finished && connection->finish_acked);
}

static size_t find(const struct umbox_server *server, const struct umbox_headers *headers)
{
	for (size_t i = 0; i < UMBOX_SERVER_CONNECTIONS_MAX; i++) {
		const struct connection *connection = server->connections[i];
		if (connection && connection->peer.client_port == headers->source_port &&
		    connection->peer.device_port == headers->target_port &&
		    umbox_ip_equal(&connection->peer.client, &headers->source) &&
		    umbox_ip_equal(&connection->peer.device, &headers->target))
			return i;
	}
	return UMBOX_SERVER_CONNECTIONS_MAX;
}

void umbox_server_take(struct umbox_server *server, const struct umbox_frame *frame,
		       const struct umbox_headers *headers)
{
	if (!headers->transport || !headers->payload || headers->fragment ||
	    !segment_checksum_good(frame, headers))
		return;
	size_t at = find(server, headers);
	if (at == UMBOX_SERVER_CONNECTIONS_MAX) {
		uint8_t kind = headers->tcp_flags & (UMBOX_TCP_SYN | UMBOX_TCP_ACK | UMBOX_TCP_RST);
		if (kind == UMBOX_TCP_SYN) {
			answer_syn(server, frame, headers);
			return;
		}
		if (!brings_cookie(server, headers, frame->time_us)) {
			refuse(server, frame, headers);
			return;
		}
		at = open_connection(server, frame, headers);
	}
	if (!take_segment(server->connections[at], frame, headers))
		close_at(server, at);
}

/* --- time --- */

static void say_again(struct connection *connection, int64_t now_us)
{
	connection->tries++;
	connection->sent = connection->acked;
	connection->again_us = now_us + ((int64_t)AGAIN_US << connection->tries);
	send_said(connection, 1, now_us);
}

int64_t umbox_server_time(struct umbox_server *server, int64_t now_us)
{
	int64_t next = INT64_MAX;
	for (size_t i = 0; i < UMBOX_SERVER_CONNECTIONS_MAX; i++) {
		struct connection *connection = server->connections[i];
		if (!connection)
			continue;
		bool again = now_us >= connection->again_us;
		if (now_us >= connection->silence_us || now_us >= connection->life_us ||
		    (again && connection->tries == TRIES_MAX)) {
			send_segment(connection, UMBOX_TCP_RST, connection->sent_max, NULL, 0);
			close_at(server, i);
			continue;
		}
		if (again)
			say_again(connection, now_us);
		next = connection->again_us < next ? connection->again_us : next;
		next = connection->silence_us < next ? connection->silence_us : next;
		next = connection->life_us < next ? connection->life_us : next;
	}
	return next;
}

const struct umbox_server_counts *umbox_server_counts(const struct umbox_server *server)
{
	return &server->counts;
}
