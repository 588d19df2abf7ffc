/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/steering.c - which elements a device needs, and what to change; see steering.h.
 *
 * Every change is the difference between what is held and what is wanted, within a scope: the held
 * elements that the operation may touch. */
#include "core/steering.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
	IDENTITIES =
		4096, /* the rules have room for more than DEVICES_MAX: several bridges, one day */
	ADDRESSES = IDENTITIES * DEVICE_IPS_MAX,
	/* Ends of chains in force, prepared and draining, and direct legs: 32 for each device. */
	PATHS = IDENTITIES * 8,
	LEGS = IDENTITIES * 32,
};

static const struct steering_set_info set_infos[STEERING_SET_COUNT] = {
	[STEERING_HOMES] = {"homes", STEERING_KEY_INTERFACE_MAC, STEERING_VALUE_NONE, IDENTITIES,
			    "device port and MAC of each device"},
	[STEERING_DEVICES] = {"macs", STEERING_KEY_MAC, STEERING_VALUE_NONE, IDENTITIES,
			      "MAC of each device"},
	[STEERING_TWINS] = {"twins", STEERING_KEY_MAC_MAC, STEERING_VALUE_NONE, IDENTITIES,
			    "a frame's source, and the sender that its ARP names"},
	[STEERING_ID4] = {"id4", STEERING_KEY_MAC_IP4, STEERING_VALUE_NONE, ADDRESSES,
			  "a device and its IPv4 address"},
	[STEERING_ID6] = {"id6", STEERING_KEY_MAC_IP6, STEERING_VALUE_NONE, ADDRESSES,
			  "a device and its IPv6 address"},
	[STEERING_OWNED4] = {"owned4", STEERING_KEY_IP4, STEERING_VALUE_NONE, ADDRESSES,
			     "IPv4 addresses that belong to a device"},
	[STEERING_OWNED6] = {"owned6", STEERING_KEY_IP6, STEERING_VALUE_NONE, ADDRESSES,
			     "IPv6 addresses that belong to a device"},
	[STEERING_FIXED4] = {"fixed4", STEERING_KEY_MAC, STEERING_VALUE_NONE, IDENTITIES,
			     "devices that may use their own IPv4 addresses only"},
	[STEERING_FIXED6] = {"fixed6", STEERING_KEY_MAC, STEERING_VALUE_NONE, IDENTITIES,
			     "devices that may use their own IPv6 addresses only"},
	[STEERING_MAC4] = {"mac4", STEERING_KEY_IP4, STEERING_VALUE_MAC, ADDRESSES,
			   "whom an ARP request is for"},
	[STEERING_MAC6] = {"mac6", STEERING_KEY_IP6, STEERING_VALUE_MAC, ADDRESSES,
			   "whom a neighbour solicitation is for"},
	[STEERING_ANNOUNCED4] = {"announced4", STEERING_KEY_IP4, STEERING_VALUE_NONE, ADDRESSES,
				 "IPv4 addresses that a device says are its own"},
	[STEERING_ANNOUNCED6] = {"announced6", STEERING_KEY_IP6, STEERING_VALUE_NONE, ADDRESSES,
				 "IPv6 addresses that a device says are its own"},
	[STEERING_LEARNERS] = {"learners", STEERING_KEY_MAC, STEERING_VALUE_NONE, IDENTITIES,
			       "devices whose addresses are learnt"},
	[STEERING_MULTICAST_FROM] = {"multicast_from", STEERING_KEY_MAC, STEERING_VALUE_NONE,
				     IDENTITIES, "devices that may send multicast"},
	[STEERING_MULTICAST_TO] = {"multicast_to", STEERING_KEY_INTERFACE, STEERING_VALUE_NONE,
				   IDENTITIES, "slots of devices that get multicast"},
	[STEERING_UP] = {"up", STEERING_KEY_INTERFACE_MAC, STEERING_VALUE_INTERFACE, IDENTITIES,
			 "way in: from a device to the head of its chain"},
	[STEERING_DN] = {"dn", STEERING_KEY_INTERFACE, STEERING_VALUE_INTERFACE, IDENTITIES,
			 "way in: from the network to the tail of a chain"},
	[STEERING_PEERS] = {"peers", STEERING_KEY_MAC, STEERING_VALUE_INTERFACE, IDENTITIES,
			    "way in: from another device to the tail of a chain"},
	[STEERING_NX] = {"nx", STEERING_KEY_INTERFACE, STEERING_VALUE_INTERFACE, LEGS,
			 "from hop to hop"},
	[STEERING_TAILS] = {"tails", STEERING_KEY_INTERFACE_MAC, STEERING_VALUE_NONE, PATHS,
			    "where a device's frame leaves its chain"},
	[STEERING_OUT] = {"out", STEERING_KEY_INTERFACE_MAC, STEERING_VALUE_INTERFACE, PATHS,
			  "from the tail of a chain, or past it, to the network"},
	[STEERING_BACK] = {"back", STEERING_KEY_INTERFACE_MAC, STEERING_VALUE_INTERFACE, PATHS,
			   "from the head of a chain, or past it, to its device"},
	[STEERING_DMAC] = {"dmac", STEERING_KEY_INTERFACE, STEERING_VALUE_MAC, PATHS,
			   "to whom multicast goes at the head of a chain"},
};

