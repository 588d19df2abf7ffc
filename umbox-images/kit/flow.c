/* SPDX-License-Identifier: Apache-2.0 */
/* flow.c - see umbox_flow.h. */
#include "umbox_flow.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>

#include "umbox_table.h"

enum {
	UDP_US = 180 * 1000 * 1000,
	OTHER_US = 60 * 1000 * 1000,
};

/* One end of a conversation on each leg.  Compared by bytes: there is no padding in it. */
struct flow_key {
	struct umbox_ip ip[UMBOX_LEG_COUNT];
	uint16_t port[UMBOX_LEG_COUNT]; /* of ICMP echo: its identifier */
	uint8_t protocol, zero;
};

struct umbox_flows {
	struct umbox_table *opened[UMBOX_LEG_COUNT]; /* struct flow_key -> struct umbox_flow */
};

struct umbox_flows *umbox_flows_new(uint32_t capacity)
{
	struct umbox_flows *flows = calloc(1, sizeof(*flows));
	if (!flows)
		abort();
	for (int leg = 0; leg < UMBOX_LEG_COUNT; leg++)
		flows->opened[leg] = umbox_table_new(capacity, sizeof(struct flow_key),
						     sizeof(struct umbox_flow));
	return flows;
}

void umbox_flows_free(struct umbox_flows *flows)
{
	if (!flows)
		return;
	for (int leg = 0; leg < UMBOX_LEG_COUNT; leg++)
		umbox_table_free(flows->opened[leg]);
	free(flows);
}

bool umbox_to_group(const struct umbox_frame *frame, const struct umbox_headers *headers)
{
	const uint8_t *target = headers->target.octet;
	bool group_mac = frame->length && frame->bytes[0] & 1;
	switch (headers->target.family) {
	case 4: return target[0] >= 224 || (group_mac && target[3] == 255);
	case 6: return target[0] == 0xff;
	default: return group_mac;
	}
}

static bool is_echo(const struct umbox_headers *headers)
{
	uint8_t type = headers->icmp_type;
	return headers->protocol == IPPROTO_ICMP
		       ? type == ICMP_ECHO || type == ICMP_ECHOREPLY
		       : type == ICMP6_ECHO_REQUEST || type == ICMP6_ECHO_REPLY;
}

/* False when the frame is part of no conversation. */
static bool key_of(struct flow_key *ret, const struct umbox_frame *frame,
		   const struct umbox_headers *headers)
{
	enum umbox_leg from = frame->from, to = !from;
	*ret = (struct flow_key){.protocol = headers->protocol};
	if ((headers->ether_type != 0x0800 && headers->ether_type != 0x86dd) ||
	    !headers->source.family || headers->fragment_later)
		return false;
	ret->ip[from] = headers->source;
	ret->ip[to] = headers->target;
	switch (headers->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		ret->port[from] = headers->source_port;
		ret->port[to] = headers->target_port;
		return headers->transport;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (!headers->transport || !is_echo(headers) || headers->payload_bytes < 2)
			return false;
		ret->port[from] = (uint16_t)(frame->bytes[headers->payload] << 8 |
					     frame->bytes[headers->payload + 1]);
		ret->port[to] = ret->port[from];
		return true;
	default: return true;
	}
}

static struct umbox_flow *find(struct umbox_flows *flows, enum umbox_leg opener,
			       const struct flow_key *key, int64_t now_us)
{
	struct umbox_flow *flow = umbox_table_find(flows->opened[opener], key);
	if (!flow || key->protocol == IPPROTO_TCP)
		return flow;
	return now_us - flow->seen_us <= (key->protocol == IPPROTO_UDP ? UDP_US : OTHER_US) ? flow
											    : NULL;
}

static struct umbox_flow *begin(struct umbox_flows *flows, enum umbox_leg opener,
				const struct flow_key *key, bool guessed)
{
	struct umbox_flow *flow = umbox_table_put(flows->opened[opener], key);
	*flow = (struct umbox_flow){.opener = opener, .guessed = guessed};
	return flow;
}

/* Whether the other side has asked a group, from the port to which this frame goes. */
static bool answers_group(struct umbox_flows *flows, const struct flow_key *key,
			  enum umbox_leg from, int64_t now_us)
{
	struct flow_key question = *key;
	if (key->protocol != IPPROTO_UDP)
		return false;
	question.ip[from] = (struct umbox_ip){0};
	question.port[from] = 0;
	return find(flows, !from, &question, now_us);
}

static struct umbox_flow *first_frame(struct umbox_flows *flows, const struct flow_key *key,
				      enum umbox_leg from, const struct umbox_headers *headers,
				      int64_t now_us, bool *ret_new)
{
	bool tcp = headers->protocol == IPPROTO_TCP;
	if ((tcp && headers->tcp_flags & UMBOX_TCP_SYN) || answers_group(flows, key, from, now_us))
		return begin(flows, !from, key, tcp);
	*ret_new = true;
	return begin(flows, from, key, tcp);
}

struct umbox_flow *umbox_flows_see(struct umbox_flows *flows, const struct umbox_frame *frame,
				   const struct umbox_headers *headers, bool *ret_new)
{
	enum umbox_leg from = frame->from, to = !from;
	int64_t now_us = frame->time_us;
	struct flow_key key;
	*ret_new = false;
	if (!key_of(&key, frame, headers))
		return NULL;
	if (umbox_to_group(frame, headers)) {
		key.ip[to] = (struct umbox_ip){0};
		key.port[to] = 0;
	}
	struct umbox_flow *mine = find(flows, from, &key, now_us);
	struct umbox_flow *theirs = find(flows, to, &key, now_us);
	struct umbox_flow *flow = theirs ? theirs : mine;
	if (headers->protocol == IPPROTO_TCP &&
	    (headers->tcp_flags & (UMBOX_TCP_SYN | UMBOX_TCP_ACK)) == UMBOX_TCP_SYN) {
		/* A peer that answers the device's SYN with its own (RFC 9293, 3.5) has not opened
		 * anything. */
		if (from == UMBOX_IN || !theirs) {
			umbox_table_remove(flows->opened[to], &key);
			flow = begin(flows, from, &key, false);
			*ret_new = true;
		}
	} else if (!flow) {
		flow = first_frame(flows, &key, from, headers, now_us, ret_new);
	}
	flow->seen_us = now_us;
	return flow;
}
