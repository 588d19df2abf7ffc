/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/claim_frame.c - see claim_frame.h. */
#include "codec/claim_frame.h"

#include <netinet/in.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <string.h>

enum {
	DHCP_SERVER = 67,
	DHCP_CLIENT = 68,
	BOOTP_BYTES = 236, /* of the fixed part */
	BOOTP_REQUEST = 1,
	BOOTP_REPLY = 2,
	OPTION_PAD = 0,
	OPTION_ROUTER = 3,
	OPTION_LEASE = 51,
	OPTION_TYPE = 53,
	OPTION_SERVER = 54,
	OPTION_END = 255,
	DHCP_REQUEST = 3,
	DHCP_ACK = 5,
	LEASE_MIN_S = 30, /* a shorter one is taken for so long */
	ND_SOLICIT = 135,
	ND_ADVERT = 136,
	ND_BYTES = 24,
	ND_HOPS = 255, /* nobody who is further away can send that */
};
#define LEASE_FOR_EVER UINT32_MAX

/* What is left of a frame. */
struct bytes {
	const uint8_t *at;
	size_t count;
};

static uint16_t read16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read32(const uint8_t *at)
{
	return (uint32_t)read16(at) << 16 | read16(at + 2);
}

static struct ip ip4(const uint8_t *at)
{
	struct ip ip = {.family = 4};
	memcpy(ip.octet, at, 4);
	return ip;
}

static struct ip ip6(const uint8_t *at)
{
	struct ip ip = {.family = 6};
	memcpy(ip.octet, at, 16);
	return ip;
}

/* An address that one interface can have beyond its link: not 0/8, 127/8, 169.254/16, multicast,
 * broadcast; not ::/8, fe80::/10, ff00::/8. */
static bool is_usable(const struct ip *ip)
{
	const uint8_t *octet = ip->octet;
	if (ip->family == 4)
		return octet[0] && octet[0] != 127 && octet[0] < 224 &&
		       !(octet[0] == 169 && octet[1] == 254);
	return octet[0] && octet[0] != 0xff && !(octet[0] == 0xfe && (octet[1] & 0xc0) == 0x80);
}

/* The payload of a UDP datagram between these ports; none when it is none, or a fragment. */
static struct bytes udp_payload(const struct claim_frame *frame, uint16_t from, uint16_t to)
{
	const struct bytes none = {0};
	const uint8_t *ip = frame->payload;
	if (frame->bytes < 20 || ip[0] >> 4 != 4)
		return none;
	size_t header = (size_t)(ip[0] & 0xf) * 4, total = read16(ip + 2);
	if (header < 20 || total > frame->bytes || total < header + 8 || ip[9] != IPPROTO_UDP ||
	    read16(ip + 6) & 0x3fff)
		return none;
	const uint8_t *udp = ip + header;
	size_t length = read16(udp + 4);
	if (read16(udp) != from || read16(udp + 2) != to || length < 8 || length > total - header)
		return none;
	return (struct bytes){udp + 8, length - 8};
}

/* The options that matter; NULL where one is not there. */
struct dhcp {
	const uint8_t *fixed, *type, *lease, *server, *router;
	size_t router_bytes;
};

/* False when the option is there twice or has another length than it must. */
static bool take_option(struct dhcp *dhcp, uint8_t code, const uint8_t *value, size_t bytes)
{
	switch (code) {
	case OPTION_TYPE:
		if (dhcp->type || bytes != 1)
			return false;
		dhcp->type = value;
		return true;
	case OPTION_LEASE:
		if (dhcp->lease || bytes != 4)
			return false;
		dhcp->lease = value;
		return true;
	case OPTION_SERVER:
		if (dhcp->server || bytes != 4)
			return false;
		dhcp->server = value;
		return true;
	case OPTION_ROUTER:
		if (dhcp->router || bytes % 4)
			return false;
		dhcp->router = value;
		dhcp->router_bytes = bytes;
		return true;
	default: return true;
	}
}

static bool read_options(struct dhcp *dhcp, struct bytes left)
{
	while (left.count) {
		uint8_t code = left.at[0];
		if (code == OPTION_END)
			return dhcp->type;
		if (code == OPTION_PAD) {
			left.at++, left.count--;
			continue;
		}
		if (left.count < 2 || left.count - 2 < left.at[1])
			return false;
		size_t bytes = left.at[1];
		if (!take_option(dhcp, code, left.at + 2, bytes))
			return false;
		left.at += 2 + bytes, left.count -= 2 + bytes;
	}
	return false;
}

