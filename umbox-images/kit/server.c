/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - see umbox_server.h and server.h. */
#include "server.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SEGMENTS_AHEAD = 10 }; /* RFC 6928 */

void *server_must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

struct umbox_server *umbox_server_new(const struct umbox_service *service)
{
	struct umbox_server *server = server_must(calloc(1, sizeof(*server)));
	server->service = *service;
	if (getrandom(server->secret, sizeof(server->secret), 0) != sizeof(server->secret))
		abort();
	return server;
}

void server_close_at(struct umbox_server *server, size_t at)
{
	struct connection *connection = server->connections[at];
	server->connections[at] = NULL;
	relay_drop(connection);
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
			server_close_at(server, i);
	free(server);
}

/* --- sending --- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* A dialed connection speaks as the client, to the device; a client's as the device. */
void server_send(struct connection *connection, uint8_t flags, uint32_t sequence,
		 const uint8_t *payload, uint32_t count)
{
	const struct umbox_peer *peer = &connection->peer;
	const struct umbox_service *service = &peer->server->service;
	bool in = connection->client;
	bool first = connection->dialing && flags & UMBOX_TCP_SYN;
	uint8_t bytes[SEGMENT_HEAD_BYTES + SERVER_SEGMENT6_BYTES];
	connection->told_window = relay_window(connection);
	struct umbox_frame frame = {.from = UMBOX_OUT, .bytes = bytes, .room = sizeof(bytes)};
	frame.length = segment_make(
		bytes, &(struct segment){
			       .link = connection->link,
			       .link_bytes = connection->link_bytes,
			       .source = in ? peer->client : peer->device,
			       .target = in ? peer->device : peer->client,
			       .source_port = in ? peer->client_port : peer->device_port,
			       .target_port = in ? peer->device_port : peer->client_port,
			       .sequence = sequence,
			       .acknowledgment = connection->received,
			       .flags = first ? flags : flags | UMBOX_TCP_ACK,
			       .window = (uint16_t)connection->told_window,
			       .mss = first ? SERVER_SEGMENT6_BYTES : 0,
			       .payload = payload,
			       .payload_bytes = count,
		       });
	(in ? service->send_in : service->send)(&frame, service->user);
}

void server_acknowledge(struct connection *connection)
{
	server_send(connection, 0, connection->sent_max, NULL, 0);
}

/* Bytes, and the end, that are not acknowledged. */
static uint32_t left_to_say(const struct connection *connection)
{
	return connection->said_bytes + (connection->finish && !connection->finish_acked);
}

bool server_send_said(struct connection *connection, uint32_t least_bytes, int64_t now_us)
{
	if (connection->dialing)
		return false;
	uint32_t segment = connection->peer.client.family == 4 ? SERVER_SEGMENT4_BYTES
							       : SERVER_SEGMENT6_BYTES;
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
		server_send(connection, end ? UMBOX_TCP_FIN : 0, connection->sent,
			    count ? connection->said + at : NULL, count);
		connection->sent += count + end;
	}
	if ((int32_t)(connection->sent - connection->sent_max) > 0)
		connection->sent_max = connection->sent;
	if (!left)
		connection->again_us = INT64_MAX;
	else if (connection->again_us == INT64_MAX)
		connection->again_us = now_us + SERVER_AGAIN_US;
	return connection->sent != first;
}

bool umbox_server_say(struct umbox_peer *peer, const void *bytes, size_t count)
{
	struct connection *connection = (struct connection *)peer;
	if (connection->finish || count > UMBOX_SERVER_SAID_BYTES - connection->said_bytes)
		return false;
	if (!count)
		return true;
	connection->said = server_must(realloc(connection->said, connection->said_bytes + count));
	memcpy(connection->said + connection->said_bytes, bytes, count);
	connection->said_bytes += (uint32_t)count;
	return true;
}

void umbox_server_finish(struct umbox_peer *peer)
{
	struct connection *connection = (struct connection *)peer;
	connection->finish = connection->served = true;
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
	if (!connection->window) { /* it has no room, and is there (RFC 9293, 3.8.6.1) */
		connection->tries = 0;
		if (connection->sent - connection->acked == 1) /* what asked was not taken */
			connection->sent = connection->acked;
	}
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
	connection->again_us = left_to_say(connection) ? now_us + SERVER_AGAIN_US : INT64_MAX;
	return true;
}

/* What is new in it goes to the service, or from the device to the client; what comes too early, or
 * is more than there is room for, is sent again. */
