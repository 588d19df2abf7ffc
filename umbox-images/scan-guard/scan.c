/* SPDX-License-Identifier: Apache-2.0 */
/* scan.c - see scan.h. */
#include "scan.h"

#include <inttypes.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umbox_flow.h"
#include "umbox_guard.h"

/* The keys and things below are compared by bytes: there is no padding in them. */
struct pair {
	struct umbox_ip source, target;
};

struct port {
	uint16_t number;
	uint8_t protocol, zero;
};

/* Who looks for hosts: an address, or a MAC. */
struct seeker {
	struct umbox_ip ip;
	uint8_t mac[6];
};

struct flags_key {
	struct umbox_ip source;
	uint8_t kind;
};

struct scan {
	struct scan_settings settings;
	struct umbox_spread *ports;      /* struct pair -> struct port */
	struct umbox_spread *all_ports;  /* one key that nobody can push out; or NULL */
	struct umbox_spread *hosts;      /* struct seeker -> struct umbox_ip */
	struct umbox_tally *flags;       /* struct flags_key */
	struct umbox_flows *flows;       /* of all but TCP, which fills a table of its own */
	struct umbox_flows *connections; /* of TCP; marked: its first segment was judged */
	struct umbox_blocks *blocks;
	int64_t settled_us; /* from here on the device has no connections from before us */
};

enum { SETTLING_US = 300 * 1000 * 1000 };

struct scan *scan_new(const struct scan_settings *settings)
{
	struct scan *scan = calloc(1, sizeof(*scan));
	if (!scan)
		abort();
	struct umbox_spread_limits limits = {
		.many = settings->ports,
		.slow_many = settings->slow_ports,
		.interval_us = settings->interval_us,
		.slow_interval_us = settings->slow_interval_us,
		.alert_pause_us = settings->alert_pause_us,
	};
	scan->settings = *settings;
	scan->ports = umbox_spread_new(SCAN_SOURCES_MAX, sizeof(struct pair), sizeof(struct port),
				       &limits);
	limits.many = settings->hosts;
	limits.slow_many = settings->slow_hosts;
	scan->hosts = umbox_spread_new(SCAN_SOURCES_MAX, sizeof(struct seeker),
				       sizeof(struct umbox_ip), &limits);
	limits.many = settings->all_ports;
	limits.slow_many = 0;
	limits.interval_us = settings->slow_interval_us;
	if (settings->all_ports)
		scan->all_ports = umbox_spread_new(1, sizeof(uint8_t), sizeof(struct port),
						   &limits);
	scan->flags = umbox_tally_new(SCAN_SOURCES_MAX, sizeof(struct flags_key), 1,
				      settings->interval_us, settings->alert_pause_us);
	scan->flows = umbox_flows_new(SCAN_FLOWS_MAX);
	scan->connections = umbox_flows_new(SCAN_FLOWS_MAX);
	scan->settled_us = -1;
	scan->blocks = umbox_blocks_new(UMBOX_BLOCKS_MAX);
	return scan;
}

void scan_free(struct scan *scan)
{
	if (!scan)
		return;
	umbox_spread_free(scan->ports);
	umbox_spread_free(scan->all_ports);
	umbox_spread_free(scan->hosts);
	umbox_tally_free(scan->flags);
	umbox_flows_free(scan->flows);
	umbox_flows_free(scan->connections);
	umbox_blocks_free(scan->blocks);
	free(scan);
}

static bool is_nobody(const struct umbox_ip *ip)
{
	static const struct umbox_ip nobody;
	return !memcmp(ip->octet, nobody.octet, sizeof(nobody.octet));
}

static void block(struct scan *scan, const struct umbox_frame *frame, const struct umbox_ip *source,
		  struct scan_result *ret)
{
	int64_t block_us = frame->from == UMBOX_IN ? scan->settings.block_device_us
						   : scan->settings.block_us;
	if (!block_us || is_nobody(source)) /* who asks for an address has none (DHCP, RFC 5227) */
		return;
	umbox_blocks_add(scan->blocks, source, frame->time_us, frame->time_us + block_us);
	ret->verdict = UMBOX_DROP;
}

