/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/claim_frame.h - which address a frame claims: DHCP (RFC 2131), neighbour discovery (RFC
 * 4861), ARP (RFC 826).
 *
 * Strict: a frame that is odd in any way that an honest sender's is not claims nothing. */
#pragma once

#include "core/learn.h"

struct claim_frame {
	struct mac from;        /* of the frame */
	uint16_t protocol;      /* ETH_P_IP, ETH_P_IPV6, ETH_P_ARP */
	const uint8_t *payload; /* from the network header on */
	size_t bytes;
	bool from_device; /* at a device port; else from the network */
};

/* False when it claims nothing. */
bool claim_parse(struct claim *ret, const struct claim_frame *frame);
