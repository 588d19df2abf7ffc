/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/frames.c - makes the frames and knows them again; see frames.h. */
#include "trial/frames.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "trial/frames_inner.h"

enum {
	TAG_BYTES = 12,
	SYN_BYTES = 20 + 4 + TAG_BYTES,
	MIDSTREAM_BYTES = 200,
	PORT_TRIED = 5001,
	FLOOD_SOURCES = 200,
};

static const uint8_t MAGIC[6] = {'k', 'a', 'l', 'k', 'i', '!'};
static const uint8_t MACS[FRAME_ENDS][6] = {{2, 0, 0, 0, 0x0a, 1}, {2, 0, 0, 0, 0x0b, 2}};
static const uint8_t IPS[FRAME_ENDS][4] = {{10, 77, 0, 1}, {10, 77, 0, 2}};
static const uint8_t IPS6[FRAME_ENDS][16] = {
	{0xfd, 0x77, [15] = 1},
	{0xfd, 0x77, [15] = 2},
};

/* A frame as it is put together. */
struct draft {
	uint8_t *bytes;
	size_t length;
	const struct frame_id *id;
};

static void put(struct draft *draft, const void *bytes, size_t count)
{
	memcpy(draft->bytes + draft->length, bytes, count);
	draft->length += count;
}

static void put8(struct draft *draft, unsigned value)
{
	draft->bytes[draft->length++] = (uint8_t)value;
}

static void put16(struct draft *draft, unsigned value)
{
	put8(draft, value >> 8);
	put8(draft, value);
}

static void put32(struct draft *draft, uint32_t value)
{
	put16(draft, value >> 16);
	put16(draft, value & 0xffff);
}

static void put_zeros(struct draft *draft, size_t count)
{
	memset(draft->bytes + draft->length, 0, count);
	draft->length += count;
}

static void put_tag(struct draft *draft)
{
	put(draft, MAGIC, sizeof(MAGIC));
	put8(draft, draft->id->kind);
	put8(draft, draft->id->from);
	put32(draft, draft->id->number);
}

/* Content that is not all the same, and the tag behind it. */
static void put_payload(struct draft *draft, size_t count)
{
	assert(count >= TAG_BYTES);
	for (size_t i = 0; i < count - TAG_BYTES; i++)
		put8(draft, (unsigned)(i * 7 + draft->id->number));
	put_tag(draft);
}

static enum leg_side far_side(const struct draft *draft)
{
	return draft->id->from == LEG_IN ? LEG_OUT : LEG_IN;
}

static void put_macs(struct draft *draft)
{
	put(draft, MACS[far_side(draft)], 6);
	put(draft, MACS[draft->id->from], 6);
}

static void put_macs_to(struct draft *draft, const uint8_t target[static 6])
{
	put(draft, target, 6);
	put(draft, MACS[draft->id->from], 6);
}

static void put_ethernet(struct draft *draft, unsigned type)
{
	put_macs(draft);
	put16(draft, type);
}

struct ip_options {
	unsigned protocol, fragment, option_bytes;
	const uint8_t *source, *target; /* NULL: the two ends */
};

/* The header of a packet with so many bytes behind it. */
static void put_ipv4(struct draft *draft, size_t count, const struct ip_options *options)
{
	uint8_t *header = draft->bytes + draft->length;
	unsigned header_bytes = 20 + options->option_bytes;
	put8(draft, 0x40 | header_bytes / 4);
	put8(draft, 0);
	put16(draft, (unsigned)(header_bytes + count));
	put16(draft, 0x1234);
	put16(draft, options->fragment);
	put8(draft, 64);
	put8(draft, options->protocol);
	put16(draft, 0);
	put(draft, options->source ? options->source : IPS[draft->id->from], 4);
	put(draft, options->target ? options->target : IPS[far_side(draft)], 4);
	memset(draft->bytes + draft->length, 1, options->option_bytes); /* no operation */
	draft->length += options->option_bytes;
	uint16_t sum = frame_sum_end(frame_sum(0, header, header_bytes));
	memcpy(header + 10, &sum, sizeof(sum));
}

static void put_ipv6(struct draft *draft, unsigned next, size_t count)
{
	put32(draft, 6u << 28);
	put16(draft, (unsigned)count);
	put8(draft, next);
	put8(draft, next == IPPROTO_ICMPV6 ? 255 : 64);
	put(draft, IPS6[draft->id->from], 16);
	put(draft, IPS6[far_side(draft)], 16);
}