const struct steering_set_info *steering_set_info(enum steering_set set)
{
	assert(set < STEERING_SET_COUNT);
	return &set_infos[set];
}

static bool is_identity(enum steering_set set)
{
	return set < STEERING_UP;
}

static bool is_way_in(enum steering_set set)
{
	return set >= STEERING_UP && set <= STEERING_PEERS;
}

void steering_done(struct steering *steering)
{
	free(steering->elements);
	*steering = (struct steering){0};
}

void steering_add(struct steering *steering, const struct steering_element *element)
{
	if (steering->count == steering->room) {
		steering->room = max_of(steering->room * 2, 32u);
		steering->elements = mem_resize(steering->elements, steering->room,
						sizeof(*element));
	}
	steering->elements[steering->count++] = *element;
}

void steering_changes_done(struct steering_changes *changes)
{
	free(changes->list);
	*changes = (struct steering_changes){0};
}

static void change_add(struct steering_changes *changes, bool add,
		       const struct steering_element *element)
{
	if (changes->count == changes->room) {
		changes->room = max_of(changes->room * 2, 32u);
		changes->list = mem_resize(changes->list, changes->room, sizeof(*changes->list));
	}
	changes->list[changes->count++] = (struct steering_change){add, *element};
}

static bool same_key(const struct steering_element *a, const struct steering_element *b)
{
	return a->set == b->set && a->interface == b->interface && mac_equal(&a->mac, &b->mac) &&
	       ip_equal(&a->ip, &b->ip);
}

static bool same_value(const struct steering_element *a, const struct steering_element *b)
{
	return a->to_interface == b->to_interface && mac_equal(&a->to_mac, &b->to_mac);
}

static const struct steering_element *find_key(const struct steering *in,
					       const struct steering_element *key)
{
	for (unsigned i = 0; i < in->count; i++)
		if (same_key(&in->elements[i], key))
			return &in->elements[i];
	return NULL;
}

void steering_apply(struct steering *held, const struct steering_changes *changes)
{
	for (unsigned i = 0; i < changes->count; i++) {
		const struct steering_change *change = &changes->list[i];
		if (change->add) {
			steering_add(held, &change->element);
			continue;
		}
		const struct steering_element *old = find_key(held, &change->element);
		if (old)
			held->elements[old - held->elements] = held->elements[--held->count];
	}
}

/* What an operation may touch, beside the keys that it wants. */
struct scope {
	bool identity, ways_in;
	bool inner;                     /* of every leg, but for those of `except` */
	const struct steering_legs *of; /* inner entries of these legs */
	const struct steering_legs *except[2];
	uint32_t port, slot_peer; /* where the device is: keys of a pass */
};

