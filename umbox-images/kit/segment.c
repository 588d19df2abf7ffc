/* SPDX-License-Identifier: Apache-2.0 */
/* segment.c - see segment.h, and RFC 9293, 791, 8200. */
#include "segment.h"

#include <netinet/in.h>
#include <string.h>

enum { MAC_BYTES = 6, IPV4_BYTES = 20, IPV6_BYTES = 40, TCP_BYTES = 20, MSS_BYTES = 4, TTL = 64 };

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

/* RFC 1071 */
static uint64_t sum_of(const uint8_t *bytes, size_t count)
{
	uint64_t sum = 0;
	for (size_t i = 0; i + 1 < count; i += 2)
		sum += (uint64_t)(bytes[i] << 8 | bytes[i + 1]);
	return count % 2 ? sum + (uint64_t)(bytes[count - 1] << 8) : sum;
}

static uint32_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~(uint32_t)sum & 0xffff;
}

/* Of the TCP segment with its pseudo header. */
static uint32_t tcp_sum(const uint8_t *tcp, uint32_t count, const struct umbox_ip *source,
			const struct umbox_ip *target)
{
	return fold(IPPROTO_TCP + (uint64_t)count + sum_of(source->octet, 16) +
		    sum_of(target->octet, 16) + sum_of(tcp, count));
}

/* The IP header without options; returns its length. */
static uint32_t put_ip(uint8_t *ip, const struct segment *segment, uint32_t tcp_bytes)
{
	if (segment->source.family == 4) {
		memset(ip, 0, IPV4_BYTES);
		ip[0] = 0x45;
		set16(ip + 2, IPV4_BYTES + tcp_bytes);
		ip[6] = 0x40; /* not to be fragmented */
		ip[8] = TTL;
		ip[9] = IPPROTO_TCP;
		memcpy(ip + 12, segment->source.octet, 4);
		memcpy(ip + 16, segment->target.octet, 4);
		set16(ip + 10, fold(sum_of(ip, IPV4_BYTES)));
		return IPV4_BYTES;
	}
	memset(ip, 0, IPV6_BYTES);
	ip[0] = 0x60;
	set16(ip + 4, tcp_bytes);
	ip[6] = IPPROTO_TCP;
	ip[7] = TTL;
	memcpy(ip + 8, segment->source.octet, 16);
	memcpy(ip + 24, segment->target.octet, 16);
	return IPV6_BYTES;
}

uint32_t segment_make(uint8_t *bytes, const struct segment *segment)
{
	uint32_t head = segment->mss ? TCP_BYTES + MSS_BYTES : TCP_BYTES;
	uint32_t tcp_bytes = head + segment->payload_bytes;
	memcpy(bytes, segment->link, segment->link_bytes);
	uint8_t *ip = bytes + segment->link_bytes;
	uint8_t *tcp = ip + put_ip(ip, segment, tcp_bytes);
	memset(tcp, 0, head);
	set16(tcp, segment->source_port);
	set16(tcp + 2, segment->target_port);
	set32(tcp + 4, segment->sequence);
	set32(tcp + 8, segment->acknowledgment);
	tcp[12] = (uint8_t)(head / 4 << 4);
	tcp[13] = segment->flags;
	set16(tcp + 14, segment->window);
	if (segment->mss) {
		tcp[TCP_BYTES] = 2;
		tcp[TCP_BYTES + 1] = MSS_BYTES;
		set16(tcp + TCP_BYTES + 2, segment->mss);
	}
	if (segment->payload_bytes)
		memcpy(tcp + head, segment->payload, segment->payload_bytes);
	set16(tcp + 16, tcp_sum(tcp, tcp_bytes, &segment->source, &segment->target));
	return (uint32_t)(tcp - bytes) + tcp_bytes;
}

void segment_turn_link(uint8_t link[static SEGMENT_LINK_BYTES], const struct umbox_frame *frame,
		       const struct umbox_headers *headers)
{
	memcpy(link, frame->bytes, headers->network);
	memcpy(link, frame->bytes + MAC_BYTES, MAC_BYTES);
	memcpy(link + MAC_BYTES, frame->bytes, MAC_BYTES);
}

bool segment_checksum_good(const struct umbox_frame *frame, const struct umbox_headers *headers)
{
	return umbox_frame_checksum_partial(frame) ||
	       !tcp_sum(frame->bytes + headers->transport,
			headers->payload + headers->payload_bytes - headers->transport,
			&headers->source, &headers->target);
}
