/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/steering_read.c - what the elements of a device amount to: follows them as a frame would. */
#include <string.h>

#include "core/steering.h"

struct reader {
	const struct steering *held;
	const struct steering_place *place;
	const struct steering_names *names;
};

static const struct steering_element *find(const struct reader *reader, enum steering_set set,
					   uint32_t interface, const struct mac *mac)
{
	static const struct mac none;
	for (unsigned i = 0; i < reader->held->count; i++) {
		const struct steering_element *element = &reader->held->elements[i];
		if (element->set == set && element->interface == interface &&
		    mac_equal(&element->mac, mac ? mac : &none))
			return element;
	}
	return NULL;
}

/* Where the map leads from the interface; 0: nowhere. */
static uint32_t next(const struct reader *reader, enum steering_set set, uint32_t interface,
		     const struct mac *mac)
{
	const struct steering_element *element = find(reader, set, interface, mac);
	return element ? element->to_interface : 0;
}

static bool is_exit(const struct reader *reader, uint32_t out)
{
	const struct mac *mac = &reader->place->mac;
	return find(reader, STEERING_TAILS, out, mac) &&
	       next(reader, STEERING_OUT, out, mac) == reader->place->slot_peer;
}

static bool is_home(const struct reader *reader, uint32_t in)
{
	const struct mac *mac = &reader->place->mac;
	const struct steering_element *dmac = find(reader, STEERING_DMAC, in, NULL);
	return dmac && mac_equal(&dmac->to_mac, mac) &&
	       next(reader, STEERING_BACK, in, mac) == reader->place->port;
}

/* The direct leg of the umbox does all that it should: true, too, where it has none. */
static bool is_direct(const struct reader *reader, uint32_t umbox)
{
	enum leg_side found;
	uint32_t owner, leg = reader->names->leg_of(reader->names, umbox, LEG_DIRECT);
	return !leg ||
	       (reader->names->umbox_of(reader->names, leg, &owner, &found) &&
		is_exit(reader, leg) &&
		next(reader, STEERING_BACK, leg, &reader->place->mac) == reader->place->port);
}

/* The umbox that `leg` is the given side of, and its other leg. */
static bool cross(const struct reader *reader, uint32_t leg, enum leg_side side,
		  uint32_t *ret_umbox, uint32_t *ret_other)
{
	enum leg_side found, other_found;
	uint32_t umbox, other_umbox;
	if (!leg || !reader->names->umbox_of(reader->names, leg, &umbox, &found) || found != side)
		return false;
	uint32_t other = reader->names->leg_of(reader->names, umbox,
					       side == LEG_IN ? LEG_OUT : LEG_IN);
	if (!other || !reader->names->umbox_of(reader->names, other, &other_umbox, &other_found) ||
	    other_umbox != umbox)
		return false;
	*ret_umbox = umbox;
	*ret_other = other;
	return true;
}

static bool no_way_in(const struct reader *reader)
{
	for (unsigned i = 0; i < reader->held->count; i++) {
		const struct steering_element *element = &reader->held->elements[i];
		if (element->set == STEERING_UP || element->set == STEERING_DN ||
		    element->set == STEERING_PEERS)
			return false;
		if ((element->set == STEERING_TAILS || element->set == STEERING_OUT) &&
		    element->interface == reader->place->port)
			return false;
	}
	return true;
}

static bool is_pass(const struct reader *reader)
{
	const struct steering_place *place = reader->place;
	const struct steering_element *dmac = find(reader, STEERING_DMAC, place->slot_peer, NULL);
	return is_exit(reader, place->port) &&
	       !find(reader, STEERING_UP, place->port, &place->mac) &&
	       next(reader, STEERING_DN, place->slot_peer, NULL) == place->port &&
	       next(reader, STEERING_PEERS, 0, &place->mac) == place->port && dmac &&
	       mac_equal(&dmac->to_mac, &place->mac);
}

/* Both directions of the path that `up` leads into; fills in `legs` and `ids` as far as it gets. */
static bool follow(const struct reader *reader, struct path *path, struct steering_legs *legs)
{
	const struct steering_place *place = reader->place;
	uint32_t in = next(reader, STEERING_UP, place->port, &place->mac), before = 0, out;
	bool agrees = !is_exit(reader, place->port);
	for (;;) {
		if (path->count == HOPS_MAX ||
		    !cross(reader, in, LEG_IN, &path->ids[path->count], &out))
			return false;
		uint32_t umbox = path->ids[path->count++];
		uint32_t direct = reader->names->leg_of(reader->names, umbox, LEG_DIRECT);
		memcpy(legs->leg[legs->count++], (uint32_t[]){in, out, direct},
		       sizeof(legs->leg[0]));
		agrees = agrees && is_direct(reader, umbox);
		if (before)
			agrees = agrees && next(reader, STEERING_NX, in, NULL) == before;
		else
			agrees = agrees && is_home(reader, in) &&
				 !find(reader, STEERING_NX, in, NULL);
		if (find(reader, STEERING_TAILS, out, &place->mac))
			break;
		before = out;
		in = next(reader, STEERING_NX, out, NULL);
	}
	return agrees && is_exit(reader, out) &&
	       next(reader, STEERING_DN, place->slot_peer, NULL) == out &&
	       next(reader, STEERING_PEERS, 0, &place->mac) == out;
}

static bool path_has_leg(const struct steering_legs *legs, uint32_t interface)
{
	for (unsigned i = 0; i < legs->count; i++)
		for (unsigned side = 0; side < LEG_SIDE_COUNT; side++)
			if (legs->leg[i][side] == interface)
				return true;
	return false;
}

