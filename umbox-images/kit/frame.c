/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - reads the headers of a frame. */
#include <arpa/inet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "umbox_frame.h"

enum {
	ETHERNET_BYTES = 14,
	TAG_BYTES = 4,
	TAGS_MAX = 2,
	ETHER_TYPE_MIN = 0x600,
	ARP_BYTES = 28,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	TCP_BYTES = 20,
	UDP_BYTES = 8,
	ICMP_BYTES = 4,
};

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

static void get_ip(struct umbox_ip *ret, uint8_t family, const uint8_t *bytes)
{
	*ret = (struct umbox_ip){.family = family};
	memcpy(ret->octet, bytes, family == 4 ? 4 : 16);
}

/* The walk through one frame: `at` is the next header, `end` where the packet ends. */
struct walk {
	const uint8_t *bytes;
	uint32_t at, end;
};

static uint32_t left(const struct walk *walk)
{
	return walk->end - walk->at;
}

/* RFC 9293 */
static bool parse_tcp(struct umbox_headers *ret, struct walk *walk)
{
	const uint8_t *tcp = walk->bytes + walk->at;
	if (left(walk) < TCP_BYTES) {
		ret->evasive = ret->fragment;
		return false;
	}
	uint32_t header_bytes = (uint32_t)(tcp[12] >> 4) * 4;
	ret->transport = walk->at;
	ret->source_port = get16(tcp);
	ret->target_port = get16(tcp + 2);
	ret->tcp_sequence = get32(tcp + 4);
	ret->tcp_acknowledgment = get32(tcp + 8);
	ret->tcp_flags = tcp[13];
	if (header_bytes < TCP_BYTES || header_bytes > left(walk))
		return false;
	ret->payload = walk->at + header_bytes;
	ret->payload_bytes = walk->end - ret->payload;
	return true;
}

static bool parse_udp(struct umbox_headers *ret, struct walk *walk)
{
	const uint8_t *udp = walk->bytes + walk->at;
	if (left(walk) < UDP_BYTES)
		return false;
	uint32_t length = get16(udp + 4);
	ret->transport = walk->at;
	ret->source_port = get16(udp);
	ret->target_port = get16(udp + 2);
	if (length < UDP_BYTES || (!ret->fragment && length > left(walk)))
		return false;
	ret->payload = walk->at + UDP_BYTES;
	ret->payload_bytes = (length < left(walk) ? length : left(walk)) - UDP_BYTES;
	return true;
}

static bool parse_icmp(struct umbox_headers *ret, struct walk *walk)
{
	if (left(walk) < ICMP_BYTES)
		return false;
	ret->transport = walk->at;
	ret->icmp_type = walk->bytes[walk->at];
	ret->icmp_code = walk->bytes[walk->at + 1];
	ret->payload = walk->at + ICMP_BYTES;
	ret->payload_bytes = left(walk) - ICMP_BYTES;
	return true;
}

static bool parse_transport(struct umbox_headers *ret, struct walk *walk)
{
	if (ret->fragment_later)
		return true;
	switch (ret->protocol) {
	case IPPROTO_TCP: return parse_tcp(ret, walk);
	case IPPROTO_UDP: return parse_udp(ret, walk);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6: return parse_icmp(ret, walk);
	default: return true;
	}
}

/* `offset` counts in units of 8 bytes.  A later fragment at 1 would carry the TCP flags. */
static void note_fragment(struct umbox_headers *ret, unsigned offset, bool more)
{
	ret->fragment = offset || more;
	ret->fragment_later = offset != 0;
	ret->evasive = offset == 1 && ret->protocol == IPPROTO_TCP;
}

/* RFC 791.  A total length of 0 is a GSO packet of more than 64 KiB. */
static bool parse_ipv4(struct umbox_headers *ret, struct walk *walk)
{
	const uint8_t *ip = walk->bytes + walk->at;
	if (left(walk) < IPV4_BYTES || ip[0] >> 4 != 4)
		return false;
	uint32_t header_bytes = (uint32_t)(ip[0] & 0xf) * 4, total = get16(ip + 2);
	ret->network = walk->at;
	ret->protocol = ip[9];
	get_ip(&ret->source, 4, ip + 12);
	get_ip(&ret->target, 4, ip + 16);
	note_fragment(ret, get16(ip + 6) & 0x1fff, get16(ip + 6) & 0x2000);
	if (!total)
		total = left(walk);
	if (header_bytes < IPV4_BYTES || total < header_bytes || total > left(walk))
		return false;
	walk->end = walk->at + total;
	walk->at += header_bytes;
	return parse_transport(ret, walk);
}

static bool is_extension(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
	case 135: /* mobility */
	case 139: /* host identity */
	case 140: /* shim6 */ return true;
	default: return false;
	}
}

/* Steps over one extension header; false when it is cut short. */
static bool parse_extension(struct umbox_headers *ret, struct walk *walk)
{
	const uint8_t *extension = walk->bytes + walk->at;
	if (left(walk) < 8)
		return false;
	uint8_t kind = ret->protocol;
	uint32_t bytes = kind == IPPROTO_FRAGMENT ? 8
			 : kind == IPPROTO_AH     ? (extension[1] + 2u) * 4
						  : (extension[1] + 1u) * 8;
	ret->protocol = extension[0];
	if (kind == IPPROTO_FRAGMENT)
		note_fragment(ret, get16(extension + 2) >> 3, extension[3] & 1);
	if (bytes > left(walk))
		return false;
	walk->at += bytes;
	return true;
}

