/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/nft.c - enrols, routes, holds, and tells what stands; see nft.h. */
#include "driver/nft.h"

#include <assert.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "driver/nft_inner.h"

void nft_begin(struct nft *nft)
{
	nft_batch_begin(&nft->batch, nft->netlink.sequence);
}

int nft_commit(struct nft *nft, struct error *err)
{
	nft_batch_end(&nft->batch);
	nft->netlink.sequence = nft->batch.sequence;
	return netlink_send(&nft->netlink, nft->batch.bytes, nft->batch.length, err);
}

/* Open, repair, close */

/* For as long as the rules are open: whoever polls the socket goes on to hear of changes. */
static int watch_changes(struct nft *nft, struct error *err)
{
	if (nft->owner)
		return 0;
	int r = netlink_open(&nft->watch, link_namespace(nft->link), NETLINK_NETFILTER, err);
	return r < 0 ? r : netlink_join(&nft->watch, NFNLGRP_NFTABLES, err);
}

/* The one complete path that is in the maps and not in force was prepared by the process before. */
static void guess_prepared(struct nft *nft)
{
	struct nft_device *device, *next;
	HASH_ITER(hh, nft->devices, device, next) {
		struct driver_device view;
		device->prepared.state = PATH_WHOLE;
		nft_view(nft, device->number, &view);
		device->prepared.count = view.prepared_count;
		memcpy(device->prepared.ids, view.prepared, sizeof(view.prepared));
		if (!view.prepared_count)
			device->prepared.state = PATH_HELD;
	}
}

/* What a table that stands already holds is the truth. */
static int adopt_table(struct nft *nft, struct error *err)
{
	int whole = nft_check_table(nft, err);
	if (whole < 0)
		return whole;
	/* Of a table that is altered, what can still be read. */
	int r = nft_sync_elements(nft, whole ? err : NULL);
	if (!whole)
		r = nft_replace_table(nft, err);
	if (r < 0)
		return r;
	guess_prepared(nft);
	r = nft_hook_all(nft, err);
	if (r >= 0)
		r = nft_sync_given(nft, err);
	return r < 0 ? r : watch_changes(nft, err);
}

int nft_open(struct nft **ret, struct link *link, const struct nft_options *options,
	     struct error *err)
{
	struct nft *nft = mem_alloc(sizeof(*nft));
	nft->link = link;
	nft->netlink = nft->watch = nft->heard = NETLINK_NONE;
	if (options)
		nft->options = *options;
	int r = netlink_open(&nft->netlink, link_namespace(link), NETLINK_NETFILTER, err);
	if (r == 0)
		r = nft_probe_hook_lists(nft, err);
	if (r == 0)
		r = adopt_table(nft, err);
	if (r == 0)
		(void)!nft_listen(nft, NULL);
	if (r < 0) {
		nft_close(nft);
		error_prefix(err, "rules: ");
		return r;
	}
	*ret = nft;
	return 0;
}

void nft_close(struct nft *nft)
{
	if (!nft)
		return;
	while (nft->devices)
		nft_device_forget(nft, nft->devices);
	nft_forget_hooks(nft);
	nft_batch_done(&nft->batch);
	netlink_close(&nft->netlink);
	netlink_close(&nft->watch);
	netlink_close(&nft->heard);
	free(nft->unknown);
	free(nft);
}