static bool legs_have(const struct steering_legs *legs, uint32_t interface)
{
	for (unsigned i = 0; legs && i < legs->count; i++)
		for (unsigned side = 0; side < LEG_SIDE_COUNT; side++)
			if (legs->leg[i][side] == interface)
				return true;
	return false;
}

static bool in_scope(const struct scope *scope, const struct steering_element *element)
{
	if (is_identity(element->set))
		return scope->identity;
	if (is_way_in(element->set))
		return scope->ways_in;
	if (element->interface == scope->port || element->interface == scope->slot_peer)
		return scope->ways_in;
	if (legs_have(scope->of, element->interface))
		return true;
	return scope->inner && !legs_have(scope->except[0], element->interface) &&
	       !legs_have(scope->except[1], element->interface);
}

/* Deletes first, so that a key is free before it is added anew. */
static void difference(struct steering_changes *ret, const struct steering *held,
		       const struct steering *want, const struct scope *scope)
{
	for (unsigned i = 0; i < held->count; i++) {
		const struct steering_element *old = &held->elements[i];
		const struct steering_element *new = find_key(want, old);
		if (new ? !same_value(old, new) : in_scope(scope, old))
			change_add(ret, false, old);
	}
	for (unsigned i = 0; i < want->count; i++) {
		const struct steering_element *old = find_key(held, &want->elements[i]);
		if (!old || !same_value(old, &want->elements[i]))
			change_add(ret, true, &want->elements[i]);
	}
}

/* Where the held elements say that the device is; 0 where they do not say. */
static void scope_place(struct scope *scope, const struct steering *held)
{
	for (unsigned i = 0; i < held->count; i++) {
		const struct steering_element *element = &held->elements[i];
		if (element->set == STEERING_HOMES)
			scope->port = element->interface;
		else if (element->set == STEERING_DN)
			scope->slot_peer = element->interface;
		else if (element->set == STEERING_OUT)
			scope->slot_peer = element->to_interface;
	}
}

static void want_address(struct steering *want, const struct mac *mac, const struct ip *ip,
			 bool vouched)
{
	bool four = ip->family == 4;
	struct ip clean = {.family = ip->family};
	memcpy(clean.octet, ip->octet, four ? 4 : 16);
	steering_add(want, &(struct steering_element){.set = four ? STEERING_ID4 : STEERING_ID6,
						      .mac = *mac,
						      .ip = clean});
	if (!vouched) {
		steering_add(want, &(struct steering_element){.set = four ? STEERING_ANNOUNCED4
									  : STEERING_ANNOUNCED6,
							      .ip = clean});
		return;
	}
	steering_add(want, &(struct steering_element){
				   .set = four ? STEERING_OWNED4 : STEERING_OWNED6, .ip = clean});
	steering_add(want, &(struct steering_element){.set = four ? STEERING_MAC4 : STEERING_MAC6,
						      .ip = clean,
						      .to_mac = *mac});
}

static void want_addresses(struct steering *want, const struct device_identity *device,
			   const struct mac *mac)
{
	for (unsigned i = 0; i < device->ip_count; i++)
		want_address(want, mac, &device->ips[i], true);
	for (unsigned i = 0; i < device->learnt_count; i++) {
		const struct learnt_address *learnt = &device->learnt[i];
		if (!learnt->expired)
			want_address(want, mac, &learnt->ip, learnt->how == LEARNT_LEASE);
	}
	if (device_is_bound(device, 4))
		steering_add(want, &(struct steering_element){.set = STEERING_FIXED4, .mac = *mac});
	if (device_is_bound(device, 6))
		steering_add(want, &(struct steering_element){.set = STEERING_FIXED6, .mac = *mac});
	if (device_learns(device))
		steering_add(want,
			     &(struct steering_element){.set = STEERING_LEARNERS, .mac = *mac});
}

