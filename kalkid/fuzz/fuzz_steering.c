/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_steering.c - any sequence of operations on a model of the maps: what the maps lead to
 * is at every moment the path that was routed last, whole, or nothing; and a direct leg leads out
 * of the chain, and nothing into it. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/steering.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	UMBOXES = 6,
	FIRST_LEG = 100,
	STEPS_MAX = 64,
	CROSSED_MAX = 2 * HOPS_MAX,
	SLOT = 20,
	PORT = 10,
};

struct input {
	const uint8_t *data;
	size_t size;
};

static uint8_t take_byte(struct input *input)
{
	if (!input->size)
		return 0;
	input->size--;
	return *input->data++;
}

struct model {
	struct steering held;
	struct steering_place place;
	struct device_identity device;
	bool enrolled, routed;
	struct steering_legs path; /* routed last */
	struct steering_legs prepared;
};

static uint32_t leg_of_umbox(uint32_t umbox, enum leg_side side)
{
	return FIRST_LEG + LEG_SIDE_COUNT * umbox + side;
}

static bool umbox_of(const struct steering_names *names maybe_unused, uint32_t interface,
		     uint32_t *ret_umbox, enum leg_side *ret_side)
{
	if (interface < FIRST_LEG || interface >= FIRST_LEG + LEG_SIDE_COUNT * (UMBOXES + 1))
		return false;
	*ret_umbox = (interface - FIRST_LEG) / LEG_SIDE_COUNT;
	*ret_side = (interface - FIRST_LEG) % LEG_SIDE_COUNT;
	return true;
}

static uint32_t leg_of(const struct steering_names *names maybe_unused, uint32_t umbox,
		       enum leg_side side)
{
	bool none = side == LEG_DIRECT && umbox % 2 == 0;
	return none ? 0 : leg_of_umbox(umbox, side);
}

static const struct steering_names model_names = {umbox_of, leg_of};

static const struct steering_element *find(const struct model *model, enum steering_set set,
					   uint32_t interface, bool with_mac)
{
	static const struct mac none;
	const struct steering_element *found = NULL;
	for (unsigned i = 0; i < model->held.count; i++) {
		const struct steering_element *element = &model->held.elements[i];
		if (element->set != set || element->interface != interface ||
		    !mac_equal(&element->mac, with_mac ? &model->place.mac : &none))
			continue;
		assert(!found); /* a key stands once */
		found = element;
	}
	return found;
}

/* What a frame crossed, and whether it came out at an end. */
struct walk {
	uint32_t umbox[CROSSED_MAX];
	unsigned count;
	bool out;
};

/* A frame goes into a umbox by `leg`: it comes out at the other one, and the rules of the chain
 * `leg` say where next. */
static void walk_from(const struct model *model, uint32_t leg, struct walk *walk)
{
	while (walk->count < CROSSED_MAX) {
		uint32_t umbox;
		enum leg_side side;
		const struct steering_element *next;
		if (!umbox_of(NULL, leg, &umbox, &side))
			return;
		walk->umbox[walk->count++] = umbox;
		leg = leg_of_umbox(umbox, side == LEG_IN ? LEG_OUT : LEG_IN);
		bool up = side == LEG_IN;
		if (up && find(model, STEERING_TAILS, leg, true)) {
			walk->out = find(model, STEERING_OUT, leg, true);
			return;
		}
		next = find(model, STEERING_NX, leg, false);
		if (!next) {
			walk->out = !up && find(model, STEERING_BACK, leg, true);
			return;
		}
		leg = next->to_interface;
	}
	assert(!"a frame goes round for ever");
}

static struct walk walk_up(const struct model *model)
{
	struct walk walk = {0};
	const struct steering_element *in = find(model, STEERING_UP, model->place.port, true);
	if (in)
		walk_from(model, in->to_interface, &walk);
	else if (find(model, STEERING_TAILS, model->place.port, true))
		walk.out = find(model, STEERING_OUT, model->place.port, true);
	return walk;
}

static struct walk walk_down(const struct model *model, enum steering_set way)
{
	struct walk walk = {0};
	bool peers = way == STEERING_PEERS;
	const struct steering_element *in = find(model, way, peers ? 0 : model->place.slot_peer,
						 peers);
	if (in && in->to_interface == model->place.port)
		walk.out = true;
	else if (in)
		walk_from(model, in->to_interface, &walk);
	return walk;
}

static bool walk_is(const struct walk *walk, const struct steering_legs *path, bool up)
{
	if (!walk->out || walk->count != path->count)
		return false;
	for (unsigned i = 0; i < path->count; i++) {
		unsigned hop = up ? i : path->count - 1 - i;
		if (leg_of_umbox(walk->umbox[i], LEG_IN) != path->leg[hop][LEG_IN])
			return false;
	}
	return true;
}