/* At most one alarm a frame: what else is over is told with the next. */
static void raise_alarm(const char *type, const struct umbox_headers *headers, uint32_t count,
			struct scan_result *ret)
{
	ret->alarm = true;
	ret->alert = (struct umbox_alert){
		.type = type,
		.severity = UMBOX_HIGH,
		.source = headers->source,
		.target = headers->target,
		.target_port = headers->target_port,
		.count = count,
		.detail = ret->detail,
	};
}

static void say_spread(const char *type, const char *things, const struct umbox_headers *headers,
		       const struct umbox_spread_result *result, struct scan_result *ret)
{
	raise_alarm(type, headers, result->count, ret);
	snprintf(ret->detail, sizeof(ret->detail), "%" PRIu32 " %s within %" PRId64 " s",
		 result->count, things, result->interval_us / 1000000);
}

/* --- TCP flags that only scanners send --- */

static const char *const flag_types[] = {NULL, "null-scan", "fin-scan", "xmas-scan"};

/* Every segment has SYN, RST or ACK, and a SYN comes without FIN and RST (RFC 9293, 3.10.7). */
static uint8_t flags_kind(uint8_t flags)
{
	uint8_t six = flags & 0x3f; /* without those of ECN */
	if (!six)
		return 1;
	if (six == UMBOX_TCP_FIN)
		return 2;
	if (!(six & (UMBOX_TCP_SYN | UMBOX_TCP_RST | UMBOX_TCP_ACK)) ||
	    (six & UMBOX_TCP_SYN && six & (UMBOX_TCP_FIN | UMBOX_TCP_RST)))
		return 3;
	return 0;
}

static void judge_flags(struct scan *scan, const struct umbox_frame *frame,
			const struct umbox_headers *headers, struct scan_result *ret)
{
	struct flags_key key = {.source = headers->source, .kind = flags_kind(headers->tcp_flags)};
	struct umbox_tally_result result;
	if (!key.kind)
		return;
	ret->flags = true;
	if (scan->settings.drop_flags)
		ret->verdict = UMBOX_DROP;
	umbox_tally_add(scan->flags, &key, frame->time_us, &result);
	if (result.tell) {
		raise_alarm(flag_types[key.kind], headers, result.count, ret);
		snprintf(ret->detail, sizeof(ret->detail), "TCP flags 0x%02x to port %u",
			 headers->tcp_flags, headers->target_port);
	}
	block(scan, frame, &headers->source, ret);
}

/* --- ports --- */

static void judge_everybody(struct scan *scan, const struct umbox_frame *frame,
			    const struct umbox_headers *headers, const struct port *port,
			    struct scan_result *ret)
{
	struct umbox_spread_result result;
	if (!scan->all_ports || frame->from != UMBOX_OUT)
		return;
	umbox_spread_add(scan->all_ports, &(uint8_t){0}, port, frame->time_us, &result);
	if (!result.tell || ret->alarm)
		return;
	say_spread("port-scan", "ports by several sources", headers, &result, ret);
	ret->alert.source = (struct umbox_ip){0};
}

static void say_crowd(const struct scan *scan, const struct umbox_headers *headers,
		      struct scan_result *ret)
{
	uint32_t most = umbox_spread_capacity(scan->ports);
	raise_alarm("port-scan", headers, most, ret);
	ret->alert.source = (struct umbox_ip){0};
	snprintf(ret->detail, sizeof(ret->detail), "more than %" PRIu32 " sources at once", most);
}