static void want_identity(struct steering *want, const struct device_identity *device,
			  const struct steering_place *place)
{
	const struct mac mac = place->mac;
	steering_add(want, &(struct steering_element){
				   .set = STEERING_HOMES, .interface = place->port, .mac = mac});
	steering_add(want, &(struct steering_element){.set = STEERING_DEVICES, .mac = mac});
	steering_add(want, &(struct steering_element){.set = STEERING_TWINS, .mac = mac});
	want_addresses(want, device, &mac);
	if (!device->multicast)
		return;
	steering_add(want, &(struct steering_element){.set = STEERING_MULTICAST_FROM, .mac = mac});
	steering_add(want, &(struct steering_element){.set = STEERING_MULTICAST_TO,
						      .interface = place->slot_peer});
}

/* Entries of a path that lead from or to another place than this one. */
static bool is_elsewhere(const struct steering *held, const struct steering_place *place)
{
	for (unsigned i = 0; i < held->count; i++) {
		const struct steering_element *element = &held->elements[i];
		switch (element->set) {
		case STEERING_HOMES:
			if (element->interface != place->port ||
			    !mac_equal(&element->mac, &place->mac))
				return true;
			break;
		case STEERING_UP:
			if (element->interface != place->port)
				return true;
			break;
		case STEERING_BACK:
			if (element->to_interface != place->port)
				return true;
			break;
		case STEERING_DN:
			if (element->interface != place->slot_peer)
				return true;
			break;
		case STEERING_OUT:
			if (element->to_interface != place->slot_peer)
				return true;
			break;
		default: break;
		}
	}
	return false;
}

void steering_enrol(struct steering_changes *ret, const struct steering *held,
		    const struct device_identity *device, const struct steering_place *place)
{
	struct steering want = {0};
	want_identity(&want, device, place);
	struct scope scope = {.identity = true};
	scope.ways_in = scope.inner = is_elsewhere(held, place);
	difference(ret, held, &want, &scope);
	steering_done(&want);
}

void steering_difference(struct steering_changes *ret, const struct steering *held,
			 const struct steering *want)
{
	const struct scope all = {.identity = true, .ways_in = true, .inner = true};
	difference(ret, held, want, &all);
}

void steering_unenrol(struct steering_changes *ret, const struct steering *held)
{
	const struct steering nothing = {0};
	steering_difference(ret, held, &nothing);
}

static void want_pass(struct steering *want, const struct steering_place *place)
{
	const struct steering_element elements[] = {
		{.set = STEERING_DN, .interface = place->slot_peer, .to_interface = place->port},
		{.set = STEERING_PEERS, .mac = place->mac, .to_interface = place->port},
		{.set = STEERING_TAILS, .interface = place->port, .mac = place->mac},
		{.set = STEERING_OUT,
		 .interface = place->port,
		 .mac = place->mac,
		 .to_interface = place->slot_peer},
		{.set = STEERING_DMAC, .interface = place->slot_peer, .to_mac = place->mac},
	};
	for (unsigned i = 0; i < ARRAY_SIZE(elements); i++)
		steering_add(want, &elements[i]);
}

static void want_ways_in(struct steering *want, const struct steering_place *place,
			 const struct steering_legs *path)
{
	uint32_t head = path->leg[0][LEG_IN], tail = path->leg[path->count - 1][LEG_OUT];
	const struct steering_element elements[] = {
		{.set = STEERING_UP,
		 .interface = place->port,
		 .mac = place->mac,
		 .to_interface = head},
		{.set = STEERING_DN, .interface = place->slot_peer, .to_interface = tail},
		{.set = STEERING_PEERS, .mac = place->mac, .to_interface = tail},
	};
	for (unsigned i = 0; i < ARRAY_SIZE(elements); i++)
		steering_add(want, &elements[i]);
}

/* What comes out of it leaves the chain, bound to the device as at the ends. */
static void want_direct(struct steering *want, const struct steering_place *place, uint32_t leg)
{
	const struct steering_element elements[] = {
		{.set = STEERING_TAILS, .interface = leg, .mac = place->mac},
		{.set = STEERING_OUT,
		 .interface = leg,
		 .mac = place->mac,
		 .to_interface = place->slot_peer},
		{.set = STEERING_BACK,
		 .interface = leg,
		 .mac = place->mac,
		 .to_interface = place->port},
	};
	for (unsigned i = 0; leg && i < ARRAY_SIZE(elements); i++)
		steering_add(want, &elements[i]);
}