/* From `out` of a hop down to the head: umbox ids, nearest the device last.  A hop that is not in
 * force must lead back up to the one it came from. */
static bool spare_down(const struct reader *reader, const struct steering_legs *in_force,
		       uint32_t out, uint32_t ids[static HOPS_MAX], unsigned *ret_count)
{
	uint32_t above = 0, in;
	for (unsigned count = 0; count < HOPS_MAX;) {
		if (!cross(reader, out, LEG_OUT, &ids[count], &in) ||
		    !is_direct(reader, ids[count++]))
			return false;
		if (above && !path_has_leg(in_force, out) &&
		    next(reader, STEERING_NX, out, NULL) != above)
			return false;
		above = in;
		out = next(reader, STEERING_NX, in, NULL);
		if (!out) {
			*ret_count = count;
			return is_home(reader, in);
		}
	}
	return false;
}

/* From `out` of the last hop in `path` up to the tail. */
static bool spare_up(const struct reader *reader, const struct steering_legs *in_force,
		     uint32_t out, struct path *path)
{
	while (!is_exit(reader, out)) {
		uint32_t in = next(reader, STEERING_NX, out, NULL), below = out;
		if (path->count == HOPS_MAX ||
		    !cross(reader, in, LEG_IN, &path->ids[path->count], &out) ||
		    !is_direct(reader, path->ids[path->count++]))
			return false;
		if (!path_has_leg(in_force, in) && next(reader, STEERING_NX, in, NULL) != below)
			return false;
	}
	return true;
}

static void read_spare(struct steering_view *ret, const struct reader *reader, uint32_t out)
{
	struct path path = {.state = PATH_WHOLE};
	uint32_t ids[HOPS_MAX];
	if (ret->spare_count == ARRAY_SIZE(ret->spare) ||
	    !spare_down(reader, &ret->legs, out, ids, &path.count))
		return;
	for (unsigned i = 0; i < path.count; i++)
		path.ids[i] = ids[path.count - 1 - i];
	if (!spare_up(reader, &ret->legs, out, &path))
		return;
	for (unsigned i = 0; i < ret->spare_count; i++)
		if (path_equal(&ret->spare[i], &path))
			return;
	ret->spare[ret->spare_count++] = path;
}

void steering_read(struct steering_view *ret, const struct steering *held,
		   const struct steering_place *place, const struct steering_names *names)
{
	const struct reader reader = {held, place, names};
	*ret = (struct steering_view){0};
	if (no_way_in(&reader))
		ret->path.state = PATH_HELD;
	else if (is_pass(&reader) || follow(&reader, &ret->path, &ret->legs))
		ret->path.state = PATH_WHOLE;
	else
		ret->path.state = PATH_BROKEN;

	for (unsigned i = 0; i < held->count; i++) {
		const struct steering_element *element = &held->elements[i];
		bool leads_up = element->set == STEERING_NX || element->set == STEERING_OUT;
		if (leads_up && element->interface != place->port &&
		    !path_has_leg(&ret->legs, element->interface))
			read_spare(ret, &reader, element->interface);
	}
}

/* An address of its own: vouched for, or announced; false when there are too many. */
static bool read_address(const struct steering *held, const struct ip *ip,
			 struct device_identity *device)
{
	if (device->ip_count + device->learnt_count == DEVICE_IPS_MAX)
		return false;
	for (unsigned i = 0; i < held->count; i++) {
		const struct steering_element *element = &held->elements[i];
		if ((element->set == STEERING_ANNOUNCED4 || element->set == STEERING_ANNOUNCED6) &&
		    ip_equal(&element->ip, ip)) {
			device->learnt[device->learnt_count++] =
				(struct learnt_address){.ip = *ip, .how = LEARNT_ND};
			return true;
		}
	}
	device->ips[device->ip_count++] = *ip;
	return true;
}

/* Bound without an address: its lease is over. */
static bool read_bound(struct device_identity *device, uint8_t family)
{
	if (device_is_bound(device, family))
		return true;
	if (device->ip_count + device->learnt_count == DEVICE_IPS_MAX)
		return false;
	device->learnt[device->learnt_count++] =
		(struct learnt_address){.ip.family = family, .how = LEARNT_LEASE, .expired = true};
	return true;
}

bool steering_identity(const struct steering *held, struct device_identity *ret, uint32_t *ret_port)
{
	struct device_identity device = {.addresses = DEVICE_ADDRESSES_FIXED};
	uint32_t port = 0;
	bool bound4 = false, bound6 = false, whole = true;
	for (unsigned i = 0; i < held->count; i++) {
		const struct steering_element *element = &held->elements[i];
		switch (element->set) {
		case STEERING_HOMES:
			whole = whole && !port;
			port = element->interface;
			device.mac = element->mac;
			break;
		case STEERING_ID4:
		case STEERING_ID6:
			whole = whole && read_address(held, &element->ip, &device);
			break;
		case STEERING_FIXED4: bound4 = true; break;
		case STEERING_FIXED6: bound6 = true; break;
		case STEERING_LEARNERS: device.addresses = DEVICE_ADDRESSES_LEARN; break;
		case STEERING_MULTICAST_FROM: device.multicast = true; break;
		default: break;
		}
	}
	if (!port || !whole || (bound4 && !read_bound(&device, 4)) ||
	    (bound6 && !read_bound(&device, 6)))
		return false;
	ret->mac = device.mac;
	memcpy(ret->ips, device.ips, sizeof(ret->ips));
	ret->ip_count = device.ip_count;
	memcpy(ret->learnt, device.learnt, sizeof(ret->learnt));
	ret->learnt_count = device.learnt_count;
	ret->addresses = device.addresses;
	ret->multicast = device.multicast;
	*ret_port = port;
	return true;
}