static bool read_dhcp(struct dhcp *ret, struct bytes bytes, uint8_t operation)
{
	static const uint8_t cookie[] = {99, 130, 83, 99};
	*ret = (struct dhcp){.fixed = bytes.at};
	if (bytes.count < BOOTP_BYTES + sizeof(cookie) || bytes.at[0] != operation ||
	    bytes.at[1] != ARPHRD_ETHER || bytes.at[2] != sizeof(struct mac) ||
	    memcmp(bytes.at + BOOTP_BYTES, cookie, sizeof(cookie)) != 0)
		return false;
	size_t used = BOOTP_BYTES + sizeof(cookie);
	return read_options(ret, (struct bytes){bytes.at + used, bytes.count - used});
}

static bool parse_request(struct claim *ret, const struct claim_frame *frame)
{
	struct dhcp dhcp;
	if (!read_dhcp(&dhcp, udp_payload(frame, DHCP_CLIENT, DHCP_SERVER), BOOTP_REQUEST) ||
	    dhcp.type[0] != DHCP_REQUEST ||
	    memcmp(dhcp.fixed + 28, &frame->from, sizeof(frame->from)) != 0)
		return false;
	*ret = (struct claim){.kind = CLAIM_ASK, .mac = frame->from, .xid = read32(dhcp.fixed + 4)};
	return true;
}

/* No server gives away its own address, or that of the router. */
static bool is_infrastructure(const struct dhcp *dhcp, const struct ip *ip)
{
	if (memcmp(dhcp->server, ip->octet, 4) == 0)
		return true;
	for (size_t i = 0; i < dhcp->router_bytes; i += 4)
		if (memcmp(dhcp->router + i, ip->octet, 4) == 0)
			return true;
	return false;
}

static bool parse_answer(struct claim *ret, const struct claim_frame *frame)
{
	struct dhcp dhcp;
	if (!read_dhcp(&dhcp, udp_payload(frame, DHCP_SERVER, DHCP_CLIENT), BOOTP_REPLY) ||
	    dhcp.type[0] != DHCP_ACK || !dhcp.lease || !dhcp.server)
		return false;
	struct claim claim = {
		.kind = CLAIM_LEASE, .ip = ip4(dhcp.fixed + 16), .xid = read32(dhcp.fixed + 4)};
	memcpy(&claim.mac, dhcp.fixed + 28, sizeof(claim.mac));
	uint32_t seconds = read32(dhcp.lease);
	if (seconds != LEASE_FOR_EVER)
		claim.lease_us = (int64_t)(seconds < LEASE_MIN_S ? LEASE_MIN_S : seconds) * 1000000;
	if (!is_usable(&claim.ip) || is_infrastructure(&dhcp, &claim.ip))
		return false;
	*ret = claim;
	return true;
}

static bool parse_neighbour(struct claim *ret, const struct claim_frame *frame)
{
	const uint8_t *header = frame->payload, *message = header + 40;
	if (frame->bytes < 40 + ND_BYTES || header[0] >> 4 != 6 || header[6] != IPPROTO_ICMPV6 ||
	    header[7] != ND_HOPS || read16(header + 4) < ND_BYTES ||
	    read16(header + 4) > frame->bytes - 40 || message[1] != 0)
		return false;
	struct ip source = ip6(header + 8), target = ip6(message + 8);
	static const struct ip unspecified = {.family = 6};
	bool solicits = message[0] == ND_SOLICIT;
	if (!solicits && message[0] != ND_ADVERT)
		return false;
	/* Without a source it asks whether it may have the target (RFC 4862); else it looks for
	 * the target as whoever it is. */
	struct ip claimed = solicits && !ip_equal(&source, &unspecified) ? source : target;
	*ret = (struct claim){.kind = CLAIM_ND, .mac = frame->from, .ip = claimed};
	return is_usable(&claimed);
}

static bool parse_arp(struct claim *ret, const struct claim_frame *frame)
{
	static const uint8_t ethernet_ip[] = {0, ARPHRD_ETHER, 8, 0, 6, 4};
	const uint8_t *arp = frame->payload;
	if (frame->bytes < 28 || memcmp(arp, ethernet_ip, sizeof(ethernet_ip)) != 0 ||
	    memcmp(arp + 8, &frame->from, sizeof(frame->from)) != 0)
		return false;
	*ret = (struct claim){.kind = CLAIM_ARP, .mac = frame->from, .ip = ip4(arp + 14)};
	return is_usable(&ret->ip);
}

bool claim_parse(struct claim *ret, const struct claim_frame *frame)
{
	if (frame->protocol == ETH_P_IP)
		return frame->from_device ? parse_request(ret, frame) : parse_answer(ret, frame);
	if (frame->protocol == ETH_P_IPV6)
		return frame->from_device && parse_neighbour(ret, frame);
	return frame->protocol == ETH_P_ARP && frame->from_device && parse_arp(ret, frame);
}
