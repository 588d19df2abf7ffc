/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/link.c - the interfaces as seen, slots, legs, counters and notices; see link.h. */
#include "driver/link.h"

#include <assert.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/text.h"
#include "driver/link_inner.h"
#include "io/namespace.h"

void link_alias(char alias[static LINK_ALIAS_BYTES], const char *instance, const char *role)
{
	snprintf(alias, LINK_ALIAS_BYTES, "kalki:%s:%s", instance, role);
}

const char *link_alias_role(const char *alias, const char *instance)
{
	size_t length = strlen(instance);
	if (!text_starts(alias, "kalki:"))
		return NULL;
	alias += strlen("kalki:");
	return strncmp(alias, instance, length) == 0 && alias[length] == ':' ? alias + length + 1
									     : NULL;
}

struct link_entry *link_entry_find(const struct link *link, const char *name)
{
	struct link_entry *entry;
	HASH_FIND(by_name, link->names, name, strlen(name), entry);
	return entry;
}

static struct link_entry *entry_find_index(const struct link *link, uint32_t index)
{
	struct link_entry *entry;
	HASH_FIND(by_index, link->indexes, &index, sizeof(index), entry);
	return entry;
}

static void entry_remove(struct link *link, struct link_entry *entry)
{
	HASH_DELETE(by_name, link->names, entry);
	HASH_DELETE(by_index, link->indexes, entry);
	free(entry);
}

void link_entries_clear(struct link *link)
{
	while (link->names)
		entry_remove(link, link->names);
}

static void entry_set(struct link *link, const struct link_info *info)
{
	struct link_entry *entry = entry_find_index(link, info->index);
	if (entry)
		entry_remove(link, entry);
	entry = link_entry_find(link, info->name);
	if (entry)
		entry_remove(link, entry);
	entry = mem_alloc(sizeof(*entry));
	entry->info = *info;
	entry->view = (struct link_view){
		.index = info->index,
		.up = info->up,
		.running = info->running,
		.ours = link_alias_role(info->alias, link->instance),
	};
	memcpy(entry->view.name, info->name, sizeof(entry->view.name));
	HASH_ADD(by_index, link->indexes, view.index, sizeof(entry->view.index), entry);
	HASH_ADD_KEYPTR(by_name, link->names, entry->view.name, strlen(entry->view.name), entry);
}

const struct link_view *link_find(const struct link *link, const char *name)
{
	const struct link_entry *entry = link_entry_find(link, name);
	return entry ? &entry->view : NULL;
}

const struct link_view *link_find_index(const struct link *link, uint32_t index)
{
	const struct link_entry *entry = entry_find_index(link, index);
	return entry ? &entry->view : NULL;
}

int link_namespace(const struct link *link)
{
	return link->netns;
}

const struct data_plane *link_data_plane(const struct link *link)
{
	return &link->plane;
}

int link_commit(struct netlink *netlink, struct link_batch *batch, struct error *err,
		const char *what, ...)
{
	netlink->sequence = link_batch_end(batch);
	int r = netlink_send(netlink, batch->bytes, batch->length, err);
	if (r == 0)
		return 0;
	char words[256];
	va_list args;
	va_start(args, what);
	vsnprintf(words, sizeof(words), what, args);
	va_end(args);
	error_prefix(err, "%s: ", words);
	return r;
}

static void on_one(void *data, const struct nlmsghdr *message)
{
	struct link_info *info = data;
	struct link_info found;
	if (link_parse(message, &found))
		*info = found;
}

int link_ask(struct netlink *netlink, const char *name, struct link_info *ret, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[LINK_QUESTION_BYTES];
	struct link_info info = {0};
	int r = netlink_ask(netlink, link_ask_name(question, name), on_one, NULL, &info, err);
	if (r < 0) {
		error_prefix(err, "interface '%s': ", name);
		return r;
	}
	if (!info.index)
		return error_set(err, -ENODEV, "interface '%s' is not there", name);
	*ret = info;
	return 0;
}

int link_refresh(struct link *link, const char *name, struct error *err)
{
	struct link_info info;
	int r = link_ask(&link->inside, name, &info, err);
	if (r == 0) {
		entry_set(link, &info);
	} else if (r == -ENODEV) {
		struct link_entry *entry = link_entry_find(link, name);
		if (entry)
			entry_remove(link, entry);
	}
	return r;
}

