/* SPDX-License-Identifier: Apache-2.0 */
/* talk.h - TCP connections from the network to the device, frame by frame, for unit tests. */
#pragma once

#include <assert.h>
#include <stdlib.h>

#include "frames.h"
#include "umbox.h"

struct talk {
	enum umbox_verdict (*judge)(struct umbox_frame *frame, void *user);
	void *user;
	const char *client; /* IPv4; the device is 10.20.0.11 */
	uint16_t client_port, server_port;
	int64_t now_us;
	uint32_t client_sequence, server_sequence; /* of what comes next */
};

/* Sequence numbers go on only when the frame passed, as if it were sent again otherwise. */
static inline enum umbox_verdict talk_say(struct talk *talk, bool by_client, uint8_t flags,
					  const char *text, size_t length)
{
	static const char *const device = "10.20.0.11";
	struct test_frame frame;
	uint32_t *sequence = by_client ? &talk->client_sequence : &talk->server_sequence;
	uint32_t other = by_client ? talk->server_sequence : talk->client_sequence;
	assert(length < FRAME_TEST_BYTES - 100);
	start_frame(&frame, 0x0800);
	put_ipv4(&frame, by_client ? talk->client : device, by_client ? device : talk->client, 6,
		 (uint16_t)(TCP_TEST_BYTES + length), 0);
	put_tcp(&frame, by_client ? talk->client_port : talk->server_port,
		by_client ? talk->server_port : talk->client_port, *sequence, flags);
	set16(&frame, frame.length - 12, (uint16_t)(other >> 16));
	set16(&frame, frame.length - 10, (uint16_t)other);
	put_bytes(&frame, text, (uint32_t)length);
	struct umbox_frame judged = as_frame(&frame, by_client ? UMBOX_OUT : UMBOX_IN,
					     talk->now_us);
	enum umbox_verdict verdict = talk->judge(&judged, talk->user);
	if (verdict == UMBOX_PASS)
		*sequence += (uint32_t)length + !!(flags & UMBOX_TCP_SYN);
	return verdict;
}

static inline enum umbox_verdict talk_client(struct talk *talk, const char *text)
{
	return talk_say(talk, true, UMBOX_TCP_ACK, text, strlen(text));
}

static inline enum umbox_verdict talk_server(struct talk *talk, const char *text)
{
	return talk_say(talk, false, UMBOX_TCP_ACK, text, strlen(text));
}

/* The handshake; false when it was not let through. */
static inline bool talk_open(struct talk *talk)
{
	talk->client_port++;
	talk->client_sequence = 1000;
	talk->server_sequence = 2000;
	return talk_say(talk, true, UMBOX_TCP_SYN, "", 0) == UMBOX_PASS &&
	       talk_say(talk, false, UMBOX_TCP_SYN | UMBOX_TCP_ACK, "", 0) == UMBOX_PASS &&
	       talk_say(talk, true, UMBOX_TCP_ACK, "", 0) == UMBOX_PASS;
}
