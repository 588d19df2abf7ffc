/* SPDX-License-Identifier: Apache-2.0 */
/* umbox_frame.h - a frame, and what its headers say.  Pure functions, safe on any bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum umbox_leg { UMBOX_IN, UMBOX_OUT, UMBOX_LEG_COUNT };

/* What the kernel has left to be done to the frame: it may be many packets in one (GSO, up to 64
 * KiB), and its transport checksum may hold the pseudo header only.  It stays true as long as no
 * header changes its length. */
struct umbox_offload {
	uint8_t flags, gso_type;
	uint16_t header_bytes, segment_bytes, checksum_start, checksum_offset;
};

struct umbox_frame {
	enum umbox_leg from;
	uint8_t *bytes; /* from the destination MAC on, with VLAN tags, without FCS */
	uint32_t length, room;
	struct umbox_offload offload;
	int64_t time_us; /* when its batch was received; never goes back */
};

struct umbox_ip {
	uint8_t family;    /* 4, 6, or 0 for none */
	uint8_t octet[16]; /* network order; IPv4 in the first four, the rest 0 */
};

enum { UMBOX_IP_TEXT_BYTES = 46 };
void umbox_ip_print(char text[static UMBOX_IP_TEXT_BYTES], const struct umbox_ip *ip);
bool umbox_ip_equal(const struct umbox_ip *a, const struct umbox_ip *b);
/* An IPv6 address of one link alone (fe80::/10): the prefix is everybody's there. */
bool umbox_ip_link_local(const struct umbox_ip *ip);
/* Clears all behind the first `bits`. */
void umbox_ip_cut(struct umbox_ip *ip, unsigned bits);

struct umbox_prefix {
	struct umbox_ip ip;
	uint8_t bits;
};

/* "10.20.0.0/24", or an address alone; false when it is neither. */
bool umbox_prefix_parse(struct umbox_prefix *ret, const char *text);
bool umbox_prefix_has(const struct umbox_prefix *prefix, const struct umbox_ip *ip);

enum {
	UMBOX_TCP_FIN = 0x01,
	UMBOX_TCP_SYN = 0x02,
	UMBOX_TCP_RST = 0x04,
	UMBOX_TCP_PSH = 0x08,
	UMBOX_TCP_ACK = 0x10,
	UMBOX_TCP_URG = 0x20,
};

enum { UMBOX_EXTENSIONS_MAX = 8 };

/* Offsets count from the frame's first byte; 0 means that it is not there. */
struct umbox_headers {
	uint16_t ether_type; /* behind the VLAN tags; below 0x600 a length (802.3) */
	uint16_t vlan;       /* of the outermost tag; 0 when there is none */
	uint8_t tags;
	uint32_t network; /* of the ARP, IPv4 or IPv6 header */

	struct umbox_ip source, target; /* of IP; of ARP the sender's and target's */
	uint16_t arp_operation;
	uint8_t protocol; /* IP's, behind IPv6 extension headers */
	bool fragment;    /* a part of a packet: only the first has a transport header */
	bool fragment_later;
	/* Made so that nobody on the way can judge it, while the device may still understand it: a
	 * TCP header spread over fragments or open to be overwritten by one (RFC 1858, 3128, 7112),
	 * more than UMBOX_EXTENSIONS_MAX IPv6 extension headers, more than two VLAN tags (of
	 * priority tags a host takes off any number), an EtherType behind LLC and SNAP (by radio
	 * that is a plain frame).  No honest sender does: drop it. */
	bool evasive;

	uint32_t transport; /* of the TCP, UDP, ICMP or ICMPv6 header, whole */
	uint16_t source_port, target_port;
	uint8_t tcp_flags;
	uint32_t tcp_sequence, tcp_acknowledgment;
	uint8_t icmp_type, icmp_code;

	uint32_t payload, payload_bytes; /* behind the transport header; bounded by IP's length */
};

/* False when a header is cut short or contradicts itself; what was found before it stands. */
bool umbox_parse(struct umbox_headers *ret, const uint8_t *bytes, size_t length);

/* How many packets on the wire the frame stands for (GSO), at least 1. */
uint32_t umbox_frame_packets(const struct umbox_frame *frame, const struct umbox_headers *headers);

/* The frame's transport checksum is still to be computed by whoever sends it: changes of the
 * payload need no care. */
bool umbox_frame_checksum_partial(const struct umbox_frame *frame);
/* The internet checksum after a 16-bit word under it has changed (RFC 1624). */
uint16_t umbox_checksum_change(uint16_t checksum, uint16_t before, uint16_t after);

/* A TCP reset of the connection that `frame` is part of, with its tags and whole checksums, in the
 * name of whom it was sent to (`back`: toward its sender) or of its sender (onward).  `bytes` has
 * room for UMBOX_RESET_BYTES; returns the length, 0 when the frame is not TCP. */
enum { UMBOX_RESET_BYTES = 14 + 8 + 40 + 20 };
uint32_t umbox_reset_make(uint8_t *bytes, const struct umbox_frame *frame,
			  const struct umbox_headers *headers, bool back, uint32_t sequence,
			  uint32_t acknowledgment);