static void judge_port(struct scan *scan, const struct umbox_frame *frame,
		       const struct umbox_headers *headers, struct scan_result *ret)
{
	static const struct umbox_ip nobody;
	struct pair pair = {headers->source, headers->target};
	struct port port = {headers->target_port, headers->protocol, 0};
	struct umbox_spread_result result;
	struct umbox_tally_result crowd = {.tell = false};
	umbox_spread_add(scan->ports, &pair, &port, frame->time_us, &result);
	if (result.tell && !ret->alarm)
		say_spread("port-scan", headers->transport ? "ports" : "protocols", headers,
			   &result, ret);
	if (result.over)
		block(scan, frame, &headers->source, ret);
	else
		judge_everybody(scan, frame, headers, &port, ret);
	if (result.crowded)
		umbox_tally_add(scan->flags, &(struct flags_key){.source = nobody}, frame->time_us,
				&crowd);
	if (crowd.tell && !ret->alarm)
		say_crowd(scan, headers, ret);
}

/* --- hosts --- */

static void say_mac(const struct seeker *seeker, struct scan_result *ret)
{
	const uint8_t *mac = seeker->mac;
	size_t length = strlen(ret->detail);
	ret->alert.source = (struct umbox_ip){0};
	snprintf(ret->detail + length, sizeof(ret->detail) - length,
		 " by %02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
}

static bool judge_seeker(struct scan *scan, const struct umbox_frame *frame,
			 const struct umbox_headers *headers, const struct seeker *seeker,
			 const struct umbox_ip *host, struct scan_result *ret)
{
	struct umbox_spread_result result;
	umbox_spread_add(scan->hosts, seeker, host, frame->time_us, &result);
	if (result.tell && !ret->alarm) {
		say_spread("host-sweep", "hosts", headers, &result, ret);
		if (!seeker->ip.family)
			say_mac(seeker, ret);
	}
	return result.over;
}

static void judge_host(struct scan *scan, const struct umbox_frame *frame,
		       const struct umbox_headers *headers, const struct umbox_ip *host,
		       struct scan_result *ret)
{
	struct seeker seeker = {.ip = headers->source};
	ret->probe = true;
	if (!is_nobody(&headers->source) && judge_seeker(scan, frame, headers, &seeker, host, ret))
		block(scan, frame, &headers->source, ret);
}

/* Who asks for a neighbour can do so under any address, and under none. */
static void judge_asker(struct scan *scan, const struct umbox_frame *frame,
			const struct umbox_headers *headers, const uint8_t *mac,
			const struct umbox_ip *host, struct scan_result *ret)
{
	struct seeker seeker = {.ip = {.family = 0}};
	memcpy(seeker.mac, mac, ETH_ALEN);
	judge_host(scan, frame, headers, host, ret);
	judge_seeker(scan, frame, headers, &seeker, host, ret);
}

/* Who says that it has an address looks for nobody; who asks whether it may take one (RFC 5227)
 * does so for a few. */
static void judge_arp(struct scan *scan, const struct umbox_frame *frame,
		      const struct umbox_headers *headers, struct scan_result *ret)
{
	enum { SENDER_AT = 8 }; /* whom the answer goes to */
	if (headers->arp_operation == 1 && !umbox_ip_equal(&headers->source, &headers->target))
		judge_asker(scan, frame, headers, frame->bytes + headers->network + SENDER_AT,
			    &headers->target, ret);
}

/* Neighbour solicitation: four reserved bytes, then the address that is looked for (RFC 4861). */
static void judge_neighbour(struct scan *scan, const struct umbox_frame *frame,
			    const struct umbox_headers *headers, struct scan_result *ret)
{
	struct umbox_ip host = {.family = 6};
	if (headers->payload_bytes < 4 + sizeof(host.octet))
		return;
	memcpy(host.octet, frame->bytes + headers->payload + 4, sizeof(host.octet));
	judge_asker(scan, frame, headers, frame->bytes + ETH_ALEN, &host, ret);
}

/* --- a frame --- */

/* Whether somebody is there (nmap -PE, -PP, -PM). */
static bool is_ping(const struct umbox_headers *headers, bool opens)
{
	if (!headers->transport)
		return false;
	if (headers->protocol == IPPROTO_ICMPV6)
		return opens && headers->icmp_type == ICMP6_ECHO_REQUEST;
	if (headers->protocol != IPPROTO_ICMP)
		return false;
	switch (headers->icmp_type) {
	case ICMP_ECHO: return opens;
	case ICMP_TIMESTAMP:
	case ICMP_INFO_REQUEST:
	case ICMP_ADDRESS: return true;
	default: return false;
	}
}

/* At a port, or of what has none at the protocol itself (nmap -sO). */
static bool is_knock(const struct umbox_headers *headers, bool opens)
{
	return opens && headers->protocol != IPPROTO_ICMP && headers->protocol != IPPROTO_ICMPV6;
}

static void judge_ip(struct scan *scan, const struct umbox_frame *frame,
		     const struct umbox_headers *headers, bool opens, struct scan_result *ret)
{
	bool tcp = headers->protocol == IPPROTO_TCP && headers->transport;
	bool knock = is_knock(headers, opens);
	if (headers->protocol == IPPROTO_ICMPV6 && headers->icmp_type == ND_NEIGHBOR_SOLICIT)
		judge_neighbour(scan, frame, headers, ret);
	if (umbox_to_group(frame, headers))
		return;
	if (tcp)
		judge_flags(scan, frame, headers, ret);
	if (ret->flags || knock) {
		ret->probe = true;
		judge_port(scan, frame, headers, ret);
	}
	if (knock || is_ping(headers, opens))
		judge_host(scan, frame, headers, &headers->target, ret);
}

/* A SYN, or a segment of a connection that nobody began, to which an answer comes as well (nmap
 * -sA, -sW, -sM).  The device may go on for a while with what it began before us. */
static bool tcp_opens(struct scan *scan, const struct umbox_frame *frame,
		      const struct umbox_headers *headers)
{
	bool is_new;
	if (headers->tcp_flags & UMBOX_TCP_RST) /* is not answered, and must make nothing known */
		return false;
	struct umbox_flow *flow = umbox_flows_see(scan->connections, frame, headers, &is_new);
	if ((headers->tcp_flags & (UMBOX_TCP_SYN | UMBOX_TCP_ACK)) == UMBOX_TCP_SYN)
		return true;
	if (!flow || !flow->guessed || flow->mark)
		return false;
	flow->mark = 1;
	return frame->from == UMBOX_OUT || frame->time_us >= scan->settled_us;
}

/* Whether the frame begins what it is part of.  Only TCP says so: else who opened must be
 * remembered. */
static bool does_open(struct scan *scan, const struct umbox_frame *frame,
		      const struct umbox_headers *headers)
{
	bool opens = false;
	if (headers->protocol == IPPROTO_TCP)
		return headers->transport && tcp_opens(scan, frame, headers);
	umbox_flows_see(scan->flows, frame, headers, &opens);
	return opens;
}

void scan_frame(struct scan *scan, const struct umbox_frame *frame, struct scan_result *ret)
{
	const struct scan_settings *settings = &scan->settings;
	struct umbox_headers headers;
	*ret = (struct scan_result){.verdict = UMBOX_PASS};
	if (scan->settled_us < 0)
		scan->settled_us = frame->time_us + SETTLING_US;
	umbox_parse(&headers, frame->bytes, frame->length);
	bool opens = does_open(scan, frame, &headers);
	ret->evasive = headers.evasive;
	if (!ret->evasive && settings->is_exempt &&
	    settings->is_exempt(settings->user, &headers.source))
		return;
	ret->blocked = umbox_blocks_has(scan->blocks, &headers.source, frame->time_us);
	if (ret->evasive || ret->blocked)
		ret->verdict = UMBOX_DROP;
	else if (headers.ether_type == 0x0806)
		judge_arp(scan, frame, &headers, ret);
	else
		judge_ip(scan, frame, &headers, opens, ret);
}