/* The inner entries of the legs of `path`, but for those of `except`. */
static void want_inner(struct steering *want, const struct steering_place *place,
		       const struct steering_legs *path, const struct steering_legs *except)
{
	for (unsigned i = 0; i < path->count; i++) {
		uint32_t in = path->leg[i][LEG_IN], out = path->leg[i][LEG_OUT];
		if (legs_have(except, in))
			continue;
		struct steering_element toward_device = {.set = STEERING_NX, .interface = in};
		struct steering_element multicast = {
			.set = STEERING_DMAC, .interface = in, .to_mac = place->mac};
		struct steering_element tail = {
			.set = STEERING_TAILS, .interface = out, .mac = place->mac};
		struct steering_element toward_network = {.set = STEERING_NX, .interface = out};
		if (i) {
			toward_device.to_interface = path->leg[i - 1][LEG_OUT];
		} else {
			toward_device.set = STEERING_BACK;
			toward_device.mac = place->mac;
			toward_device.to_interface = place->port;
			steering_add(want, &multicast);
		}
		steering_add(want, &toward_device);
		if (i + 1 < path->count) {
			toward_network.to_interface = path->leg[i + 1][LEG_IN];
		} else {
			toward_network.set = STEERING_OUT;
			toward_network.mac = place->mac;
			toward_network.to_interface = place->slot_peer;
			steering_add(want, &tail);
		}
		steering_add(want, &toward_network);
		want_direct(want, place, path->leg[i][LEG_DIRECT]);
	}
}

void steering_route(struct steering_changes *ret, const struct steering *held,
		    const struct steering_place *place, const struct steering_legs *path, bool cut,
		    const struct steering_legs *keep)
{
	struct steering want = {0};
	if (path->count) {
		want_ways_in(&want, place, path);
		want_inner(&want, place, path, NULL);
	} else {
		want_pass(&want, place);
	}
	struct scope scope = {.ways_in = true, .inner = cut, .of = path, .except = {keep}};
	scope_place(&scope, held);
	difference(ret, held, &want, &scope);
	steering_done(&want);
}

void steering_hold(struct steering_changes *ret, const struct steering *held, bool cut,
		   const struct steering_legs *keep)
{
	const struct steering nothing = {0};
	struct scope scope = {.ways_in = true, .inner = cut, .except = {keep}};
	scope_place(&scope, held);
	difference(ret, held, &nothing, &scope);
}

void steering_prepare(struct steering_changes *ret, const struct steering *held,
		      const struct steering_place *place, const struct steering_legs *path,
		      const struct steering_legs *in_force)
{
	struct steering want = {0};
	want_inner(&want, place, path, in_force);
	struct steering_legs new = {0};
	for (unsigned i = 0; i < path->count; i++)
		if (!legs_have(in_force, path->leg[i][LEG_IN]))
			memcpy(new.leg[new.count++], path->leg[i], sizeof(path->leg[i]));
	const struct scope scope = {.of = &new};
	difference(ret, held, &want, &scope);
	steering_done(&want);
}

void steering_clean(struct steering_changes *ret, const struct steering *held,
		    const struct steering_legs *in_force, const struct steering_legs *keep)
{
	const struct steering nothing = {0};
	struct scope scope = {.inner = true, .except = {in_force, keep}};
	scope_place(&scope, held);
	difference(ret, held, &nothing, &scope);
}

bool steering_has_leftovers(const struct steering *held, const struct steering_legs *in_force,
			    const struct steering_legs *keep)
{
	struct scope scope = {.inner = true, .except = {in_force, keep}};
	scope_place(&scope, held);
	for (unsigned i = 0; i < held->count; i++)
		if (in_scope(&scope, &held->elements[i]))
			return true;
	return false;
}
