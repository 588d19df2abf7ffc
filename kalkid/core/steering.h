/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/steering.h - which elements of the rules' sets and maps a device needs, and what to change.
 *
 * Start here: the rules (driver/nft_ruleset.c) are the same for all devices and say where a frame
 * goes by looking it up; what they look up are the elements listed here.  One frame, upward,
 * through one hop:
 *
 *     device port --up--> u1i [umbox 1] u1o --out--> slot peer       and back:
 *     device port <--back-- u1i [umbox 1] u1o <--dn-- slot peer
 *
 * with `nx` from leg to leg between hops.  A umbox may have a third leg, u1r, that nothing leads
 * into: what it writes there is at both ends of the chain at once, in the device's name out to the
 * network or to a peer, to the device's MAC back to it.  `up`, `dn` and `peers` are the *ways in*:
 * without them nothing reaches a chain, whatever else is there.  The others are *inner* entries,
 * keyed by a leg, and may be there before a chain is in force and after.
 *
 * Pure: values in, a list of changes out, which the caller commits as one transaction and then
 * applies. */
#pragma once

#include "core/device.h"
#include "core/world.h"

enum steering_set {
	/* Identity: who may send as whom. */
	STEERING_HOMES,          /* (device port, MAC) of each device */
	STEERING_DEVICES,        /* MAC */
	STEERING_TWINS,          /* (MAC, the same MAC): a frame's source and what its ARP says */
	STEERING_ID4,            /* (MAC, IPv4) */
	STEERING_ID6,            /* (MAC, IPv6) */
	STEERING_OWNED4,         /* IPv4 that some device owns */
	STEERING_OWNED6,         /* IPv6 that some device owns */
	STEERING_FIXED4,         /* MAC of a device that may use its own IPv4 only */
	STEERING_FIXED6,         /* MAC of a device that may use its own IPv6 only */
	STEERING_MAC4,           /* IPv4 -> MAC of its owner */
	STEERING_MAC6,           /* IPv6 -> MAC of its owner */
	STEERING_ANNOUNCED4,     /* IPv4 that some device says is its own */
	STEERING_ANNOUNCED6,     /* IPv6 of that kind */
	STEERING_LEARNERS,       /* MAC of a device whose announcements are heard */
	STEERING_MULTICAST_FROM, /* MAC of a device that may send multicast */
	STEERING_MULTICAST_TO,   /* slot peer of a device that gets multicast */
	/* Ways in. */
	STEERING_UP,    /* (device port, MAC) -> head leg */
	STEERING_DN,    /* slot peer -> tail leg; pass: -> device port */
	STEERING_PEERS, /* MAC -> tail leg; pass: -> device port */
	/* Inner. */
	STEERING_NX,    /* leg -> next leg */
	STEERING_TAILS, /* (tail or direct leg, MAC): here a frame leaves its chain; pass: (port,
			   MAC) */
	STEERING_OUT,   /* (tail or direct leg, MAC) -> slot peer; pass: (port, MAC) -> slot peer */
	STEERING_BACK,  /* (head or direct leg, MAC) -> device port */
	STEERING_DMAC,  /* head leg -> MAC, for multicast; pass: slot peer -> MAC */
	STEERING_SET_COUNT,
};

enum steering_key {
	STEERING_KEY_INTERFACE,
	STEERING_KEY_INTERFACE_MAC,
	STEERING_KEY_MAC,
	STEERING_KEY_MAC_MAC,
	STEERING_KEY_MAC_IP4,
	STEERING_KEY_MAC_IP6,
	STEERING_KEY_IP4,
	STEERING_KEY_IP6,
	STEERING_KEY_COUNT,
};

enum steering_value {
	STEERING_VALUE_NONE, /* a set */
	STEERING_VALUE_INTERFACE,
	STEERING_VALUE_MAC,
	STEERING_VALUE_IP4, /* of no steering set: what the rules note */
	STEERING_VALUE_IP6,
	STEERING_VALUE_COUNT,
};

/* What a set is called in the table, and what its elements are made of. */
struct steering_set_info {
	const char *name;
	enum steering_key key;
	enum steering_value value;
	uint32_t size;       /* elements at most */
	const char *comment; /* for people who list the table */
};
const struct steering_set_info *steering_set_info(enum steering_set set);

