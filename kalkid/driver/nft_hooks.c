/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/nft_hooks.c - which interfaces the base chains hang on.
 *
 * Slots and legs come and go.  Where the kernel can (6.4 and later) their hooks are added to a
 * chain that is there; a chain takes CHAIN_HOOKS_MAX, then the next is made, because a list longer
 * than 32 KiB could not be read back.  Elsewhere each interface has a chain of its own.  Never
 * hooks by name prefix: nft 1.0.6 lists them for ever. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "driver/nft_inner.h"

enum { CHAIN_HOOKS_MAX = 200 };

static struct nft_chain *chain_find(const struct nft *nft, const char *name)
{
	struct nft_chain *chain;
	HASH_FIND_STR(nft->chains, name, chain);
	return chain;
}

static struct nft_chain *chain_make(struct nft *nft, enum nft_base base, const char *name)
{
	struct nft_chain *chain = mem_alloc(sizeof(*chain));
	chain->base = base;
	TEXT_COPY(chain->name, name);
	HASH_ADD_STR(nft->chains, name, chain);
	return chain;
}

static struct nft_hook_key hook_key(enum nft_base base, const char *interface)
{
	struct nft_hook_key key = {.base = base};
	TEXT_COPY(key.interface, interface);
	return key;
}

static struct nft_hook *hook_find(const struct nft *nft, enum nft_base base, const char *interface)
{
	struct nft_hook_key key = hook_key(base, interface);
	struct nft_hook *hook;
	HASH_FIND(hh, nft->hooks, &key, sizeof(key), hook);
	return hook;
}

bool nft_is_hooked(const struct nft *nft, enum nft_base base, const char *interface)
{
	return hook_find(nft, base, interface);
}

static void hook_make(struct nft *nft, struct nft_chain *chain, const char *interface)
{
	if (hook_find(nft, chain->base, interface))
		return;
	struct nft_hook *hook = mem_alloc(sizeof(*hook));
	hook->key = hook_key(chain->base, interface);
	hook->chain = chain;
	chain->hooks++;
	HASH_ADD(hh, nft->hooks, key, sizeof(hook->key), hook);
}

static void chain_remove(struct nft *nft, struct nft_chain *chain)
{
	HASH_DEL(nft->chains, chain);
	free(chain);
}

static void hook_remove(struct nft *nft, struct nft_hook *hook)
{
	hook->chain->hooks--;
	HASH_DEL(nft->hooks,
		 hook); /* NOLINT(clang-analyzer-core.NullDereference): it is in the table */
	free(hook);
}

void nft_forget_hooks(struct nft *nft)
{
	while (nft->hooks)
		hook_remove(nft, nft->hooks);
	while (nft->chains)
		chain_remove(nft, nft->chains);
}

/* Names of base chains: "<base>_<number>", or "<base>_<interface>". */
bool nft_base_of(const char *name, enum nft_base *ret)
{
	for (unsigned base = 0; base < NFT_BASE_COUNT; base++) {
		const char *start = nft_base_name(base);
		if (text_starts(name, start) && name[strlen(start)] == '_') {
			*ret = base;
			return true;
		}
	}
	return false;
}

static void on_chain(void *data, const struct nlmsghdr *message)
{
	struct nft *nft = data;
	struct nft_chain_view view;
	enum nft_base base;
	if (!nft_parse_chain(message, &view) || !view.base || !nft_base_of(view.name, &base))
		return;
	struct nft_chain *chain = chain_find(nft, view.name);
	if (!chain)
		chain = chain_make(nft, base, view.name);
	for (unsigned i = 0; i < view.device_count; i++)
		hook_make(nft, chain, view.devices[i]);
}

static void on_restart(void *data)
{
	nft_forget_hooks(data);
}

int nft_sync_hooks(struct nft *nft, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[NFT_QUESTION_BYTES];
	nft_forget_hooks(nft);
	return netlink_ask(&nft->netlink, nft_ask_chains(question), on_chain, on_restart, nft, err);
}

int nft_probe_hook_lists(struct nft *nft, struct error *err)
{
	static const char *const one[] = {"lo"}, *const another[] = {LINK_BRIDGE_NAME};
	static const struct nft_chain_spec chain = {.name = "probe",
						    .comment = "tries what the kernel can",
						    .base = true,
						    .accept = true,
						    .devices = one,
						    .device_count = 1};
	struct nft_chain_spec more = chain;
	more.devices = another;
	nft->hook_lists = false;
	if (nft->options.without_hook_lists)
		return 0;

	nft_begin(nft);
	nft->batch.table = NFT_TABLE "_probe";
	nft_batch_new_table(&nft->batch, 0, chain.comment);
	nft_batch_new_chain(&nft->batch, &chain);
	int r = nft_commit(nft, err);
	if (r < 0)
		return r;
	nft_begin(nft);
	nft->batch.table = NFT_TABLE "_probe";
	nft_batch_new_chain(&nft->batch, &more);
	nft->hook_lists = nft_commit(nft, NULL) == 0;
	nft_begin(nft);
	nft->batch.table = NFT_TABLE "_probe";
	nft_batch_delete_table(&nft->batch);
	return nft_commit(nft, err);
}

