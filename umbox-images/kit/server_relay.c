/* SPDX-License-Identifier: Apache-2.0 */
/* server_relay.c - a client's connection is led on to the device: a second one, from the client's
 * address and port, and the bytes of each go to the other.  Each end may send only what the other
 * has room for. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "server.h"

enum { MAC_BYTES = 6 };

/* Smaller windows than a segment are not worth a word (RFC 9293, 3.8.6.2.2). */
enum { WORTH_TELLING_BYTES = 2 * SERVER_SEGMENT6_BYTES };

static struct connection *twin_of(const struct connection *connection)
{
	return connection->client ? connection->client : connection->dialed;
}

uint32_t relay_window(const struct connection *connection)
{
	const struct connection *twin = twin_of(connection);
	if (!twin)
		return SERVER_WINDOW_BYTES;
	return twin->said_bytes < UMBOX_RELAY_BYTES ? UMBOX_RELAY_BYTES - twin->said_bytes : 0;
}

/* --- to the device --- */

void umbox_server_dial(struct umbox_peer *peer, uint16_t port, int64_t now_us)
{
	struct connection *client = (struct connection *)peer;
	struct umbox_server *server = peer->server;
	if (client->dialed)
		return;
	struct connection *dialed = server_must(calloc(1, sizeof(*dialed)));
	dialed->peer = *peer;
	dialed->peer.own = NULL;
	dialed->peer.device_port = port;
	dialed->client = client;
	dialed->dialing = true;
	dialed->link_bytes = client->link_bytes;
	memcpy(dialed->link, client->link, client->link_bytes);
	memcpy(dialed->link, client->link + MAC_BYTES, MAC_BYTES);
	memcpy(dialed->link + MAC_BYTES, client->link, MAC_BYTES);
	if (getrandom(&dialed->acked, sizeof(dialed->acked), 0) != sizeof(dialed->acked))
		abort();
	dialed->sent = dialed->sent_max = dialed->acked + 1;
	dialed->again_us = now_us + SERVER_AGAIN_US;
	client->dialed = dialed;
	client->silence_us = now_us + UMBOX_RELAY_SILENCE_US;
	if (server->service.relay_life_us)
		client->life_us = now_us + server->service.relay_life_us;
	server_send(dialed, UMBOX_TCP_SYN, dialed->acked, NULL, 0);
}

bool umbox_server_pass_on(struct umbox_peer *peer, const void *bytes, size_t count)
{
	struct connection *dialed = ((struct connection *)peer)->dialed;
	return dialed && umbox_server_say(&dialed->peer, bytes, count);
}

static void forget(struct connection *client)
{
	struct connection *dialed = client->dialed;
	client->dialed = NULL;
	free(dialed->said);
	free(dialed);
}

void relay_drop(struct connection *client)
{
	struct connection *dialed = client->dialed;
	if (!dialed)
		return;
	/* A client that ended in order has just ended it for the device too, if that takes so much.
	 */
	bool in_order = client->other_finished && !dialed->said_bytes && !dialed->dialing;
	if (!in_order || dialed->sent == dialed->acked)
		server_send(dialed, UMBOX_TCP_RST, dialed->sent_max, NULL, 0);
	forget(client);
}

/* --- from one to the other --- */

void relay_bytes(struct connection *dialed, const uint8_t *bytes, uint32_t count)
{
	umbox_server_say(&dialed->client->peer, bytes, count);
}

void relay_finish(struct connection *connection)
{
	struct connection *twin = twin_of(connection);
	if (twin)
		twin->finish = true;
	else
		connection->finish = true;
}

void relay_flush(struct connection *connection, int64_t now_us)
{
	struct connection *twin = twin_of(connection);
	if (!twin)
		return;
	(connection->client ? twin : connection)->silence_us = now_us + UMBOX_RELAY_SILENCE_US;
	bool sent = server_send_said(twin, 0, now_us);
	if (!sent && twin->told_window < WORTH_TELLING_BYTES &&
	    relay_window(twin) >= WORTH_TELLING_BYTES)
		server_acknowledge(twin);
}