/* Elements that others took away or put in, against what was written here. */
static int repair_elements(struct nft *nft, struct error *err)
{
	struct nft_device *before = nft->devices, *device, *next;
	nft->devices = NULL;
	int r = nft_sync_elements(nft, err), mended = r > 0;
	nft_begin(nft);
	HASH_ITER(hh, nft->devices, device, next) {
		struct nft_device *was;
		struct steering_changes changes = {0};
		const struct steering nothing = {0};
		HASH_FIND(hh, before, &device->number, sizeof(device->number), was);
		steering_difference(&changes, &device->held, was ? &was->held : &nothing);
		for (unsigned i = 0; i < changes.count; i++)
			nft_batch_element(&nft->batch, &changes.list[i], device->number);
		steering_changes_done(&changes);
	}
	HASH_ITER(hh, before, device, next) {
		struct steering_changes changes = {0};
		const struct steering nothing = {0};
		if (!nft_device_find(nft, device->number))
			steering_difference(&changes, &nothing, &device->held);
		for (unsigned i = 0; i < changes.count; i++)
			nft_batch_element(&nft->batch, &changes.list[i], device->number);
		steering_changes_done(&changes);
	}
	if (r >= 0 && nft->batch.messages) {
		mended = 1;
		r = nft_commit(nft, err);
	}
	/* What was written here holds, whatever came of it: the next call tries again. */
	while (nft->devices)
		nft_device_forget(nft, nft->devices);
	nft->devices = before;
	nft->doubtful = r < 0;
	return r < 0 ? r : mended;
}

int nft_repair(struct nft *nft, struct error *err)
{
	int whole = nft_check_table(nft, err), mended = 0;
	if (whole < 0)
		return whole;
	int r = whole && nft->doubtful ? nft_sync_elements(nft, err) : 0;
	if (r >= 0)
		r = whole ? repair_elements(nft, err) : nft_replace_table(nft, err);
	if (r < 0)
		return r;
	mended = !whole || r > 0;
	r = nft_hook_all(nft, err);
	if (r < 0)
		return r;
	mended |= r;
	r = nft_sync_given(nft, err);
	if (r < 0)
		return r;
	return mended | r;
}

/* Places and legs */

struct names {
	struct steering_names names;
	const struct nft *nft;
};

static bool leg_usable(const struct nft *nft, const struct link_view *leg)
{
	return leg && leg->up && nft_is_hooked(nft, NFT_BASE_LEGS, leg->name);
}

static bool umbox_of(const struct steering_names *names, uint32_t interface, uint32_t *ret_umbox,
		     enum leg_side *ret_side)
{
	const struct nft *nft = container_of(names, struct names, names)->nft;
	const struct link_view *leg = link_find_index(nft->link, interface);
	return leg_usable(nft, leg) && leg_name_parse(leg->name, ret_umbox, ret_side);
}

static uint32_t leg_of(const struct steering_names *names, uint32_t umbox, enum leg_side side)
{
	char name[LINK_NAME_BYTES];
	leg_name(name, umbox, side);
	const struct link_view *leg = link_find(container_of(names, struct names, names)->nft->link,
						name);
	return leg ? leg->index : 0;
}

static uint32_t slot_peer_index(const struct nft *nft, uint32_t device)
{
	char name[LINK_NAME_BYTES];
	slot_peer_name(name, device);
	const struct link_view *peer = link_find(nft->link, name);
	return peer && nft_is_hooked(nft, NFT_BASE_SLOTS, name) ? peer->index : 0;
}

/* The legs of a path; false when one is missing or not hooked. */
static bool find_legs(const struct nft *nft, const struct path *path, struct steering_legs *ret)
{
	*ret = (struct steering_legs){0};
	for (unsigned i = 0; path && path->state == PATH_WHOLE && i < path->count; i++) {
		for (unsigned side = 0; side < LEG_SIDE_COUNT; side++) {
			char name[LINK_NAME_BYTES];
			leg_name(name, path->ids[i], side);
			const struct link_view *leg = link_find(nft->link, name);
			if (!leg && side == LEG_DIRECT)
				continue;
			if (!leg_usable(nft, leg))
				return false;
			ret->leg[ret->count][side] = leg->index;
		}
		ret->count++;
	}
	return true;
}

/* What one device has, where it is, and what it amounts to. */
struct look {
	struct nft_device *device;
	struct steering_place place;
	struct device_identity as;
	struct steering_view view;
	bool enrolled; /* an identity is there, and its slot */
};

