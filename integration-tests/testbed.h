/* SPDX-License-Identifier: GPL-2.0-or-later */
/* testbed.h - namespaces, frames and in-kernel umboxes for tests and benchmarks of the data plane.
 *
 * For root.  Everything happens in namespaces of this process, and ends with it: nothing of the
 * machine is touched.  What fails ends the program. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "driver/link.h"
#include "driver/nft.h"

/* This process gets a network namespace ("the host") and a /run/netns of its own.  Ends the program
 * with 77 (skipped) when it may not. */
void bed_enter(void);

/* A new namespace without a name, without IPv6 noise; lo is up. */
int bed_namespace(void);

/* Runs a shell command inside a namespace (-1: the host); it must succeed. */
void bed_run(int netns, const char *format, ...) printf_like(2, 3);
/* The same; its exit status. */
int bed_try(int netns, const char *format, ...) must_check printf_like(2, 3);

/* A pair of interfaces, both up. */
void bed_pair(int netns, const char *name, int peer_netns, const char *peer);

/* A raw socket that sees, and sends, every frame of an interface. */
int bed_packet_socket(int netns, const char *interface);

/* A umbox without Docker: a namespace in which nft hands frames from `in` to `out` and back, and
 * sets byte `mark` behind the UDP header to 1 (mark 0: changes nothing). Its legs are made and
 * hooked. */
struct bed_umbox {
	uint32_t id;
	int netns;
};
void bed_umbox_open(struct bed_umbox *umbox, struct link *link, struct nft *nft, uint32_t id,
		    unsigned mark);
/* The same with a direct leg. */
void bed_umbox_open_direct(struct bed_umbox *umbox, struct link *link, struct nft *nft, uint32_t id,
			   unsigned mark);
void bed_umbox_close(struct bed_umbox *umbox, struct link *link, struct nft *nft);

/* Frames.  Each carries `tag` in its payload, by which it is found again. */
enum { BED_FRAME_BYTES_MAX = 9100, BED_MARKS = 16 };

struct bed_frame {
	uint8_t bytes[BED_FRAME_BYTES_MAX];
	size_t length;
};

struct bed_udp {
	struct mac from, to;
	const char *from_ip, *to_ip; /* both of one family */
	uint16_t from_port, to_port;
	uint32_t tag;
	size_t payload; /* bytes, at least BED_MARKS + 4 */
};
/* Ethernet, IPv4 or IPv6, UDP without a checksum (IPv4) or with (IPv6); the payload is BED_MARKS
 * zero bytes and the tag. */
void bed_frame_udp(struct bed_frame *frame, const struct bed_udp *udp);
void bed_frame_arp(struct bed_frame *frame, const struct mac *from, const struct mac *to,
		   int operation, const struct mac *sender, const char *sender_ip,
		   const char *target_ip, uint32_t tag);
/* ICMPv6 of a type, with a target where the type has one. */
void bed_frame_icmp6(struct bed_frame *frame, const struct mac *from, const struct mac *to,
		     const char *from_ip, const char *to_ip, unsigned type, const char *target,
		     uint32_t tag);

struct mac bed_mac(unsigned number);
extern const struct mac bed_broadcast;

void bed_send(int socket, const struct bed_frame *frame);
/* Sends a frame and says how many with the tag arrived; the last of them in `ret` (may be NULL).
 * When it returns every frame has got as far as it gets, and is counted there. The thread stays on
 * one processor from then on. */
unsigned bed_pass(int from, const struct bed_frame *frame, int to, uint32_t tag,
		  struct bed_frame *ret);
/* Bit n: byte n of the marks was set. */
unsigned bed_marks(const struct bed_frame *frame);