/* An end of a chain is not an inner leg: the rules need not ask in any order. */
static void check_ends(const struct model *model)
{
	for (unsigned i = 0; i < model->held.count; i++) {
		const struct steering_element *element = &model->held.elements[i];
		if (element->set == STEERING_TAILS || element->set == STEERING_BACK)
			assert(!find(model, STEERING_NX, element->interface, false));
	}
}

static bool is_direct_leg(uint32_t interface)
{
	uint32_t umbox;
	enum leg_side side;
	return umbox_of(NULL, interface, &umbox, &side) && side == LEG_DIRECT;
}

/* Nothing leads into a direct leg, and out of it only to where the device is. */
static void check_direct(const struct model *model)
{
	for (unsigned i = 0; i < model->held.count; i++) {
		const struct steering_element *element = &model->held.elements[i];
		assert(!is_direct_leg(element->to_interface));
		if (!is_direct_leg(element->interface))
			continue;
		assert(element->set != STEERING_OUT ||
		       element->to_interface == model->place.slot_peer);
		assert(element->set != STEERING_BACK || element->to_interface == model->place.port);
	}
	for (unsigned i = 0; model->routed && i < model->path.count; i++) {
		uint32_t direct = model->path.leg[i][LEG_DIRECT];
		assert(!direct || (find(model, STEERING_TAILS, direct, true) &&
				   find(model, STEERING_OUT, direct, true) &&
				   find(model, STEERING_BACK, direct, true)));
	}
}

static void check(const struct model *model)
{
	check_ends(model);
	check_direct(model);
	const struct walk up = walk_up(model), down = walk_down(model, STEERING_DN),
			  peer = walk_down(model, STEERING_PEERS);
	struct steering_view view;
	steering_read(&view, &model->held, &model->place, &model_names);
	if (!model->routed) {
		assert(!up.out && !up.count && !down.out && !down.count && !peer.out &&
		       !peer.count);
		assert(view.path.state == PATH_HELD);
		return;
	}
	assert(walk_is(&up, &model->path, true));
	assert(walk_is(&down, &model->path, false));
	assert(walk_is(&peer, &model->path, false));
	assert(view.path.state == PATH_WHOLE && view.legs.count == model->path.count);
	assert(memcmp(view.legs.leg, model->path.leg, sizeof(model->path.leg)) == 0);
}

/* Deletes only what is there, adds only what is not: the kernel would refuse the transaction. */
static void apply(struct model *model, struct steering_changes *changes)
{
	for (unsigned i = 0; i < changes->count; i++) {
		struct steering_changes one = {&changes->list[i], 1, 1};
		unsigned before = model->held.count;
		bool there = false;
		for (unsigned j = 0; j < before; j++) {
			const struct steering_element *a = &model->held.elements[j],
						      *b = &changes->list[i].element;
			there |= a->set == b->set && a->interface == b->interface &&
				 mac_equal(&a->mac, &b->mac) && ip_equal(&a->ip, &b->ip);
		}
		assert(there == !changes->list[i].add);
		steering_apply(&model->held, &one);
		assert(model->held.count == before + (changes->list[i].add ? 1u : -1u));
	}
	steering_changes_done(changes);
}

static struct steering_legs take_path(struct input *input)
{
	struct steering_legs path = {0};
	unsigned count = take_byte(input) % (UMBOXES + 1);
	bool used[UMBOXES + 1] = {false};
	while (path.count < count) {
		uint32_t umbox = take_byte(input) % UMBOXES + 1;
		while (used[umbox])
			umbox = umbox % UMBOXES + 1;
		used[umbox] = true;
		for (unsigned side = 0; side < LEG_SIDE_COUNT; side++)
			path.leg[path.count][side] = leg_of(NULL, umbox, side);
		path.count++;
	}
	return path;
}

/* X = P.M.S becomes Y = P.M'.S with M and M' disjoint. */
static bool may_stay(const struct steering_legs *x, const struct steering_legs *y)
{
	unsigned shorter = x->count < y->count ? x->count : y->count, prefix = 0, suffix = 0;
	while (prefix < shorter && x->leg[prefix][LEG_IN] == y->leg[prefix][LEG_IN])
		prefix++;
	while (suffix < shorter - prefix &&
	       x->leg[x->count - 1 - suffix][LEG_IN] == y->leg[y->count - 1 - suffix][LEG_IN])
		suffix++;
	for (unsigned i = prefix; i < x->count - suffix; i++)
		for (unsigned j = prefix; j < y->count - suffix; j++)
			if (x->leg[i][LEG_IN] == y->leg[j][LEG_IN])
				return false;
	return true;
}

/* What was in a umbox of `x` at the flip comes out having crossed all of `x`, all of `y`, or not.
 */
