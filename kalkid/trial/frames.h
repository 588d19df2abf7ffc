/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/frames.h - the frames that a umbox is tried with: made from a kind, a side and a number,
 * and told by what they carry; and what is wrong with one that came out.  Pure.
 *
 * A frame ends with its tag, so that the same frame can be made again from what came out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/device.h"

enum {
	FRAME_MTU = 1500,
	FRAME_BYTES_MIN = 60,
	FRAME_BYTES_MAX = FRAME_MTU + 14 + 8, /* with two VLAN tags */
	FRAME_SIZES = FRAME_MTU + 14 - FRAME_BYTES_MIN + 1,
	FRAME_BURST_BYTES = 40000, /* payload of a TCP frame that is segmented later */
	FRAME_SEGMENT_BYTES = 1400,
	FRAME_ENDS = LEG_OUT + 1, /* that send: the device and the network */
};

enum frame_kind {
	FRAME_PROBE, /* what looks whether anything passes */
	FRAME_TIMED,
	FRAME_ARP_REQUEST,
	FRAME_ARP_REPLY,
	FRAME_UDP,
	FRAME_UDP_UNCHECKED, /* without a checksum */
	FRAME_TCP_SYN,
	FRAME_ICMP,
	FRAME_OPTIONS,
	FRAME_BROADCAST,
	FRAME_MULTICAST,
	FRAME_ESP, /* a protocol that few look into */
	FRAME_UDP6,
	FRAME_TCP6_SYN,
	FRAME_ICMP6,
	FRAME_NEIGHBOUR,
	FRAME_EXTENSION,
	FRAME_FIRST_FRAGMENT,
	FRAME_LAST_FRAGMENT,
	FRAME_FRAGMENT6,
	FRAME_VLAN,
	FRAME_VLAN_PRIORITY,
	FRAME_VLAN_TWICE,
	FRAME_EAPOL,
	FRAME_LLC,
	FRAME_UNKNOWN,
	FRAME_SIZED,     /* number 0 is the shortest, FRAME_SIZES - 1 the longest */
	FRAME_MIDSTREAM, /* TCP of a connection whose beginning nobody saw */
	FRAME_MIDSTREAM6,
	FRAME_FLOOD_SYN, /* from many sources to many ports */
	FRAME_FLOOD_UDP,
	FRAME_KIND_COUNT,
};

struct frame_id {
	enum frame_kind kind;
	enum leg_side from; /* LEG_IN: the device sends it */
	uint32_t number;
};

/* For people: "an ARP request". */
const char *frame_kind_words(enum frame_kind kind);

/* Who the frames say they are. */
void frame_device(struct device_identity *ret);

/* Returns its length. */
size_t frame_make(uint8_t frame[static FRAME_BYTES_MAX], const struct frame_id *id);
/* Whose frame that was, by its tag, wherever in it that stands; false when it has none. */
bool frame_identify(struct frame_id *ret, const uint8_t *frame, size_t count);

/* Where the kernel is to put a checksum into a UDP or TCP frame without extension headers: its
 * start and the place of the sum behind that; false for other frames. */
bool frame_checksum_place(const uint8_t *frame, size_t count, size_t *ret_start,
			  size_t *ret_offset);
/* Computes that sum over what is there; `partial`: only that of the pseudo header, as the kernel
 * wants it that will compute the rest. */
void frame_fill_checksum(uint8_t *frame, size_t count, bool partial);
/* Does what the kernel would have done with a frame whose checksum was left to it. */
void frame_end_checksum(uint8_t *frame, size_t count, size_t start, size_t offset);
/* Whether that sum is right; true for frames without one. */
bool frame_checksum_right(const uint8_t *frame, size_t count);

/* TCP toward port 5001 with FRAME_BURST_BYTES of payload: more than one frame may carry.  The
 * caller's room is FRAME_BURST_BYTES + 80.  Returns the length of its headers. */
size_t frame_make_burst(uint8_t *frame, uint8_t family, enum leg_side from);
/* The part of such a burst that a frame carries; false when it is none, or not as it was made (then
 * `words` says how).  `summed`: its checksum is whole, and looked at. */
bool frame_read_burst(const uint8_t *frame, size_t count, uint8_t family, enum leg_side from,
		      bool summed, size_t *ret_offset, size_t *ret_bytes, const char **ret_words);

/* What was changed on the way, in words: "its source MAC was changed"; NULL when nothing was. */
enum { FRAME_WORDS_BYTES = 128 };
const char *frame_difference(char words[static FRAME_WORDS_BYTES], const uint8_t *sent,
			     size_t sent_count, const uint8_t *got, size_t got_count);