static void look_at(struct nft *nft, struct nft_device *device, struct look *ret)
{
	const struct names names = {{umbox_of, leg_of}, nft};
	*ret = (struct look){.device = device};
	ret->place.slot_peer = slot_peer_index(nft, device->number);
	ret->enrolled = steering_identity(&device->held, &ret->as, &ret->place.port) &&
			ret->place.slot_peer;
	ret->place.mac = ret->as.mac;
	steering_read(&ret->view, &device->held, &ret->place, &names.names);
}

void nft_view(struct nft *nft, uint32_t number, struct driver_device *ret)
{
	*ret = (struct driver_device){.device = number};
	struct nft_device *device = nft_device_find(nft, number);
	if (!device)
		return;
	struct look look;
	struct steering_legs prepared = {0};
	look_at(nft, device, &look);
	ret->as = look.as;
	ret->as.number = number;
	const struct link_view *port = link_find_index(nft->link, look.place.port);
	if (port)
		TEXT_COPY(ret->as.port, port->name);
	struct steering_changes changes = {0};
	steering_enrol(&changes, &device->held, &look.as, &look.place);
	ret->enrolled = look.enrolled && port && !changes.count;
	steering_changes_done(&changes);

	ret->path = look.view.path;
	bool any = device->prepared.state == PATH_WHOLE && !device->prepared.count;
	for (unsigned i = 0; i < look.view.spare_count; i++) {
		const struct path *spare = &look.view.spare[i];
		if (!path_equal(spare, &device->prepared) && !(any && look.view.spare_count == 1))
			continue;
		memcpy(ret->prepared, spare->ids, sizeof(ret->prepared));
		ret->prepared_count = spare->count;
		if (!find_legs(nft, spare, &prepared))
			prepared.count = 0;
	}
	ret->leftovers = steering_has_leftovers(&device->held, &look.view.legs, &prepared);
}

int nft_observe(struct nft *nft, struct driver_device **ret, unsigned *ret_count, struct error *err)
{
	struct nft_device *device, *next;
	int r = nft_sync_hooks(nft, err);
	if (r >= 0)
		r = nft_sync_elements(nft, err);
	if (r < 0)
		return r;
	struct driver_device *views = mem_alloc_array(HASH_COUNT(nft->devices) + 1, sizeof(*views));
	unsigned count = 0;
	HASH_ITER(hh, nft->devices, device, next)
		nft_view(nft, device->number, &views[count++]);
	*ret = views;
	*ret_count = count;
	return 0;
}

/* Transactions */

/* Commits and takes note.  -EAGAIN: the kernel held something else than was thought, and what it
 * holds was read anew: work the changes out again. */
static int commit_changes(struct nft *nft, struct nft_device *device,
			  const struct steering_changes *changes, struct error *err)
{
	if (!changes->count)
		return 0;
	nft_begin(nft);
	for (unsigned i = 0; i < changes->count; i++)
		nft_batch_element(&nft->batch, &changes->list[i], device->number);
	int r = nft_commit(nft, err);
	if (r == 0) {
		steering_apply(&device->held, changes);
		return 0;
	}
	nft->doubtful = true;
	int synced = nft_sync_elements(nft, NULL);
	return synced >= 0 && (r == -ENOENT || r == -EEXIST || r == -EBUSY) ? -EAGAIN : r;
}

/* What one of the operations below wants; its arguments. */
struct wish {
	const struct device_identity *device;
	uint32_t port; /* of the device, as it shall be */
	const struct steering_legs *path, *keep;
	bool cut;
};
typedef void wish_fn(struct steering_changes *ret, const struct look *look,
		     const struct wish *wish);