static void on_each(void *data, const struct nlmsghdr *message)
{
	struct link_info info;
	if (link_parse(message, &info))
		entry_set(data, &info);
}

static void on_restart(void *data)
{
	link_entries_clear(data);
}

int link_observe(struct link *link, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[LINK_QUESTION_BYTES];
	link_entries_clear(link);
	return netlink_ask(&link->inside, link_ask_all(question), on_each, on_restart, link, err);
}

/* Slots */

int link_remove_slot(struct link *link, uint32_t device, struct error *err)
{
	char name[LINK_NAME_BYTES], peer[LINK_NAME_BYTES];
	slot_name(name, device);
	slot_peer_name(peer, device);
	struct link_entry *entry = link_entry_find(link, name);
	struct link_entry *peer_entry = link_entry_find(link, peer);
	if (!entry && !peer_entry)
		return 0;
	struct link_batch batch;
	link_batch_begin(&batch, link->inside.sequence);
	/* The two ends go together. */
	link_batch_delete(&batch, entry ? entry->view.index : peer_entry->view.index);
	if (entry)
		entry_remove(link, entry);
	if (peer_entry)
		entry_remove(link, peer_entry);
	int r = link_commit(&link->inside, &batch, err, "removing slot %s", name);
	return r == -ENODEV ? 0 : r;
}

static int make_slot(struct link *link, const char *name, const char *peer, const char *alias,
		     struct error *err)
{
	struct link_batch batch;
	link_batch_begin(&batch, link->inside.sequence);
	link_batch_new_pair(
		&batch, &(struct link_pair){
				.name = name, .peer = peer, .mtu = link->mtu, .peer_netns = -1});
	link_batch_edit(&batch, &(struct link_edit){.name = name, .alias = alias});
	link_batch_edit(&batch, &(struct link_edit){.name = peer, .alias = alias});
	int r = link_commit(&link->inside, &batch, err, "making slot %s", name);
	if (r == 0)
		r = link_refresh(link, name, err);
	return r < 0 ? r : link_refresh(link, peer, err);
}

int link_add_slot(struct link *link, const struct device_identity *device, struct error *err)
{
	char name[LINK_NAME_BYTES], peer[LINK_NAME_BYTES], mac[MAC_TEXT_BYTES];
	char role[64], alias[LINK_ALIAS_BYTES];
	slot_name(name, device->number);
	slot_peer_name(peer, device->number);
	mac_print(mac, &device->mac);
	snprintf(role, sizeof(role), "slot:%s", mac);
	link_alias(alias, link->instance, role);

	const struct link_entry *slot = link_entry_find(link, name);
	int r = 0;
	/* Another MAC, another slot: what led to the old one must not lead to the new. */
	if (!slot || !link_entry_find(link, peer) || !text_equal(slot->info.alias, alias)) {
		r = link_remove_slot(link, device->number, err);
		if (r == 0)
			r = make_slot(link, name, peer, alias, err);
		if (r < 0)
			return r;
		slot = link_entry_find(link, name);
	}
	const struct link_entry *bridge = link_entry_find(link, LINK_BRIDGE_NAME);
	if (!bridge)
		return error_set(err, -ENODEV, "slot %s: the bridge is gone", name);
	struct link_batch batch;
	link_batch_begin(&batch, link->inside.sequence);
	if (slot->info.master != bridge->view.index)
		link_batch_edit(&batch,
				&(struct link_edit){.name = name, .master = bridge->view.index});
	/* Isolated before it is up. */
	link_batch_bridge_port_slot(&batch, name);
	link_batch_edit(&batch, &(struct link_edit){.name = name, .up = LINK_ON});
	link_batch_edit(&batch, &(struct link_edit){.name = peer, .up = LINK_ON});
	link_batch_new_address_behind(&batch, slot->view.index, &device->mac);
	r = link_commit(&link->inside, &batch, err, "slot %s", name);
	if (r == -EXFULL)
		error_prefix(err, "a bridge has no more than 1023 ports: ");
	if (r == 0)
		r = link_refresh(link, name, err);
	return r < 0 ? r : link_refresh(link, peer, err);
}