/* RFC 8200 */
static bool parse_ipv6(struct umbox_headers *ret, struct walk *walk)
{
	const uint8_t *ip = walk->bytes + walk->at;
	if (left(walk) < IPV6_BYTES || ip[0] >> 4 != 6)
		return false;
	uint32_t payload = get16(ip + 4);
	ret->network = walk->at;
	ret->protocol = ip[6];
	get_ip(&ret->source, 6, ip + 8);
	get_ip(&ret->target, 6, ip + 24);
	walk->at += IPV6_BYTES;
	if (payload > left(walk))
		return false;
	if (payload) /* 0: a jumbogram, or GSO of more than 64 KiB */
		walk->end = walk->at + payload;
	for (unsigned i = 0; is_extension(ret->protocol) && !ret->fragment_later; i++)
		if (i == UMBOX_EXTENSIONS_MAX || !parse_extension(ret, walk)) {
			ret->evasive = i == UMBOX_EXTENSIONS_MAX || ret->fragment;
			return false;
		}
	return parse_transport(ret, walk);
}

/* RFC 826, for IPv4 over Ethernet. */
static bool parse_arp(struct umbox_headers *ret, struct walk *walk)
{
	static const uint8_t ethernet_ipv4[] = {0, 1, 8, 0, 6, 4};
	const uint8_t *arp = walk->bytes + walk->at;
	if (left(walk) < ARP_BYTES || memcmp(arp, ethernet_ipv4, sizeof(ethernet_ipv4)) != 0)
		return false;
	ret->network = walk->at;
	ret->arp_operation = get16(arp + 6);
	get_ip(&ret->source, 4, arp + 14);
	get_ip(&ret->target, 4, arp + 24);
	return true;
}

/* An EtherType of its own behind an LLC and SNAP header (RFC 1042, 802.1H): an access point makes
 * the same of it as of a plain frame. */
static bool is_wrapped(const struct walk *walk, uint16_t ether_type)
{
	static const uint8_t heads[][6] = {{0xaa, 0xaa, 3, 0, 0, 0}, {0xaa, 0xaa, 3, 0, 0, 0xf8}};
	const uint8_t *head = walk->bytes + walk->at;
	return ether_type < ETHER_TYPE_MIN && left(walk) >= sizeof(heads[0]) &&
	       (!memcmp(head, heads[0], sizeof(heads[0])) ||
		!memcmp(head, heads[1], sizeof(heads[1])));
}

bool umbox_parse(struct umbox_headers *ret, const uint8_t *bytes, size_t length)
{
	struct walk walk = {.bytes = bytes, .at = ETHERNET_BYTES, .end = (uint32_t)length};
	*ret = (struct umbox_headers){0};
	if (length < ETHERNET_BYTES || length > UINT32_MAX)
		return false;
	ret->ether_type = get16(bytes + 12);
	while ((ret->ether_type == ETHERTYPE_VLAN || ret->ether_type == 0x88a8) &&
	       left(&walk) >= TAG_BYTES && ret->tags < TAGS_MAX) {
		if (!ret->tags++)
			ret->vlan = get16(bytes + walk.at) & 0xfff;
		ret->ether_type = get16(bytes + walk.at + 2);
		walk.at += TAG_BYTES;
	}
	switch (ret->ether_type) {
	case ETHERTYPE_IP: return parse_ipv4(ret, &walk);
	case ETHERTYPE_IPV6: return parse_ipv6(ret, &walk);
	case ETHERTYPE_ARP: return parse_arp(ret, &walk);
	case ETHERTYPE_VLAN:
	case 0x88a8: ret->evasive = left(&walk) >= TAG_BYTES; return false;
	default: ret->evasive = is_wrapped(&walk, ret->ether_type); return !ret->evasive;
	}
}

uint32_t umbox_frame_packets(const struct umbox_frame *frame, const struct umbox_headers *headers)
{
	uint32_t segment = frame->offload.segment_bytes;
	if (frame->offload.gso_type == VIRTIO_NET_HDR_GSO_NONE || !segment ||
	    headers->payload_bytes <= segment)
		return 1;
	return (headers->payload_bytes + segment - 1) / segment;
}

bool umbox_frame_checksum_partial(const struct umbox_frame *frame)
{
	return frame->offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
}

uint16_t umbox_checksum_change(uint16_t checksum, uint16_t before, uint16_t after)
{
	uint32_t sum = (uint16_t)~checksum + (uint32_t)(uint16_t)~before + after;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void umbox_ip_print(char text[static UMBOX_IP_TEXT_BYTES], const struct umbox_ip *ip)
{
	text[0] = '\0';
	if (ip->family)
		inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->octet, text,
			  UMBOX_IP_TEXT_BYTES);
}

bool umbox_ip_link_local(const struct umbox_ip *ip)
{
	return ip->family == 6 && ip->octet[0] == 0xfe && (ip->octet[1] & 0xc0) == 0x80;
}

bool umbox_ip_equal(const struct umbox_ip *a, const struct umbox_ip *b)
{
	return a->family == b->family && !memcmp(a->octet, b->octet, sizeof(a->octet));
}