/* A chain with room for that many more; NULL when a new one is to be made. */
static struct nft_chain *chain_with_room(const struct nft *nft, enum nft_base base, unsigned more)
{
	struct nft_chain *chain, *next;
	if (!nft->hook_lists)
		return NULL;
	HASH_ITER(hh, nft->chains, chain, next)
		if (chain->base == base && chain->hooks + more <= CHAIN_HOOKS_MAX)
			return chain;
	return NULL;
}

static void new_chain_name(const struct nft *nft, enum nft_base base, const char *interface,
			   char name[static NFT_NAME_BYTES])
{
	if (!nft->hook_lists) {
		snprintf(name, NFT_NAME_BYTES, "%s_%s", nft_base_name(base), interface);
		return;
	}
	unsigned number = 0;
	do
		snprintf(name, NFT_NAME_BYTES, "%s_%u", nft_base_name(base), number++);
	while (chain_find(nft, name));
}

/* Writes hooks for up to CHAIN_HOOKS_MAX interfaces that have none. */
static int hook_some(struct nft *nft, enum nft_base base, const char *const *interfaces,
		     unsigned count, struct error *err)
{
	char name[NFT_NAME_BYTES];
	struct nft_chain *chain = chain_with_room(nft, base, count);
	nft_begin(nft);
	if (chain) {
		nft_base_write_hooks(&nft->batch, base, chain->name, interfaces, count);
	} else if (nft->hook_lists) {
		new_chain_name(nft, base, NULL, name);
		nft_base_write(&nft->batch, base, name, interfaces, count);
	}
	for (unsigned i = 0; !nft->hook_lists && i < count; i++) {
		new_chain_name(nft, base, interfaces[i], name);
		nft_base_write(&nft->batch, base, name, &interfaces[i], 1);
	}
	int r = nft_commit(nft, err);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < count; i++) {
		if (!nft->hook_lists)
			new_chain_name(nft, base, interfaces[i], name);
		if (!chain || !nft->hook_lists)
			chain = chain_find(nft, name);
		hook_make(nft, chain ? chain : chain_make(nft, base, name), interfaces[i]);
	}
	return 0;
}

int nft_hook(struct nft *nft, enum nft_base base, const char *const *interfaces, unsigned count,
	     struct error *err)
{
	int r = 0;
	for (unsigned attempt = 0; attempt < 2; attempt++) {
		const char *missing[CHAIN_HOOKS_MAX];
		unsigned missing_count = 0;
		for (unsigned i = 0; i < count && missing_count < CHAIN_HOOKS_MAX; i++)
			if (!nft_is_hooked(nft, base, interfaces[i]))
				missing[missing_count++] = interfaces[i];
		if (!missing_count)
			return 0;
		r = hook_some(nft, base, missing, missing_count, err);
		if (r == 0)
			return 0;
		/* A chain goes with its last interface on some kernels: look again. */
		int synced = nft_sync_hooks(nft, attempt ? NULL : err);
		if (synced < 0)
			return synced;
	}
	error_prefix(err, "hooking %s: ", interfaces[0]);
	return r;
}

/* One chain's share of the interfaces: all of its hooks, then the chain goes; or some of them. */
static void write_unhook(struct nft *nft, struct nft_chain *chain, const char *const *interfaces,
			 unsigned count)
{
	const char *mine[CHAIN_HOOKS_MAX];
	unsigned mine_count = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct nft_hook *hook = hook_find(nft, chain->base, interfaces[i]);
		if (hook && hook->chain == chain)
			mine[mine_count++] = interfaces[i];
	}
	if (!mine_count)
		return;
	bool all = mine_count == chain->hooks;
	nft_batch_delete_chain(&nft->batch, chain->name, mine, all ? 0 : mine_count);
}

static int unhook_once(struct nft *nft, enum nft_base base, const char *const *interfaces,
		       unsigned count, struct error *err)
{
	struct nft_chain *chain, *next;
	nft_begin(nft);
	HASH_ITER(hh, nft->chains, chain, next)
		if (chain->base == base)
			write_unhook(nft, chain, interfaces, count);
	int r = nft->batch.messages ? nft_commit(nft, err) : 0;
	if (r < 0)
		return r;
	for (unsigned i = 0; i < count; i++) {
		struct nft_hook *hook = hook_find(nft, base, interfaces[i]);
		if (!hook)
			continue;
		chain = hook->chain;
		hook_remove(nft, hook);
		if (!chain->hooks)
			chain_remove(nft, chain);
	}
	return 0;
}