/* --- from the device --- */

/* The device answers the SYN; false when it does not take the connection. */
static bool take_answer(struct connection *dialed, const struct umbox_frame *frame,
			const struct umbox_headers *headers)
{
	const struct umbox_service *service = &dialed->peer.server->service;
	const uint8_t *tcp = frame->bytes + headers->transport;
	if (!(headers->tcp_flags & UMBOX_TCP_ACK) || headers->tcp_acknowledgment != dialed->sent)
		return true; /* of another time */
	if (headers->tcp_flags & UMBOX_TCP_RST)
		return false;
	if (!(headers->tcp_flags & UMBOX_TCP_SYN))
		return true;
	dialed->dialing = false;
	dialed->acked = dialed->sent;
	dialed->received = headers->tcp_sequence + 1;
	dialed->window = (uint32_t)(tcp[14] << 8 | tcp[15]);
	dialed->tries = 0;
	dialed->again_us = INT64_MAX;
	if (service->on_dialed)
		service->on_dialed(&dialed->client->peer, true, frame->time_us, service->user);
	if (!server_send_said(dialed, 0, frame->time_us))
		server_acknowledge(dialed);
	relay_flush(dialed, frame->time_us);
	return true;
}

/* The device does not take it: the service says to the client what it likes. */
static void give_up(struct connection *client, int64_t now_us)
{
	const struct umbox_service *service = &client->peer.server->service;
	forget(client);
	if (service->on_dialed)
		service->on_dialed(&client->peer, false, now_us, service->user);
	else
		umbox_server_finish(&client->peer);
	server_send_said(client, 0, now_us);
}

/* The device has ended it. */
static void end_dialed(struct umbox_server *server, size_t at, int64_t now_us)
{
	struct connection *client = server->connections[at], *dialed = client->dialed;
	if (dialed->dialing) {
		give_up(client, now_us);
		return;
	}
	bool in_order = dialed->other_finished && dialed->finish_acked;
	forget(client);
	if (!in_order)
		server_reset_at(server, at);
}

static struct connection *find_dialed(const struct umbox_server *server,
				      const struct umbox_headers *headers, size_t *ret_at)
{
	for (size_t i = 0; i < UMBOX_SERVER_CONNECTIONS_MAX; i++) {
		struct connection *dialed = server->connections[i] ? server->connections[i]->dialed
								   : NULL;
		if (dialed && dialed->peer.client_port == headers->target_port &&
		    dialed->peer.device_port == headers->source_port &&
		    umbox_ip_equal(&dialed->peer.client, &headers->target) &&
		    umbox_ip_equal(&dialed->peer.device, &headers->source)) {
			*ret_at = i;
			return dialed;
		}
	}
	return NULL;
}

bool umbox_server_take_reply(struct umbox_server *server, const struct umbox_frame *frame,
			     const struct umbox_headers *headers)
{
	size_t at;
	if (headers->protocol != IPPROTO_TCP || !headers->payload || headers->fragment)
		return false;
	struct connection *dialed = find_dialed(server, headers, &at);
	if (!dialed)
		return false;
	if (!segment_checksum_good(frame, headers))
		return true;
	bool lives = dialed->dialing ? take_answer(dialed, frame, headers)
				     : server_take_segment(dialed, frame, headers);
	if (!lives)
		end_dialed(server, at, frame->time_us);
	return true;
}

void relay_time(struct umbox_server *server, size_t at, int64_t now_us)
{
	struct connection *dialed = server->connections[at]->dialed;
	if (!dialed || now_us < dialed->again_us)
		return;
	if (server_say_again(dialed, now_us))
		return;
	if (dialed->dialing)
		give_up(server->connections[at], now_us);
	else
		server_reset_at(server, at);
}
