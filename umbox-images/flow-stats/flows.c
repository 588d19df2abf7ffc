/* SPDX-License-Identifier: Apache-2.0 */
/* flows.c - the counts and their records. */
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "flows.h"
#include "umbox_table.h"

enum {
	PEER_RECORD_BYTES = 256, /* more than one peer takes in a record */
};

enum flow_protocol {
	FLOW_TCP,
	FLOW_UDP,
	FLOW_ICMP,
	FLOW_OTHER_IP,
	FLOW_ARP,
	FLOW_OTHER,
	FLOW_PROTOCOL_COUNT,
};

static const char *const protocol_names[FLOW_PROTOCOL_COUNT] = {
	[FLOW_TCP] = "tcp",           [FLOW_UDP] = "udp", [FLOW_ICMP] = "icmp",
	[FLOW_OTHER_IP] = "other_ip", [FLOW_ARP] = "arp", [FLOW_OTHER] = "other",
};

/* Packets as they are on the wire; bytes of Ethernet frames, those of a GSO frame counted once. */
struct flow_count {
	uint64_t packets[UMBOX_LEG_COUNT], bytes[UMBOX_LEG_COUNT];
};

struct flows {
	struct flow_count protocols[FLOW_PROTOCOL_COUNT];
	struct flow_count other_peers;  /* those for whom the table had no room */
	struct umbox_table *peers;      /* struct umbox_ip -> struct flow_count */
	struct flow_count second;       /* of the second that runs */
	uint64_t peak[UMBOX_LEG_COUNT]; /* packets of the fullest second */
	int64_t second_us;              /* when it began */
};

struct flows *flows_new(void)
{
	struct flows *flows = calloc(1, sizeof(*flows));
	if (!flows)
		abort();
	flows->peers = umbox_table_new(PEERS_MAX, sizeof(struct umbox_ip),
				       sizeof(struct flow_count));
	return flows;
}

void flows_free(struct flows *flows)
{
	if (!flows)
		return;
	umbox_table_free(flows->peers);
	free(flows);
}

static enum flow_protocol protocol_of(const struct umbox_headers *headers)
{
	if (headers->ether_type == ETHERTYPE_ARP)
		return FLOW_ARP;
	if (!headers->source.family)
		return FLOW_OTHER;
	switch (headers->protocol) {
	case IPPROTO_TCP: return FLOW_TCP;
	case IPPROTO_UDP: return FLOW_UDP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6: return FLOW_ICMP;
	default: return FLOW_OTHER_IP;
	}
}

/* No peer is pushed out by others within an interval, so none can hide another. */
static struct flow_count *peer_count(struct flows *flows, const struct umbox_ip *peer)
{
	struct flow_count *count = umbox_table_find(flows->peers, peer);
	if (count)
		return count;
	return umbox_table_full(flows->peers) ? &flows->other_peers
					      : umbox_table_put(flows->peers, peer);
}

static void add(struct flow_count *count, const struct umbox_frame *frame, uint32_t packets)
{
	count->packets[frame->from] += packets;
	count->bytes[frame->from] += frame->length;
}

static void end_second(struct flows *flows)
{
	for (int leg = 0; leg < UMBOX_LEG_COUNT; leg++)
		if (flows->peak[leg] < flows->second.packets[leg])
			flows->peak[leg] = flows->second.packets[leg];
	flows->second = (struct flow_count){0};
}

void flows_frame(struct flows *flows, const struct umbox_frame *frame,
		 const struct umbox_headers *headers, uint32_t packets)
{
	enum flow_protocol protocol = protocol_of(headers);
	if (frame->time_us - flows->second_us >= 1000000) {
		end_second(flows);
		flows->second_us = frame->time_us;
	}
	add(&flows->second, frame, packets);
	add(&flows->protocols[protocol], frame, packets);
	if (headers->source.family && protocol != FLOW_ARP)
		add(peer_count(flows,
			       frame->from == UMBOX_IN ? &headers->target : &headers->source),
		    frame, packets);
}

static bool is_zero(const struct flow_count *count)
{
	return !count->packets[UMBOX_IN] && !count->packets[UMBOX_OUT];
}

static void put_count(struct umbox_json *json, const struct flow_count *count)
{
	umbox_json_number(json, "from_device_packets", count->packets[UMBOX_IN]);
	umbox_json_number(json, "from_device_bytes", count->bytes[UMBOX_IN]);
	umbox_json_number(json, "to_device_packets", count->packets[UMBOX_OUT]);
	umbox_json_number(json, "to_device_bytes", count->bytes[UMBOX_OUT]);
}

static void begin(struct umbox_json *json, const char *kind, int64_t interval_s)
{
	umbox_json_start(json);
	umbox_json_open(json, NULL, '{');
	umbox_json_text(json, "kind", kind);
	umbox_json_number(json, "interval_s", (uint64_t)interval_s);
}

/* False when nothing passed at all. */
static bool write_totals(struct umbox_json *json, const struct flows *flows, int64_t interval_s)
{
	bool any = false;
	begin(json, "flow-totals", interval_s);
	umbox_json_number(json, "peers", umbox_table_count(flows->peers));
	umbox_json_number(json, "from_device_peak_packets_s", flows->peak[UMBOX_IN]);
	umbox_json_number(json, "to_device_peak_packets_s", flows->peak[UMBOX_OUT]);
	for (int i = 0; i < FLOW_PROTOCOL_COUNT; i++) {
		if (is_zero(&flows->protocols[i]))
			continue;
		any = true;
		umbox_json_open(json, protocol_names[i], '{');
		put_count(json, &flows->protocols[i]);
		umbox_json_close(json, '}');
	}
	if (!is_zero(&flows->other_peers)) {
		umbox_json_open(json, "other_peers", '{');
		put_count(json, &flows->other_peers);
		umbox_json_close(json, '}');
	}
	umbox_json_close(json, '}');
	return any;
}

/* Writes the peers from `cursor` on that fit; returns how many. */
static unsigned write_peers(struct umbox_json *json, const struct flows *flows, uint32_t *cursor,
			    int64_t interval_s)
{
	const struct flow_count *count;
	const void *peer;
	unsigned written = 0;
	begin(json, "flow-peers", interval_s);
	umbox_json_open(json, "peers", '[');
	while (json->length < UMBOX_RECORD_BYTES - PEER_RECORD_BYTES &&
	       (count = umbox_table_each(flows->peers, cursor, &peer))) {
		char text[UMBOX_IP_TEXT_BYTES];
		umbox_ip_print(text, peer);
		umbox_json_open(json, NULL, '{');
		umbox_json_text(json, "peer", text);
		put_count(json, count);
		umbox_json_close(json, '}');
		written++;
	}
	umbox_json_close(json, ']');
	umbox_json_close(json, '}');
	return written;
}

void flows_report(struct flows *flows, int64_t interval_s,
		  void (*say)(const struct umbox_json *record, void *user), void *user)
{
	struct umbox_json json;
	uint32_t cursor = 0;
	end_second(flows);
	if (write_totals(&json, flows, interval_s))
		say(&json, user);
	for (uint32_t left = umbox_table_count(flows->peers); left;) {
		left -= write_peers(&json, flows, &cursor, interval_s);
		say(&json, user);
	}
	umbox_table_clear(flows->peers);
	flows->other_peers = (struct flow_count){0};
	for (int leg = 0; leg < UMBOX_LEG_COUNT; leg++)
		flows->peak[leg] = 0;
	for (int i = 0; i < FLOW_PROTOCOL_COUNT; i++)
		flows->protocols[i] = (struct flow_count){0};
}
