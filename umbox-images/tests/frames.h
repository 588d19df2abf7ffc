/* SPDX-License-Identifier: Apache-2.0 */
/* frames.h - builds frames for the unit tests. */
#pragma once

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "umbox_frame.h"

enum { FRAME_TEST_BYTES = 2048 };

struct test_frame {
	uint8_t bytes[FRAME_TEST_BYTES];
	uint32_t length;
};

static inline void put_bytes(struct test_frame *frame, const void *bytes, uint32_t count)
{
	memcpy(frame->bytes + frame->length, bytes, count);
	frame->length += count;
}

static inline void put16(struct test_frame *frame, uint16_t number)
{
	put_bytes(frame, (uint8_t[]){(uint8_t)(number >> 8), (uint8_t)number}, 2);
}

static inline void set16(struct test_frame *frame, uint32_t at, uint16_t number)
{
	frame->bytes[at] = (uint8_t)(number >> 8);
	frame->bytes[at + 1] = (uint8_t)number;
}

static inline void start_frame(struct test_frame *frame, uint16_t ether_type)
{
	memset(frame, 0, sizeof(*frame));
	put_bytes(frame, "\x02\0\0\0\x0a\x01\x02\0\0\0\x0a\x02", 12);
	put16(frame, ether_type);
}

/* An IPv4 header for `payload_bytes` that the caller puts behind it; offset in units of 8 bytes. */
static inline void put_ipv4(struct test_frame *frame, const char *source, const char *target,
			    uint8_t protocol, uint16_t payload_bytes, uint16_t fragment)
{
	uint8_t header[20] = {0x45, [8] = 64, [9] = protocol};
	inet_pton(AF_INET, source, header + 12);
	inet_pton(AF_INET, target, header + 16);
	put_bytes(frame, header, sizeof(header));
	set16(frame, frame->length - 18, (uint16_t)(20 + payload_bytes));
	set16(frame, frame->length - 14, fragment);
}

static inline void put_ipv6(struct test_frame *frame, const char *source, const char *target,
			    uint8_t protocol, uint16_t payload_bytes)
{
	uint8_t header[40] = {0x60, [6] = protocol, [7] = 64};
	inet_pton(AF_INET6, source, header + 8);
	inet_pton(AF_INET6, target, header + 24);
	put_bytes(frame, header, sizeof(header));
	set16(frame, frame->length - 36, payload_bytes);
}

enum { TCP_TEST_BYTES = 20 };

static inline void put_tcp(struct test_frame *frame, uint16_t source_port, uint16_t target_port,
			   uint32_t sequence, uint8_t flags)
{
	put16(frame, source_port);
	put16(frame, target_port);
	put16(frame, (uint16_t)(sequence >> 16));
	put16(frame, (uint16_t)sequence);
	put_bytes(frame, (uint8_t[12]){[4] = 5 << 4, [5] = flags}, 12);
}

static inline void make_tcp4(struct test_frame *frame, const char *source, uint16_t source_port,
			     uint16_t target_port, uint32_t sequence, uint8_t flags)
{
	start_frame(frame, 0x0800);
	put_ipv4(frame, source, "10.20.0.11", 6, TCP_TEST_BYTES, 0);
	put_tcp(frame, source_port, target_port, sequence, flags);
}

static inline void make_tcp6(struct test_frame *frame, const char *source, uint16_t source_port,
			     uint16_t target_port, uint32_t sequence, uint8_t flags)
{
	start_frame(frame, 0x86dd);
	put_ipv6(frame, source, "2001:db8:a::11", 6, TCP_TEST_BYTES);
	put_tcp(frame, source_port, target_port, sequence, flags);
}

static inline void make_udp4(struct test_frame *frame, const char *source, uint16_t source_port,
			     const char *target, uint16_t target_port, const void *payload,
			     uint16_t payload_bytes)
{
	start_frame(frame, 0x0800);
	put_ipv4(frame, source, target, 17, (uint16_t)(8 + payload_bytes), 0);
	put16(frame, source_port);
	put16(frame, target_port);
	put16(frame, (uint16_t)(8 + payload_bytes));
	put16(frame, 0);
	put_bytes(frame, payload, payload_bytes);
}

