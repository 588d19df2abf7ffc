/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/ids.h - how things are called: names, MAC and IP addresses, umbox ids, interface names. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum {
	NAME_BYTES = 64,         /* a name of the operator's, with the final NUL */
	SOURCE_FILE_BYTES = 256, /* path of the operator's file that something stands in */
	LINK_NAME_BYTES = 16,    /* IFNAMSIZ */
	MAC_TEXT_BYTES = 18,
	IP_TEXT_BYTES = 46,
	DEVICE_NUMBER_MAX = 0xffff,
};

/* Letters, digits, '-', '_' and '.', starting with a letter or digit, at most NAME_BYTES - 1.
 * `what` ("device", "state") stands in the error. */
int name_check(const char *what, const char *name, struct error *err) must_check;

struct mac {
	uint8_t octet[6];
};

struct ip {
	uint8_t family;    /* 4, 6, or 0 for none */
	uint8_t octet[16]; /* network order; IPv4 in the first four */
};

/* Six pairs of hex digits with ':' or '-'; refuses multicast and all-zero addresses. */
int mac_parse(struct mac *ret, const char *text, struct error *err) must_check;
void mac_print(char text[static MAC_TEXT_BYTES], const struct mac *mac);
bool mac_equal(const struct mac *a, const struct mac *b);

/* As inet_pton(3); refuses unspecified, multicast and loopback addresses. */
int ip_parse(struct ip *ret, const char *text, struct error *err) must_check;
/* "" for none. */
void ip_print(char text[static IP_TEXT_BYTES], const struct ip *ip);
bool ip_equal(const struct ip *a, const struct ip *b);

/* The legs of a umbox, seen from the chain. */
enum leg_side {
	LEG_IN,     /* toward the device */
	LEG_OUT,    /* toward the network */
	LEG_DIRECT, /* of an image that asks for it: answers past the rest of the chain */
	LEG_SIDE_COUNT,
};

/* Interface names in the data-plane namespace:
 *   u<umbox id, hex><i|o|r> host end of a leg       u1a2i (r: of the direct one)
 *   s<device number, hex>   slot, port of the bridge
 *   p<device number, hex>   its peer, where frames from the network enter a chain
 * An umbox id is never used twice in the life of a database, a device number not while it lives. */
void leg_name(char name[static LINK_NAME_BYTES], uint32_t umbox, enum leg_side side);
void slot_name(char name[static LINK_NAME_BYTES], uint32_t device);
void slot_peer_name(char name[static LINK_NAME_BYTES], uint32_t device);
/* The other way; false when the name is none of ours. */
bool leg_name_parse(const char *name, uint32_t *ret_umbox, enum leg_side *ret_side);
bool slot_name_parse(const char *name, uint32_t *ret_device);
bool slot_peer_name_parse(const char *name, uint32_t *ret_device);