static void put_udp(struct draft *draft, size_t payload)
{
	put16(draft, draft->id->from == LEG_IN ? PORT_TRIED : 40000);
	put16(draft, draft->id->from == LEG_IN ? 40000 : PORT_TRIED);
	put16(draft, (unsigned)(8 + payload));
	put16(draft, 0);
	put_payload(draft, payload);
}

static void put_tcp(struct draft *draft, unsigned source, unsigned target, unsigned flags,
		    unsigned option_bytes)
{
	put16(draft, source);
	put16(draft, target);
	put32(draft, 1000 + draft->id->number * MIDSTREAM_BYTES);
	put32(draft, flags & 0x10 ? 5000 : 0);
	put8(draft, (5 + option_bytes / 4) << 4);
	put8(draft, flags);
	put16(draft, 1024);
	put32(draft, 0);
}

/* With the tag in an option that nobody knows (RFC 4727): a SYN has no content. */
static void put_syn(struct draft *draft, unsigned source, unsigned target)
{
	put_tcp(draft, source, target, 0x02, SYN_BYTES - 20);
	put32(draft, 0x0101fd0e);
	put_tag(draft);
}

static void udp_of(struct draft *draft, size_t payload)
{
	put_ipv4(draft, 8 + payload, &(struct ip_options){.protocol = IPPROTO_UDP});
	put_udp(draft, payload);
	frame_fill_checksum(draft->bytes, draft->length, false);
}

static void make_udp(struct draft *draft)
{
	put_ethernet(draft, 0x0800);
	udp_of(draft, 40);
}

static void make_udp_unchecked(struct draft *draft)
{
	put_ethernet(draft, 0x0800);
	put_ipv4(draft, 48, &(struct ip_options){.protocol = IPPROTO_UDP});
	put_udp(draft, 40);
}

static void make_arp(struct draft *draft)
{
	static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t nobody[6];
	bool request = draft->id->kind == FRAME_ARP_REQUEST;
	put_macs_to(draft, request ? everybody : MACS[far_side(draft)]);
	put16(draft, 0x0806);
	put32(draft, 0x00010800);
	put16(draft, 0x0604);
	put16(draft, request ? 1 : 2);
	put(draft, MACS[draft->id->from], 6);
	put(draft, IPS[draft->id->from], 4);
	put(draft, request ? nobody : MACS[far_side(draft)], 6);
	put(draft, IPS[far_side(draft)], 4);
	put_zeros(draft, FRAME_BYTES_MIN - TAG_BYTES - draft->length);
	put_tag(draft);
}

static void make_tcp_syn(struct draft *draft)
{
	put_ethernet(draft, 0x0800);
	put_ipv4(draft, SYN_BYTES, &(struct ip_options){.protocol = IPPROTO_TCP});
	put_syn(draft, 41000 + draft->id->number % 1000, 8080);
	frame_fill_checksum(draft->bytes, draft->length, false);
}

static void make_icmp(struct draft *draft)
{
	put_ethernet(draft, 0x0800);
	put_ipv4(draft, 8 + 56, &(struct ip_options){.protocol = IPPROTO_ICMP});
	uint8_t *icmp = draft->bytes + draft->length;
	put16(draft, 8 << 8);
	put16(draft, 0);
	put32(draft, 0x00010000 | (draft->id->number & 0xffff));
	put_payload(draft, 56);
	uint16_t sum = frame_sum_end(frame_sum(0, icmp, 64));
	memcpy(icmp + 2, &sum, sizeof(sum));
}

static void make_options(struct draft *draft)
{
	put_ethernet(draft, 0x0800);
	put_ipv4(draft, 48, &(struct ip_options){.protocol = IPPROTO_UDP, .option_bytes = 40});
	put_udp(draft, 40);
	frame_fill_checksum(draft->bytes, draft->length, false);
}

static void make_to_many(struct draft *draft)
{
	static const uint8_t macs[2][6] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
					   {1, 0, 0x5e, 0, 0, 0xfb}};
	static const uint8_t ips[2][4] = {{255, 255, 255, 255}, {224, 0, 0, 251}};
	bool multicast = draft->id->kind == FRAME_MULTICAST;
	put_macs_to(draft, macs[multicast]);
	put16(draft, 0x0800);
	put_ipv4(draft, 48,
		 &(struct ip_options){.protocol = IPPROTO_UDP, .target = ips[multicast]});
	put_udp(draft, 40);
	frame_fill_checksum(draft->bytes, draft->length, false);
}

