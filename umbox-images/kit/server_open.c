/* SPDX-License-Identifier: Apache-2.0 */
/* server_open.c - how a client's connection begins: a cookie goes out, and only who brings it back
 * is kept (RFC 4987). */
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "server.h"
#include "umbox_guard.h"

enum { COOKIE_US = 16 * 1000 * 1000 };

static void send_out(struct umbox_server *server, uint8_t *bytes, uint32_t length)
{
	struct umbox_frame frame = {.from = UMBOX_OUT, .length = length, .room = length};
	frame.bytes = bytes;
	server->service.send(&frame, server->service.user);
}

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
						      .window = SERVER_WINDOW_BYTES,
						      .mss = SERVER_SEGMENT6_BYTES,
					      });
	send_out(server, bytes, length);
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

/* How many of a connection's source wait to be led on; 0 of one that was. */
static unsigned crowd_of(const struct umbox_server *server, const struct connection *connection)
{
	unsigned count = 0;
	for (size_t i = 0; !connection->dialed && i < UMBOX_SERVER_CONNECTIONS_MAX; i++)
		count += !server->connections[i]->dialed &&
			 umbox_ip_equal(&server->connections[i]->source, &connection->source);
	return count;
}

/* Who holds most loses the one that was silent for the longest time. */
static size_t make_place(struct umbox_server *server)
{
	size_t goes = 0;
	unsigned crowd = 0;
	for (size_t i = 0; i < UMBOX_SERVER_CONNECTIONS_MAX; i++)
		if (!server->connections[i])
			return i;
	for (size_t i = 0; i < UMBOX_SERVER_CONNECTIONS_MAX; i++) {
		const struct connection *connection = server->connections[i];
		unsigned count = crowd_of(server, connection);
		if (count < crowd ||
		    (count == crowd && connection->heard_us >= server->connections[goes]->heard_us))
			continue;
		crowd = count;
		goes = i;
	}
	server_reset_at(server, goes);
	return goes;
}

static size_t open_connection(struct umbox_server *server, const struct umbox_frame *frame,
			      const struct umbox_headers *headers)
{
	size_t at = make_place(server);
	struct connection *connection = server_must(calloc(1, sizeof(*connection)));
	connection->peer = (struct umbox_peer){
		.server = server,
		.client = headers->source,
		.device = headers->target,
		.client_port = headers->source_port,
		.device_port = headers->target_port,
	};
	if (!umbox_network_of(&headers->source, &connection->source))
		connection->source = headers->source;
	if (server->service.own_bytes)
		connection->peer.own = server_must(calloc(1, server->service.own_bytes));
	segment_turn_link(connection->link, frame, headers);
	connection->link_bytes = headers->network;
	connection->received = headers->tcp_sequence;
	connection->acked = connection->sent = connection->sent_max = headers->tcp_acknowledgment;
	connection->told_window = SERVER_WINDOW_BYTES;
	connection->again_us = INT64_MAX;
	connection->heard_us = frame->time_us;
	connection->silence_us = frame->time_us + UMBOX_SERVER_SILENCE_US;
	connection->life_us = frame->time_us + UMBOX_SERVER_LIFE_US;
	server->connections[at] = connection;
	return at;
}

static void refuse(struct umbox_server *server, const struct umbox_frame *frame,
		   const struct umbox_headers *headers)
{
	uint8_t bytes[UMBOX_RESET_BYTES];
	if (headers->tcp_flags & UMBOX_TCP_RST)
		return;
	bool has_ack = headers->tcp_flags & UMBOX_TCP_ACK;
	uint32_t end = headers->tcp_sequence + headers->payload_bytes +
		       !!(headers->tcp_flags & UMBOX_TCP_FIN);
	send_out(server, bytes,
		 umbox_reset_make(bytes, frame, headers, true,
				  has_ack ? headers->tcp_acknowledgment : 0, end));
}

bool server_open(struct umbox_server *server, const struct umbox_frame *frame,
		 const struct umbox_headers *headers, size_t *ret_at)
{
	uint8_t kind = headers->tcp_flags & (UMBOX_TCP_SYN | UMBOX_TCP_ACK | UMBOX_TCP_RST);
	if (kind == UMBOX_TCP_SYN) {
		answer_syn(server, frame, headers);
		return false;
	}
	if (!brings_cookie(server, headers, frame->time_us)) {
		refuse(server, frame, headers);
		return false;
	}
	*ret_at = open_connection(server, frame, headers);
	return true;
}