static void take_bytes(struct connection *connection, const struct umbox_frame *frame,
		       const struct umbox_headers *headers)
{
	const struct umbox_service *service = &connection->peer.server->service;
	uint32_t known = connection->received - headers->tcp_sequence;
	if (connection->other_finished || known > headers->payload_bytes)
		return;
	const uint8_t *bytes = frame->bytes + headers->payload + known;
	uint32_t left = headers->payload_bytes - known;
	uint32_t count = least(left, relay_window(connection));
	connection->received += count;
	if (count && connection->client)
		relay_bytes(connection, bytes, count);
	else if (count && !connection->served)
		service->on_bytes(&connection->peer, bytes, count, frame->time_us, service->user);
	if (count == left && headers->tcp_flags & UMBOX_TCP_FIN) {
		connection->received++;
		connection->other_finished = true;
		relay_finish(connection);
	}
}

bool server_take_segment(struct connection *connection, const struct umbox_frame *frame,
			 const struct umbox_headers *headers)
{
	bool finishing = connection->finish;
	if (headers->tcp_flags & UMBOX_TCP_RST) /* RFC 5961 */
		return headers->tcp_sequence != connection->received;
	if (headers->tcp_flags & UMBOX_TCP_SYN || !(headers->tcp_flags & UMBOX_TCP_ACK) ||
	    !take_acknowledgment(connection, headers, frame->bytes + headers->transport,
				 frame->time_us)) {
		server_acknowledge(connection);
		return true;
	}
	/* What is not where it is waited for may ask whether anybody is there, or for a window that
	 * was lost (RFC 9293, 3.8.6.1, 3.10.7.4; RFC 1122, 4.2.3.6). */
	bool heard = headers->payload_bytes || headers->tcp_flags & UMBOX_TCP_FIN ||
		     headers->tcp_sequence != connection->received;
	take_bytes(connection, frame, headers);
	connection->heard_us = frame->time_us;
	if (!finishing)
		connection->silence_us = frame->time_us + UMBOX_SERVER_SILENCE_US;
	if (!server_send_said(connection, 0, frame->time_us) && heard)
		server_acknowledge(connection);
	relay_flush(connection, frame->time_us);
	return !(connection->other_finished && connection->finish_acked);
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
	if (headers->protocol != IPPROTO_TCP || !headers->payload || headers->fragment ||
	    !segment_checksum_good(frame, headers))
		return;
	size_t at = find(server, headers);
	if (at == UMBOX_SERVER_CONNECTIONS_MAX && !server_open(server, frame, headers, &at))
		return;
	if (!server_take_segment(server->connections[at], frame, headers))
		server_close_at(server, at);
}

void server_reset_at(struct umbox_server *server, size_t at)
{
	server_send(server->connections[at], UMBOX_TCP_RST, server->connections[at]->sent_max, NULL,
		    0);
	server_close_at(server, at);
}

/* --- time --- */

bool server_say_again(struct connection *connection, int64_t now_us)
{
	if (connection->tries == SERVER_TRIES_MAX)
		return false;
	connection->tries++;
	connection->again_us = now_us + ((int64_t)SERVER_AGAIN_US << connection->tries);
	if (connection->dialing) {
		server_send(connection, UMBOX_TCP_SYN, connection->acked, NULL, 0);
		return true;
	}
	connection->sent = connection->acked;
	server_send_said(connection, 1, now_us);
	return true;
}

/* False when it has ended. */
static bool do_due(struct umbox_server *server, size_t at, int64_t now_us)
{
	struct connection *connection = server->connections[at];
	if (now_us >= connection->silence_us || now_us >= connection->life_us ||
	    (now_us >= connection->again_us && !server_say_again(connection, now_us))) {
		server_reset_at(server, at);
		return false;
	}
	relay_time(server, at, now_us);
	return server->connections[at];
}

int64_t umbox_server_time(struct umbox_server *server, int64_t now_us)
{
	int64_t next = INT64_MAX;
	for (size_t i = 0; i < UMBOX_SERVER_CONNECTIONS_MAX; i++) {
		if (!server->connections[i] || !do_due(server, i, now_us))
			continue;
		const struct connection *connection = server->connections[i];
		const struct connection *dialed = connection->dialed;
		int64_t again_us = dialed && dialed->again_us < connection->again_us
					   ? dialed->again_us
					   : connection->again_us;
		next = again_us < next ? again_us : next;
		next = connection->silence_us < next ? connection->silence_us : next;
		next = connection->life_us < next ? connection->life_us : next;
	}
	return next;
}