static void make_esp(struct draft *draft)
{
	put_ethernet(draft, 0x0800);
	put_ipv4(draft, 64, &(struct ip_options){.protocol = IPPROTO_ESP});
	put_payload(draft, 64);
}

static void make_udp6(struct draft *draft)
{
	put_ethernet(draft, 0x86dd);
	put_ipv6(draft, IPPROTO_UDP, 48);
	put_udp(draft, 40);
	frame_fill_checksum(draft->bytes, draft->length, false);
}

static void make_tcp6_syn(struct draft *draft)
{
	put_ethernet(draft, 0x86dd);
	put_ipv6(draft, IPPROTO_TCP, SYN_BYTES);
	put_syn(draft, 41000 + draft->id->number % 1000, 8080);
	frame_fill_checksum(draft->bytes, draft->length, false);
}

static void end_icmp6(struct draft *draft, uint8_t *icmp)
{
	size_t count = (size_t)(draft->bytes + draft->length - icmp);
	uint32_t sum = frame_sum(htons(IPPROTO_ICMPV6) + htons((uint16_t)count), icmp - 32, 32);
	uint16_t end = frame_sum_end(frame_sum(sum, icmp, count));
	memcpy(icmp + 2, &end, sizeof(end));
}

static void make_icmp6(struct draft *draft)
{
	put_ethernet(draft, 0x86dd);
	put_ipv6(draft, IPPROTO_ICMPV6, 48);
	uint8_t *icmp = draft->bytes + draft->length;
	put16(draft, 128 << 8);
	put16(draft, 0);
	put32(draft, 0x00010000 | (draft->id->number & 0xffff));
	put_payload(draft, 40);
	end_icmp6(draft, icmp);
}

/* A neighbour solicitation, with the tag in an option that nobody knows. */
static void make_neighbour(struct draft *draft)
{
	static const uint8_t asked[6] = {0x33, 0x33, 0xff, 0, 0, 0};
	uint8_t target[6];
	memcpy(target, asked, sizeof(target));
	target[5] = IPS6[far_side(draft)][15];
	put_macs_to(draft, target);
	put16(draft, 0x86dd);
	put_ipv6(draft, IPPROTO_ICMPV6, 24 + 8 + 16);
	uint8_t *icmp = draft->bytes + draft->length;
	put16(draft, 135 << 8);
	put16(draft, 0);
	put32(draft, 0);
	put(draft, IPS6[far_side(draft)], 16);
	put16(draft, 0x0101);
	put(draft, MACS[draft->id->from], 6);
	put16(draft, 0xfd02); /* experimental, 16 bytes */
	put16(draft, 0);
	put_tag(draft);
	end_icmp6(draft, icmp);
}

static void make_extension(struct draft *draft)
{
	put_ethernet(draft, 0x86dd);
	put_ipv6(draft, IPPROTO_HOPOPTS, 8 + 48);
	put32(draft, (uint32_t)IPPROTO_NONE << 24 | 0x0104);
	put32(draft, 0);
	put_payload(draft, 48);
}

static void make_fragment(struct draft *draft)
{
	bool first = draft->id->kind == FRAME_FIRST_FRAGMENT;
	put_ethernet(draft, 0x0800);
	put_ipv4(draft, first ? 72 : 48,
		 &(struct ip_options){.protocol = IPPROTO_UDP, .fragment = first ? 0x2000 : 9});
	if (first) {
		put16(draft, 40000);
		put16(draft, PORT_TRIED);
		put16(draft, 120);
		put16(draft, 0);
	}
	put_payload(draft, first ? 64 : 48);
}

static void make_fragment6(struct draft *draft)
{
	put_ethernet(draft, 0x86dd);
	put_ipv6(draft, IPPROTO_FRAGMENT, 8 + 48);
	put32(draft, (uint32_t)IPPROTO_UDP << 24 | (9 << 3));
	put32(draft, 0x00beef00);
	put_payload(draft, 48);
}

static void make_vlan(struct draft *draft)
{
	put_macs(draft);
	if (draft->id->kind == FRAME_VLAN_TWICE)
		put32(draft, 0x88a80007);
	put32(draft, draft->id->kind == FRAME_VLAN_PRIORITY ? 0x8100a000 : 0x81006008);
	put16(draft, 0x0800);
	put_ipv4(draft, 48, &(struct ip_options){.protocol = IPPROTO_UDP});
	put_udp(draft, 40);
}

