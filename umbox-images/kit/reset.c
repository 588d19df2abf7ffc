/* SPDX-License-Identifier: Apache-2.0 */
/* reset.c - makes a TCP reset from a frame; see umbox_frame.h. */
#include <netinet/in.h>
#include <string.h>

#include "umbox_frame.h"

enum { MAC_BYTES = 6, IPV4_BYTES = 20, IPV6_BYTES = 40, TCP_BYTES = 20, TTL = 64 };

static void set16(uint8_t *bytes, uint32_t number)
{
	bytes[0] = (uint8_t)(number >> 8);
	bytes[1] = (uint8_t)number;
}

static void set32(uint8_t *bytes, uint32_t number)
{
	set16(bytes, number >> 16);
	set16(bytes + 2, number);
}

/* RFC 1071; an even count of bytes. */
static uint32_t sum_of(const uint8_t *bytes, size_t count)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < count; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	return sum;
}

static uint32_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
}

/* The IP header without options; returns its length. */
static uint32_t put_ip(uint8_t *ip, const struct umbox_ip *source, const struct umbox_ip *target)
{
	if (source->family == 4) {
		memset(ip, 0, IPV4_BYTES);
		ip[0] = 0x45;
		set16(ip + 2, IPV4_BYTES + TCP_BYTES);
		ip[6] = 0x40; /* not to be fragmented */
		ip[8] = TTL;
		ip[9] = IPPROTO_TCP;
		memcpy(ip + 12, source->octet, 4);
		memcpy(ip + 16, target->octet, 4);
		set16(ip + 10, fold(sum_of(ip, IPV4_BYTES)));
		return IPV4_BYTES;
	}
	memset(ip, 0, IPV6_BYTES);
	ip[0] = 0x60;
	set16(ip + 4, TCP_BYTES);
	ip[6] = IPPROTO_TCP;
	ip[7] = TTL;
	memcpy(ip + 8, source->octet, 16);
	memcpy(ip + 24, target->octet, 16);
	return IPV6_BYTES;
}

static void put_tcp(uint8_t *tcp, const struct umbox_headers *headers, bool back, uint32_t sequence,
		    uint32_t acknowledgment)
{
	uint32_t sum = IPPROTO_TCP + TCP_BYTES; /* of the pseudo header */
	memset(tcp, 0, TCP_BYTES);
	set16(tcp, back ? headers->target_port : headers->source_port);
	set16(tcp + 2, back ? headers->source_port : headers->target_port);
	set32(tcp + 4, sequence);
	set32(tcp + 8, acknowledgment);
	tcp[12] = TCP_BYTES / 4 << 4;
	tcp[13] = UMBOX_TCP_RST | UMBOX_TCP_ACK;
	sum += sum_of(headers->source.octet, 16) + sum_of(headers->target.octet, 16);
	set16(tcp + 16, fold(sum + sum_of(tcp, TCP_BYTES)));
}

uint32_t umbox_reset_make(uint8_t *bytes, const struct umbox_frame *frame,
			  const struct umbox_headers *headers, bool back, uint32_t sequence,
			  uint32_t acknowledgment)
{
	if (headers->protocol != IPPROTO_TCP || !headers->transport)
		return 0;
	memcpy(bytes, frame->bytes, headers->network);
	if (back) {
		memcpy(bytes, frame->bytes + MAC_BYTES, MAC_BYTES);
		memcpy(bytes + MAC_BYTES, frame->bytes, MAC_BYTES);
	}
	uint32_t at = headers->network;
	at += put_ip(bytes + at, back ? &headers->target : &headers->source,
		     back ? &headers->source : &headers->target);
	put_tcp(bytes + at, headers, back, sequence, acknowledgment);
	return at + TCP_BYTES;
}