/* One element: those fields are used that the set's key and value name, the others are zero. */
struct steering_element {
	enum steering_set set;
	uint32_t interface;
	struct mac mac;
	struct ip ip;
	uint32_t to_interface;
	struct mac to_mac;
};

/* The elements of one device, as the kernel holds them. */
struct steering {
	struct steering_element *elements;
	unsigned count, room;
};

void steering_done(struct steering *steering);
void steering_add(struct steering *steering, const struct steering_element *element);

/* What to do, in order, in one transaction: replaced elements come as delete, then add. */
struct steering_change {
	bool add; /* else delete */
	struct steering_element element;
};

struct steering_changes {
	struct steering_change *list;
	unsigned count, room;
};

void steering_changes_done(struct steering_changes *changes);
/* What the kernel holds after the transaction. */
void steering_apply(struct steering *held, const struct steering_changes *changes);

/* Where a device is: interface indexes, and its MAC. */
struct steering_place {
	uint32_t port, slot_peer;
	struct mac mac;
};

/* The host ends of the legs of a path's umboxes, from the device to the network; none: pass.  A
 * direct leg is 0 where there is none. */
struct steering_legs {
	uint32_t leg[HOPS_MAX][LEG_SIDE_COUNT];
	unsigned count;
};

/* Puts the identity of `device` in place.  What differs is replaced; paths stay, unless they lead
 * from or to another place: then they go in the same transaction. */
void steering_enrol(struct steering_changes *ret, const struct steering *held,
		    const struct device_identity *device, const struct steering_place *place);

/* Everything of the device goes. */
void steering_unenrol(struct steering_changes *ret, const struct steering *held);

/* Makes `path` the way of both directions.  An inner entry of one of its legs that it does not need
 * goes in the same transaction (a tail that became an inner hop must not stay an exit).  With
 * `cut`, so do the entries of all legs outside `path` and `keep`; else they stay for what is still
 * in flight. */
void steering_route(struct steering_changes *ret, const struct steering *held,
		    const struct steering_place *place, const struct steering_legs *path, bool cut,
		    const struct steering_legs *keep);

/* Takes the ways in away; with `cut` all entries of legs outside `keep`, too. */
void steering_hold(struct steering_changes *ret, const struct steering *held, bool cut,
		   const struct steering_legs *keep);

/* Puts the entries of the legs of `path` that are not `in_force` in place; none of them is a way
 * in. */
void steering_prepare(struct steering_changes *ret, const struct steering *held,
		      const struct steering_place *place, const struct steering_legs *path,
		      const struct steering_legs *in_force);

/* Deletes the inner entries of legs that are in neither `in_force` nor `keep`. */
void steering_clean(struct steering_changes *ret, const struct steering *held,
		    const struct steering_legs *in_force, const struct steering_legs *keep);

/* From what is held to what is wanted, everything. */
void steering_difference(struct steering_changes *ret, const struct steering *held,
			 const struct steering *want);

/* Whose leg an interface is, and which interfaces are a umbox's legs. */
struct steering_names {
	/* false when `interface` is no usable leg: gone, down or not hooked */
	bool (*umbox_of)(const struct steering_names *names, uint32_t interface,
			 uint32_t *ret_umbox, enum leg_side *ret_side);
	/* 0 when there is none; a direct leg may be missing */
	uint32_t (*leg_of)(const struct steering_names *names, uint32_t umbox, enum leg_side side);
};

/* What the elements amount to. */
struct steering_view {
	struct path path;
	struct steering_legs legs; /* of the path, as far as it could be followed */
	/* Spare paths: whole inside, nothing leads to them.  */
	struct path spare[STANDBY_CHAINS_MAX];
	unsigned spare_count;
};

void steering_read(struct steering_view *ret, const struct steering *held,
		   const struct steering_place *place, const struct steering_names *names);

/* True when an inner entry is keyed by a leg outside both paths. */
bool steering_has_leftovers(const struct steering *held, const struct steering_legs *in_force,
			    const struct steering_legs *keep);

/* The identity in the elements: MAC, IPs, multicast, and the port's interface index; false when
 * there is none or it contradicts itself. */
bool steering_identity(const struct steering *held, struct device_identity *ret,
		       uint32_t *ret_port);