/* Two rounds: the second after a look at what the kernel really holds. */
static int carry_out(struct nft *nft, uint32_t number, wish_fn *work_out, const struct wish *wish,
		     struct error *err)
{
	int r = nft->doubtful ? nft_sync_elements(nft, err) : 0;
	if (r >= 0)
		r = -EAGAIN;
	for (unsigned round = 0; round < 2 && r == -EAGAIN; round++) {
		struct steering_changes changes = {0};
		struct look look;
		look_at(nft, nft_device_make(nft, number), &look);
		work_out(&changes, &look, wish);
		r = commit_changes(nft, look.device, &changes, err);
		steering_changes_done(&changes);
	}
	struct nft_device *device = nft_device_find(nft, number);
	if (device && !device->held.count)
		nft_device_forget(nft, device);
	if (r < 0)
		error_prefix(err, "rules of device %u: ", number);
	return r == -EAGAIN ? -EIO : r;
}

static void wish_enrol(struct steering_changes *ret, const struct look *look,
		       const struct wish *wish)
{
	const struct steering_place place = {wish->port, look->place.slot_peer, wish->device->mac};
	steering_enrol(ret, &look->device->held, wish->device, &place);
}

int nft_enrol(struct nft *nft, const struct device_identity *device, struct error *err)
{
	char peer[LINK_NAME_BYTES];
	slot_peer_name(peer, device->number);
	const char *const interfaces[] = {peer};
	const struct link_view *port = link_find(nft->link, device->port);
	if (!port)
		return error_set(err, -ENODEV, "device port '%s' is not there", device->port);
	if (!link_find(nft->link, peer))
		return error_set(err, -ENODEV, "slot %s is not there", peer);
	int r = nft_check_host(nft, device, err);
	if (r == 0)
		r = nft_hook(nft, NFT_BASE_SLOTS, interfaces, 1, err);
	return r < 0 ? r
		     : carry_out(nft, device->number, wish_enrol,
				 &(struct wish){.device = device, .port = port->index}, err);
}

static void wish_unenrol(struct steering_changes *ret, const struct look *look,
			 const struct wish *wish maybe_unused)
{
	steering_unenrol(ret, &look->device->held);
}

int nft_unenrol(struct nft *nft, uint32_t device, struct error *err)
{
	char peer[LINK_NAME_BYTES];
	slot_peer_name(peer, device);
	const char *const interfaces[] = {peer};
	int r = carry_out(nft, device, wish_unenrol, &(struct wish){0}, err);
	return r < 0 ? r : nft_unhook(nft, NFT_BASE_SLOTS, interfaces, 1, err);
}

/* The device must be enrolled, and the legs of the path there and hooked. */
static int find_path(struct nft *nft, uint32_t number, const struct path *path,
		     struct steering_legs *ret, struct error *err)
{
	struct nft_device *device = nft_device_find(nft, number);
	struct look look;
	if (device)
		look_at(nft, device, &look);
	if (!device || !look.enrolled)
		return error_set(err, -ENOENT, "device %u is not enrolled", number);
	struct path whole = *path;
	whole.state = PATH_WHOLE;
	if (!find_legs(nft, &whole, ret))
		return error_set(err, -ENOENT,
				 "device %u: a leg of its path is gone, down or not hooked",
				 number);
	return 0;
}

/* The legs of the prepared path that are still there. */
static void find_prepared(struct nft *nft, uint32_t number, struct steering_legs *ret)
{
	const struct nft_device *device = nft_device_find(nft, number);
	if (!device || !find_legs(nft, &device->prepared, ret))
		*ret = (struct steering_legs){0};
}

static void wish_route(struct steering_changes *ret, const struct look *look,
		       const struct wish *wish)
{
	steering_route(ret, &look->device->held, &look->place, wish->path, wish->cut, wish->keep);
}

int nft_route(struct nft *nft, uint32_t device, const struct path *path, bool cut,
	      struct error *err)
{
	struct steering_legs legs, keep;
	int r = find_path(nft, device, path, &legs, err);
	if (r < 0)
		return r;
	find_prepared(nft, device, &keep);
	return carry_out(nft, device, wish_route,
			 &(struct wish){.path = &legs, .keep = &keep, .cut = cut}, err);
}

