/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - what a device may start: lines of "PROTOCOL[:PORT[-PORT]] [PEER]".
 *
 *     tcp:443 *.camera.example     udp:123 10.20.0.1     icmp     any 10.20.0.0/24 */
#pragma once

#include "umbox_frame.h"

enum rule_peer { RULE_ANYBODY, RULE_PREFIX, RULE_NAME };

struct rule {
	bool any_protocol;
	bool icmp; /* ICMP and ICMPv6 */
	uint8_t protocol;
	uint16_t port_first, port_last; /* of the peer */
	enum rule_peer peer;
	struct umbox_prefix prefix;
	const char *name; /* as umbox_dns_is wants it */
};

/* False when the text is no rule; `text` must live on. */
bool rule_parse(struct rule *ret, const char *text);
/* Whether the protocol and the target's port are those of the rule, whoever the peer is. */
bool rule_has_port(const struct rule *rule, const struct umbox_headers *headers);