void link_each_slot(const struct link *link, void (*each)(void *data, uint32_t device), void *data)
{
	struct link_entry *entry, *next;
	HASH_ITER(by_name, link->names, entry, next) {
		uint32_t device;
		char peer[LINK_NAME_BYTES];
		if (slot_name_parse(entry->view.name, &device)) {
			each(data, device);
		} else if (slot_peer_name_parse(entry->view.name, &device)) {
			slot_name(peer, device);
			if (!link_entry_find(link, peer))
				each(data, device);
		}
	}
}

/* Legs */

int link_remove_legs(struct link *link, uint32_t umbox, struct error *err)
{
	assert(umbox); /* group 0 is everybody's */
	for (unsigned side = 0; side < LEG_SIDE_COUNT; side++) {
		char name[LINK_NAME_BYTES];
		leg_name(name, umbox, side);
		struct link_entry *entry = link_entry_find(link, name);
		if (entry)
			entry_remove(link, entry);
	}
	struct link_batch batch;
	link_batch_begin(&batch, link->inside.sequence);
	link_batch_delete_group(&batch, umbox);
	int r = link_commit(&link->inside, &batch, err, "removing the legs of umbox %u", umbox);
	return r == -ENODEV ? 0 : r;
}

/* The direct one is the last: `sides` are made. */
static int make_legs(struct link *link, uint32_t umbox, int netns, const char *const inner[],
		     unsigned sides, struct error *err)
{
	struct link_batch batch;
	char alias[LINK_ALIAS_BYTES], names[LEG_SIDE_COUNT][LINK_NAME_BYTES];
	link_alias(alias, link->instance, "leg");
	link_batch_begin(&batch, link->inside.sequence);
	for (unsigned side = 0; side < sides; side++) {
		leg_name(names[side], umbox, side);
		link_batch_new_pair(&batch, &(struct link_pair){.name = names[side],
								.peer = inner[side],
								.mtu = link->mtu,
								.group = umbox,
								.peer_netns = netns,
								.up = true});
	}
	for (unsigned side = 0; side < sides; side++)
		link_batch_edit(&batch, &(struct link_edit){.name = names[side], .alias = alias});
	return link_commit(&link->inside, &batch, err, "making the legs of umbox %u", umbox);
}

/* No socket is kept: one that is held would keep the namespace, and with it the legs, of a umbox
 * that died. */
static int raise_inner_ends(int netns, const char *const inner[], unsigned sides, struct error *err)
{
	struct netlink netlink = NETLINK_NONE;
	struct link_batch batch;
	int r = netlink_open(&netlink, netns, NETLINK_ROUTE, err);
	if (r < 0)
		return r;
	link_batch_begin(&batch, netlink.sequence);
	for (unsigned side = 0; side < sides; side++)
		link_batch_edit(&batch, &(struct link_edit){.name = inner[side], .up = LINK_ON});
	r = link_commit(&netlink, &batch, err, "raising the inner ends");
	netlink_close(&netlink);
	return r;
}