static inline void make_tcp4_to(struct test_frame *frame, const char *source, uint16_t source_port,
				const char *target, uint16_t target_port, uint8_t flags)
{
	start_frame(frame, 0x0800);
	put_ipv4(frame, source, target, 6, TCP_TEST_BYTES, 0);
	put_tcp(frame, source_port, target_port, 1, flags);
}

static inline void make_echo4(struct test_frame *frame, const char *source, const char *target,
			      uint8_t type, uint16_t identifier)
{
	start_frame(frame, 0x0800);
	put_ipv4(frame, source, target, 1, 8, 0);
	put_bytes(frame, (uint8_t[4]){type}, 4);
	put16(frame, identifier);
	put16(frame, 1);
}

static inline void make_arp(struct test_frame *frame, const char *source, const char *target)
{
	uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2};
	inet_pton(AF_INET, source, arp + 14);
	inet_pton(AF_INET, target, arp + 24);
	start_frame(frame, 0x0806);
	put_bytes(frame, arp, sizeof(arp));
}

/* DNS messages, made piece by piece. */
struct test_dns {
	uint8_t bytes[1024];
	uint16_t length;
};

static inline void put_dns(struct test_dns *dns, const void *bytes, size_t count)
{
	memcpy(dns->bytes + dns->length, bytes, count);
	dns->length = (uint16_t)(dns->length + count);
}

static inline void put_dns_name(struct test_dns *dns, const char *name)
{
	while (*name) {
		size_t count = strcspn(name, ".");
		put_dns(dns, &(uint8_t){(uint8_t)count}, 1);
		put_dns(dns, name, count);
		name += count + (name[count] == '.');
	}
	put_dns(dns, "", 1);
}

/* A question of type A; as the beginning of an answer with `answers` records when there are any. */
static inline void start_dns(struct test_dns *dns, const char *name, uint8_t answers)
{
	*dns = (struct test_dns){.length = 0};
	put_dns(dns, (uint8_t[]){0, 7, answers ? 0x81 : 1, 0, 0, 1, 0, answers, 0, 0, 0, 0}, 12);
	put_dns_name(dns, name);
	put_dns(dns, "\0\1\0\1", 4);
}

/* `address`, or, when it is NULL, an alias of `target`. */
static inline void put_dns_record(struct test_dns *dns, const char *name, const char *address,
				  const char *target)
{
	uint8_t octets[16];
	bool six = address && strchr(address, ':');
	const char *alias = target ? target : "";
	put_dns_name(dns, name);
	put_dns(dns, (uint8_t[]){0, address ? six ? 28 : 1 : 5, 0, 1, 0, 0, 0, 60}, 8);
	uint8_t bytes = address ? six ? 16 : 4 : (uint8_t)(strlen(alias) + 2);
	put_dns(dns, (uint8_t[]){0, bytes}, 2);
	if (address) {
		inet_pton(six ? AF_INET6 : AF_INET, address, octets);
		put_dns(dns, octets, bytes);
	} else {
		put_dns_name(dns, alias);
	}
}

/* A record of type HTTPS that hints at two IPv4 addresses, and at fd00::1. */
static inline void put_dns_https(struct test_dns *dns, const char *name, const char *target,
				 const char *first, const char *second)
{
	uint8_t octets[16];
	put_dns_name(dns, name);
	put_dns(dns, "\0\x41\0\1\0\0\0\x3c\0", 9);
	uint8_t target_bytes = (uint8_t)(*target ? strlen(target) + 2 : 1);
	put_dns(dns, &(uint8_t){(uint8_t)(2 + target_bytes + 7 + 12 + 20)}, 1);
	put_dns(dns, "\0\1", 2);
	put_dns_name(dns, target);
	put_dns(dns, "\0\1\0\3\2h2\0\4\0\x8", 11); /* alpn, ipv4hint */
	inet_pton(AF_INET, first, octets);
	put_dns(dns, octets, 4);
	inet_pton(AF_INET, second, octets);
	put_dns(dns, octets, 4);
	inet_pton(AF_INET6, "fd00::1", octets);
	put_dns(dns, "\0\6\0\x10", 4);
	put_dns(dns, octets, 16);
}

static inline struct umbox_frame as_frame(struct test_frame *frame, enum umbox_leg from,
					  int64_t time_us)
{
	return (struct umbox_frame){.from = from,
				    .bytes = frame->bytes,
				    .length = frame->length,
				    .room = sizeof(frame->bytes),
				    .time_us = time_us};
}