/* Of a kind that is not IP at all. */
static void make_other(struct draft *draft)
{
	switch (draft->id->kind) {
	case FRAME_EAPOL:
		put_ethernet(draft, 0x888e);
		put32(draft, 0x02000030);
		break;
	case FRAME_LLC:
		put_ethernet(draft, 3 + 48);
		put16(draft, 0x4242);
		put8(draft, 3);
		break;
	default: put_ethernet(draft, 0x88b5); break;
	}
	put_payload(draft, 48);
}

static void make_sized(struct draft *draft)
{
	put_ethernet(draft, 0x0800);
	udp_of(draft, FRAME_BYTES_MIN + draft->id->number - 14 - 20 - 8);
}

static void make_midstream(struct draft *draft)
{
	bool six = draft->id->kind == FRAME_MIDSTREAM6, to_device = draft->id->from == LEG_OUT;
	put_ethernet(draft, six ? 0x86dd : 0x0800);
	if (six)
		put_ipv6(draft, IPPROTO_TCP, 20 + MIDSTREAM_BYTES);
	else
		put_ipv4(draft, 20 + MIDSTREAM_BYTES,
			 &(struct ip_options){.protocol = IPPROTO_TCP});
	put_tcp(draft, to_device ? 42000 : 554, to_device ? 554 : 42000, 0x18, 0);
	put_payload(draft, MIDSTREAM_BYTES);
	frame_fill_checksum(draft->bytes, draft->length, false);
}

static void make_flood(struct draft *draft)
{
	bool syn = draft->id->kind == FRAME_FLOOD_SYN;
	uint32_t number = draft->id->number;
	uint8_t far[4] = {198, 51, 100, (uint8_t)(1 + number % FLOOD_SOURCES)};
	unsigned port = 1 + number * 37 % 65535;
	put_ethernet(draft, 0x0800);
	put_ipv4(draft, syn ? SYN_BYTES : 28,
		 &(struct ip_options){
			 .protocol = syn ? IPPROTO_TCP : IPPROTO_UDP,
			 .source = draft->id->from == LEG_OUT ? far : NULL,
			 .target = draft->id->from == LEG_IN ? far : NULL,
		 });
	if (syn) {
		put_syn(draft, 1024 + number % 60000, port);
	} else {
		put16(draft, 1024 + number % 60000);
		put16(draft, port);
		put32(draft, 28u << 16);
		put_payload(draft, 20);
	}
	frame_fill_checksum(draft->bytes, draft->length, false);
}

static const struct {
	const char *words;
	void (*make)(struct draft *draft);
} KINDS[FRAME_KIND_COUNT] = {
	[FRAME_PROBE] = {"a UDP packet", make_udp},
	[FRAME_TIMED] = {"a UDP packet", make_udp},
	[FRAME_ARP_REQUEST] = {"an ARP request", make_arp},
	[FRAME_ARP_REPLY] = {"an ARP reply", make_arp},
	[FRAME_UDP] = {"a UDP packet", make_udp},
	[FRAME_UDP_UNCHECKED] = {"a UDP packet without a checksum", make_udp_unchecked},
	[FRAME_TCP_SYN] = {"a TCP SYN", make_tcp_syn},
	[FRAME_ICMP] = {"a ping", make_icmp},
	[FRAME_OPTIONS] = {"a packet with IP options", make_options},
	[FRAME_BROADCAST] = {"a broadcast", make_to_many},
	[FRAME_MULTICAST] = {"a multicast", make_to_many},
	[FRAME_ESP] = {"an ESP packet", make_esp},
	[FRAME_UDP6] = {"a UDP packet over IPv6", make_udp6},
	[FRAME_TCP6_SYN] = {"a TCP SYN over IPv6", make_tcp6_syn},
	[FRAME_ICMP6] = {"a ping over IPv6", make_icmp6},
	[FRAME_NEIGHBOUR] = {"a neighbour solicitation", make_neighbour},
	[FRAME_EXTENSION] = {"a packet with an IPv6 extension header", make_extension},
	[FRAME_FIRST_FRAGMENT] = {"a first fragment", make_fragment},
	[FRAME_LAST_FRAGMENT] = {"a last fragment", make_fragment},
	[FRAME_FRAGMENT6] = {"a fragment of IPv6", make_fragment6},
	[FRAME_VLAN] = {"a frame with a VLAN tag", make_vlan},
	[FRAME_VLAN_PRIORITY] = {"a frame with a priority tag", make_vlan},
	[FRAME_VLAN_TWICE] = {"a frame with two VLAN tags", make_vlan},
	[FRAME_EAPOL] = {"an EAPOL frame", make_other},
	[FRAME_LLC] = {"an LLC frame", make_other},
	[FRAME_UNKNOWN] = {"a frame of an unknown protocol", make_other},
	[FRAME_SIZED] = {"a frame by its size", make_sized},
	[FRAME_MIDSTREAM] = {"a packet of an older TCP connection", make_midstream},
	[FRAME_MIDSTREAM6] = {"a packet of an older TCP connection over IPv6", make_midstream},
	[FRAME_FLOOD_SYN] = {"a SYN of the flood", make_flood},
	[FRAME_FLOOD_UDP] = {"a UDP packet of the flood", make_flood},
};

