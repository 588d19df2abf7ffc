/* SPDX-License-Identifier: Apache-2.0 */
/* umbox_flow.h - who opened a conversation, so that an answer is not taken for a start.
 *
 * A conversation is TCP, UDP, ICMP echo, or what else two addresses exchange in one IP protocol.  A
 * question to a group (multicast, broadcast) over UDP is answered by whoever likes: such answers
 * belong to it.  What each side opened has a table of its own, so a flood from one side never makes
 * the other's conversations forgotten.  TCP is remembered until the room is needed, UDP for 180 s
 * after its last frame, the others for 60 s.  Pure; times never go back. */
#pragma once

#include "umbox_frame.h"

struct umbox_flow {
	enum umbox_leg opener;
	/* TCP whose handshake was not seen: the opener is whose segment came first. */
	bool guessed;
	uint8_t mark; /* yours; 0 when the conversation is new */
	int64_t seen_us;
};

struct umbox_flows;

/* `capacity` conversations opened from each side; beyond, the longest unused one is forgotten. */
struct umbox_flows *umbox_flows_new(uint32_t capacity);
void umbox_flows_free(struct umbox_flows *flows);

/* The conversation of a frame; `*ret_new`: this frame opens it.  NULL when it is part of none: no
 * IP, a later fragment, an ICMP error or notice, cut short. */
struct umbox_flow *umbox_flows_see(struct umbox_flows *flows, const struct umbox_frame *frame,
				   const struct umbox_headers *headers, bool *ret_new);

/* Whether the frame goes to a group: multicast or broadcast.  Of IP the address says so: hosts take
 * what is for them from under a group's MAC as well. */
bool umbox_to_group(const struct umbox_frame *frame, const struct umbox_headers *headers);