int nft_unhook(struct nft *nft, enum nft_base base, const char *const *interfaces, unsigned count,
	       struct error *err)
{
	int r = unhook_once(nft, base, interfaces, count, err);
	if (r == 0)
		return 0;
	/* The kernel takes a hook away with its interface, and an empty chain on some kernels. */
	r = nft_sync_hooks(nft, err);
	if (r == 0)
		r = unhook_once(nft, base, interfaces, count, err);
	if (r < 0)
		error_prefix(err, "unhooking %s: ", interfaces[0]);
	return r;
}

/* Interfaces to be hooked, some at a time. */
struct waiting {
	struct nft *nft;
	enum nft_base base;
	bool write_only; /* into the batch that stands */
	unsigned chains; /* written of this base */
	char names[CHAIN_HOOKS_MAX][LINK_NAME_BYTES];
	unsigned count;
	int result; /* as nft_hook_all's */
	struct error *err;
};

static void write_chains(struct waiting *waiting, const char *const *names)
{
	struct nft *nft = waiting->nft;
	char name[NFT_NAME_BYTES];
	unsigned at_once = nft->hook_lists ? waiting->count : 1;
	for (unsigned i = 0; i < waiting->count; i += at_once) {
		if (nft->hook_lists)
			snprintf(name, sizeof(name), "%s_%u", nft_base_name(waiting->base),
				 waiting->chains++);
		else
			new_chain_name(nft, waiting->base, names[i], name);
		nft_base_write(&nft->batch, waiting->base, name, names + i, at_once);
	}
}

static void flush(struct waiting *waiting)
{
	const char *names[CHAIN_HOOKS_MAX];
	if (!waiting->count || waiting->result < 0)
		return;
	for (unsigned i = 0; i < waiting->count; i++)
		names[i] = waiting->names[i];
	if (waiting->write_only) {
		write_chains(waiting, names);
	} else {
		int r = nft_hook(waiting->nft, waiting->base, names, waiting->count, waiting->err);
		waiting->result = r < 0 ? r : 1;
	}
	waiting->count = 0;
}

static void wait_for(struct waiting *waiting, const char *interface)
{
	if (!link_find(waiting->nft->link, interface) || waiting->result < 0 ||
	    nft_is_hooked(waiting->nft, waiting->base, interface))
		return;
	TEXT_COPY(waiting->names[waiting->count++], interface);
	if (waiting->count == CHAIN_HOOKS_MAX)
		flush(waiting);
}

static void on_slot(void *data, uint32_t device)
{
	char name[LINK_NAME_BYTES];
	slot_peer_name(name, device);
	wait_for(data, name);
}

static void on_legs(void *data, uint32_t umbox)
{
	for (unsigned side = 0; side < LEG_SIDE_COUNT; side++) {
		char name[LINK_NAME_BYTES];
		leg_name(name, umbox, side);
		wait_for(data, name);
	}
}

static void each_interface(struct waiting *waiting)
{
	const struct link *link = waiting->nft->link;
	const struct data_plane *plane = link_data_plane(link);
	switch (waiting->base) {
	case NFT_BASE_DEVICE_IN:
	case NFT_BASE_DEVICE_OUT:
		for (unsigned i = 0; i < plane->port_count; i++)
			if (waiting->base == NFT_BASE_DEVICE_IN || !plane->ports[i].hairpin)
				wait_for(waiting, plane->ports[i].name);
		break;
	case NFT_BASE_NETWORK_IN:
		wait_for(waiting, plane->network_port);
		wait_for(waiting, LINK_HOST_PEER_NAME);
		break;
	case NFT_BASE_SLOTS: link_each_slot(link, on_slot, waiting); break;
	case NFT_BASE_LEGS: link_each_legs(link, on_legs, waiting); break;
	case NFT_BASE_COUNT: break;
	}
	flush(waiting);
}

static int each_base(struct nft *nft, bool write_only, struct error *err)
{
	struct waiting *waiting = mem_alloc(sizeof(*waiting));
	waiting->nft = nft;
	waiting->write_only = write_only;
	waiting->err = err;
	for (unsigned base = 0; base < NFT_BASE_COUNT; base++) {
		waiting->base = base;
		waiting->chains = 0;
		each_interface(waiting);
	}
	int result = waiting->result;
	free(waiting);
	return result;
}

int nft_hook_all(struct nft *nft, struct error *err)
{
	return each_base(nft, false, err);
}

void nft_write_hooks(struct nft *nft)
{
	nft_forget_hooks(nft);
	/* Writing asks the kernel nothing: it cannot fail. */
	(void)!each_base(nft, true, NULL);
}