static void check_in_flight(const struct model *model, const struct steering_legs *x,
			    const struct steering_legs *y)
{
	for (unsigned i = 0; i < x->count; i++) {
		for (unsigned up = 0; up < 2; up++) {
			struct walk walk = {0};
			unsigned crossed = up ? i : x->count - 1 - i;
			for (unsigned j = 0; j < crossed; j++)
				walk.umbox[walk.count++] =
					(x->leg[up ? j : x->count - 1 - j][LEG_IN] - FIRST_LEG) /
					LEG_SIDE_COUNT;
			walk_from(model, x->leg[i][up ? LEG_IN : LEG_OUT], &walk);
			assert(!walk.out || walk_is(&walk, x, up) || walk_is(&walk, y, up));
		}
	}
}

static void step_route(struct model *model, struct input *input)
{
	const struct steering_legs before = model->path, path = take_path(input);
	bool was_routed = model->routed, cut = take_byte(input) & 1;
	struct steering_changes changes = {0};
	steering_route(&changes, &model->held, &model->place, &path, cut, &model->prepared);
	apply(model, &changes);
	model->path = path;
	model->routed = true;
	if (was_routed && may_stay(&before, &path))
		check_in_flight(model, &before, &path);
	/* Of what is cut nothing is left but what is prepared. */
	if (cut)
		assert(!steering_has_leftovers(&model->held, &path, &model->prepared));
	steering_route(&changes, &model->held, &model->place, &path, false, NULL);
	assert(!changes.count);
	steering_changes_done(&changes);
}

static void step(struct model *model, struct input *input)
{
	static const struct steering_legs none;
	const struct steering_legs *in_force = model->routed ? &model->path : &none;
	struct steering_changes changes = {0};
	unsigned kind = take_byte(input) % 8;
	if (!model->enrolled && kind != 7)
		kind = 6;
	switch (kind) {
	case 0:
	case 1:
	case 2: step_route(model, input); return;
	case 3:
		steering_hold(&changes, &model->held, take_byte(input) & 1, &model->prepared);
		model->routed = false;
		break;
	case 4:
		model->prepared = take_path(input);
		steering_prepare(&changes, &model->held, &model->place, &model->prepared, in_force);
		break;
	case 5:
		if (take_byte(input) & 1)
			model->prepared = none;
		steering_clean(&changes, &model->held, in_force, &model->prepared);
		break;
	case 6: {
		uint8_t how = take_byte(input);
		model->device.ip_count = how & 3;
		model->device.learnt_count = how >> 6;
		model->device.addresses = how & 0x20 ? DEVICE_ADDRESSES_LEARN
						     : DEVICE_ADDRESSES_FIXED;
		model->device.multicast = how & 4;
		if (!model->enrolled || how & 8) {
			uint32_t port = PORT + (how >> 4 & 1), slot = SLOT + (how >> 5 & 1);
			model->routed = model->routed && port == model->place.port &&
					slot == model->place.slot_peer;
			model->place.port = port;
			model->place.slot_peer = slot;
		}
		steering_enrol(&changes, &model->held, &model->device, &model->place);
		model->enrolled = true;
		break;
	}
	default:
		steering_unenrol(&changes, &model->held);
		model->routed = model->enrolled = false;
		break;
	}
	apply(model, &changes);
	if (kind == 5)
		assert(!steering_has_leftovers(&model->held, in_force, &model->prepared));
	if (kind == 7)
		assert(!model->held.count);
}

static void check_identity(const struct model *model)
{
	struct device_identity as = {0};
	uint32_t port;
	if (!model->enrolled)
		return;
	assert(steering_identity(&model->held, &as, &port));
	assert(port == model->place.port && mac_equal(&as.mac, &model->place.mac));
	assert(device_same_identity(&as, &model->device));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct model model = {.place = {.mac = {{2, 0, 0, 0, 0, 1}}}};
	model.device.mac = model.place.mac;
	model.device.ips[0] = (struct ip){.family = 4, .octet = {10, 0, 0, 1}};
	model.device.ips[1] = (struct ip){.family = 6, .octet = {0xfd, 1}};
	model.device.ips[2] = (struct ip){.family = 4, .octet = {10, 0, 0, 2}};
	model.device.learnt[0] = (struct learnt_address){.ip = {4, {10, 0, 0, 3}}};
	model.device.learnt[1] = (struct learnt_address){.ip = {6, {0xfd, 2}}, .how = LEARNT_ND};
	model.device.learnt[2] = (struct learnt_address){.ip = {4, {10, 0, 0, 4}}, .expired = true};
	for (unsigned i = 0; i < STEPS_MAX && input.size; i++) {
		step(&model, &input);
		check(&model);
		check_identity(&model);
	}
	steering_done(&model.held);
	return 0;
}