static void wish_hold(struct steering_changes *ret, const struct look *look,
		      const struct wish *wish)
{
	steering_hold(ret, &look->device->held, wish->cut, wish->keep);
}

int nft_hold(struct nft *nft, uint32_t device, bool cut, struct error *err)
{
	struct steering_legs keep;
	find_prepared(nft, device, &keep);
	return carry_out(nft, device, wish_hold, &(struct wish){.keep = &keep, .cut = cut}, err);
}

static void wish_prepare(struct steering_changes *ret, const struct look *look,
			 const struct wish *wish)
{
	steering_prepare(ret, &look->device->held, &look->place, wish->path, &look->view.legs);
}

int nft_prepare(struct nft *nft, uint32_t number, const struct path *path, struct error *err)
{
	struct steering_legs legs;
	int r = find_path(nft, number, path, &legs, err);
	if (r == 0)
		r = carry_out(nft, number, wish_prepare, &(struct wish){.path = &legs}, err);
	if (r < 0)
		return r;
	struct nft_device *device = nft_device_find(nft, number);
	device->prepared = *path;
	device->prepared.state = PATH_WHOLE;
	return 0;
}

static void wish_clean(struct steering_changes *ret, const struct look *look,
		       const struct wish *wish)
{
	steering_clean(ret, &look->device->held, &look->view.legs, wish->keep);
}

int nft_clean(struct nft *nft, uint32_t number, const struct path *keep, struct error *err)
{
	struct steering_legs legs;
	struct path whole = *keep;
	whole.state = PATH_WHOLE;
	if (!find_legs(nft, &whole, &legs))
		legs.count = 0;
	int r = carry_out(nft, number, wish_clean, &(struct wish){.keep = &legs}, err);
	struct nft_device *device = nft_device_find(nft, number);
	if (r == 0 && device)
		device->prepared = legs.count ? whole : (struct path){.state = PATH_HELD};
	return r;
}

int nft_follow_host(struct nft *nft, struct error *err)
{
	int r = link_read_host(nft->link, err);
	nft->host_unwritten |= r > 0;
	if (r < 0 || !nft->host_unwritten)
		return r;
	r = nft_sync_given(nft, err);
	nft->host_unwritten = r < 0;
	return r;
}

/* Hooks of legs */

static int with_legs(struct nft *nft, uint32_t umbox,
		     int (*act)(struct nft *nft, enum nft_base base, const char *const *interfaces,
				unsigned count, struct error *err),
		     unsigned sides, struct error *err)
{
	char names[LEG_SIDE_COUNT][LINK_NAME_BYTES];
	const char *interfaces[LEG_SIDE_COUNT];
	for (unsigned side = 0; side < sides; side++) {
		leg_name(names[side], umbox, side);
		interfaces[side] = names[side];
	}
	return act(nft, NFT_BASE_LEGS, interfaces, sides, err);
}

/* How many of its legs there are to hook: the direct one is the last. */
static unsigned sides_of(const struct nft *nft, uint32_t umbox)
{
	char direct[LINK_NAME_BYTES];
	leg_name(direct, umbox, LEG_DIRECT);
	return link_find(nft->link, direct) ? LEG_SIDE_COUNT : LEG_DIRECT;
}

int nft_hook_legs(struct nft *nft, uint32_t umbox, struct error *err)
{
	return with_legs(nft, umbox, nft_hook, sides_of(nft, umbox), err);
}

int nft_unhook_legs(struct nft *nft, uint32_t umbox, struct error *err)
{
	return with_legs(nft, umbox, nft_unhook, LEG_SIDE_COUNT, err);
}

bool nft_legs_hooked(const struct nft *nft, uint32_t umbox)
{
	for (unsigned side = 0; side < sides_of(nft, umbox); side++) {
		char name[LINK_NAME_BYTES];
		leg_name(name, umbox, side);
		if (!nft_is_hooked(nft, NFT_BASE_LEGS, name))
			return false;
	}
	return true;
}