static int refresh_legs(struct link *link, uint32_t umbox, unsigned sides, bool plain_frames,
			struct error *err)
{
	for (unsigned side = 0; side < sides; side++) {
		char name[LINK_NAME_BYTES];
		leg_name(name, umbox, side);
		int r = plain_frames
				? namespace_set_offload(link->netns, name, ETHTOOL_STXCSUM, 0, err)
				: 0;
		if (r == 0)
			r = link_refresh(link, name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int link_add_legs(struct link *link, uint32_t umbox, const struct leg_options *options,
		  struct error *err)
{
	const char *inner[LEG_SIDE_COUNT] = {
		[LEG_IN] = options->name[LEG_IN] ? options->name[LEG_IN] : "in",
		[LEG_OUT] = options->name[LEG_OUT] ? options->name[LEG_OUT] : "out",
		[LEG_DIRECT] = options->name[LEG_DIRECT] ? options->name[LEG_DIRECT] : "direct",
	};
	unsigned sides = options->direct ? LEG_SIDE_COUNT : LEG_DIRECT;
	int r = link_remove_legs(link, umbox, err);
	if (r == 0)
		r = namespace_disable_ipv6(options->netns, err);
	if (r == 0)
		r = make_legs(link, umbox, options->netns, inner, sides, err);
	if (r == 0)
		r = raise_inner_ends(options->netns, inner, sides, err);
	if (r == 0)
		r = refresh_legs(link, umbox, sides, options->plain_frames, err);
	if (r < 0) {
		error_prefix(err, "legs of umbox %u: ", umbox);
		if (link_remove_legs(link, umbox, NULL) < 0)
			return r; /* what is left leads nowhere, and goes with the next attempt */
	}
	return r;
}

bool link_legs_up(const struct link *link, uint32_t umbox, bool direct)
{
	for (unsigned side = 0; side < (direct ? LEG_SIDE_COUNT : LEG_DIRECT); side++) {
		char name[LINK_NAME_BYTES];
		leg_name(name, umbox, side);
		const struct link_view *view = link_find(link, name);
		if (!view || !view->up || !view->running)
			return false;
	}
	return true;
}

/* No leg of an earlier side is there. */
static bool is_first_leg(const struct link *link, uint32_t umbox, enum leg_side side)
{
	for (unsigned earlier = 0; earlier < side; earlier++) {
		char name[LINK_NAME_BYTES];
		leg_name(name, umbox, earlier);
		if (link_entry_find(link, name))
			return false;
	}
	return true;
}

void link_each_legs(const struct link *link, void (*each)(void *data, uint32_t umbox), void *data)
{
	struct link_entry *entry, *next;
	HASH_ITER(by_name, link->names, entry, next) {
		uint32_t umbox;
		enum leg_side side;
		if (leg_name_parse(entry->view.name, &umbox, &side) &&
		    is_first_leg(link, umbox, side))
			each(data, umbox);
	}
}

int link_counters(struct link *link, uint32_t umbox, struct umbox_counters *ret, struct error *err)
{
	struct umbox_counters counters = {0};
	for (unsigned side = 0; side < LEG_SIDE_COUNT; side++) {
		char name[LINK_NAME_BYTES];
		struct link_info info;
		leg_name(name, umbox, side);
		if (side == LEG_DIRECT && !link_find(link, name))
			break;
		int r = link_ask(&link->inside, name, &info, err);
		if (r < 0)
			return r == -ENODEV ? -ENOENT : r;
		counters.direct = side == LEG_DIRECT;
		counters.leg[side] = (struct leg_counters){
			.from_umbox_frames = info.rx_frames,
			.from_umbox_bytes = info.rx_bytes,
			.to_umbox_frames = info.tx_frames,
			.to_umbox_bytes = info.tx_bytes,
			.dropped = info.dropped,
		};
	}
	*ret = counters;
	return 0;
}

/* Notices */

int link_notice_fd(const struct link *link)
{
	return link->watch.fd;
}

struct notice_reader {
	struct link *link;
	void (*on_change)(void *data, const struct link_change *change);
	void *data;
};

static void tell(const struct notice_reader *reader, const struct link_view *view, bool gone)
{
	uint32_t number;
	enum leg_side side;
	if (!view->ours && !leg_name_parse(view->name, &number, &side))
		return;
	struct link_change change = {.gone = gone};
	memcpy(change.name, view->name, sizeof(change.name));
	reader->on_change(reader->data, &change);
}

static void on_notice(void *data, const struct nlmsghdr *message)
{
	const struct notice_reader *reader = data;
	struct link *link = reader->link;
	struct link_info info;
	if (!link_parse(message, &info))
		return;
	struct link_entry *entry = entry_find_index(link, info.index);
	if (!entry)
		return; /* made or removed by this link, or not ours: link_observe sees it */
	struct link_view before = entry->view;
	if (info.gone || !text_equal(info.name, before.name)) {
		entry_remove(link, entry);
		tell(reader, &before, true);
		return;
	}
	if (info.up >= before.up && info.running >= before.running) {
		entry->view.up = info.up;
		entry->view.running = info.running;
		return;
	}
	/* Notices lag behind: only what is still so counts. */
	if (link_refresh(link, before.name, NULL) < 0) {
		tell(reader, &before, true);
		return;
	}
	const struct link_view *now = link_find(link, before.name);
	if (now->up < before.up || now->running < before.running)
		tell(reader, &before, false);
}

int link_read_notices(struct link *link,
		      void (*on_change)(void *data, const struct link_change *change), void *data,
		      struct error *err)
{
	struct notice_reader reader = {link, on_change, data};
	return netlink_read(&link->watch, on_notice, &reader, err);
}