const char *frame_kind_words(enum frame_kind kind)
{
	return KINDS[kind].words;
}

void frame_device(struct device_identity *ret)
{
	*ret = (struct device_identity){.number = 1, .ip_count = 2};
	TEXT_COPY(ret->name, "trial");
	memcpy(ret->mac.octet, MACS[LEG_IN], sizeof(ret->mac.octet));
	ret->ips[0].family = 4;
	memcpy(ret->ips[0].octet, IPS[LEG_IN], 4);
	ret->ips[1].family = 6;
	memcpy(ret->ips[1].octet, IPS6[LEG_IN], 16);
}

size_t frame_make(uint8_t frame[static FRAME_BYTES_MAX], const struct frame_id *id)
{
	struct draft draft = {.id = id};
	draft.bytes = frame;
	KINDS[id->kind].make(&draft);
	assert(draft.length <= FRAME_BYTES_MAX);
	return draft.length;
}

static bool read_tag(struct frame_id *ret, const uint8_t *tag)
{
	if (memcmp(tag, MAGIC, sizeof(MAGIC)) != 0 || tag[6] >= FRAME_KIND_COUNT ||
	    tag[7] >= FRAME_ENDS)
		return false;
	uint32_t number;
	memcpy(&number, tag + 8, sizeof(number));
	*ret = (struct frame_id){tag[6], tag[7], ntohl(number)};
	return true;
}

bool frame_identify(struct frame_id *ret, const uint8_t *frame, size_t count)
{
	/* Nearly always at the end; elsewhere in a frame that was made longer. */
	for (size_t at = count; at >= TAG_BYTES; at--) {
		if (frame[at - TAG_BYTES] == MAGIC[0] && read_tag(ret, frame + at - TAG_BYTES))
			return true;
	}
	return false;
}

size_t frame_make_burst(uint8_t *frame, uint8_t family, enum leg_side from)
{
	struct frame_id id = {FRAME_MIDSTREAM, from, 0};
	struct draft draft = {.bytes = frame, .id = &id};
	size_t payload = FRAME_BURST_BYTES;
	put_ethernet(&draft, family == 6 ? 0x86dd : 0x0800);
	if (family == 6)
		put_ipv6(&draft, IPPROTO_TCP, 20 + payload);
	else
		put_ipv4(&draft, 20 + payload, &(struct ip_options){.protocol = IPPROTO_TCP});
	size_t headers = draft.length + 20;
	put16(&draft, BURST_PORT);
	put16(&draft, PORT_TRIED);
	put32(&draft, BURST_SEQUENCE);
	put32(&draft, 5000);
	put32(&draft, 0x50180400);
	put32(&draft, 0);
	for (size_t i = 0; i < payload; i++)
		put8(&draft, burst_byte(i));
	frame_fill_checksum(frame, draft.length, true);
	return headers;
}

bool frame_is_burst(const uint8_t *frame, size_t count, uint8_t family, enum leg_side from)
{
	size_t headers = family == 6 ? 54 : 34;
	unsigned type = family == 6 ? 0x86dd : 0x0800;
	return count >= headers + 20 && frame_get16(frame + 12) == type &&
	       frame[family == 6 ? 20 : 23] == IPPROTO_TCP &&
	       frame_get16(frame + headers) == BURST_PORT &&
	       (family == 6 ? memcmp(frame + 22, IPS6[from], 16) == 0
			    : memcmp(frame + 26, IPS[from], 4) == 0);
}
