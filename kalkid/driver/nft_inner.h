/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/nft_inner.h - what the nft*.c files share, and nobody else sees. */
#pragma once

#include <uthash.h>

#include "driver/nft.h"
#include "driver/nft_ruleset.h"
#include "io/netlink.h"

/* What the kernel holds for one device, as last read or written. */
struct nft_device {
	uint32_t number;
	struct steering held;
	struct path prepared; /* PATH_WHOLE, or PATH_HELD: none */
	UT_hash_handle hh;
};

/* A base chain that is there. */
struct nft_chain {
	char name[NFT_NAME_BYTES];
	enum nft_base base;
	unsigned hooks;
	UT_hash_handle hh;
};

/* An interface that a base chain is hooked on; a device port has two: in and out. */
struct nft_hook {
	struct nft_hook_key {
		uint32_t base;
		char interface[LINK_NAME_BYTES];
	} key;
	struct nft_chain *chain;
	UT_hash_handle hh;
};

struct nft {
	struct link *link; /* borrowed */
	struct nft_options options;
	struct netlink netlink; /* the one that writes: it owns the table */
	struct netlink watch;   /* not open where the table is owned */
	struct netlink heard;   /* frames that tell of addresses */
	struct nft_batch batch;
	bool owner;          /* the kernel keeps others off the table */
	bool hook_lists;     /* hooks can be added to a base chain */
	bool host_unwritten; /* the host's addresses are others than the table's */
	/* Of the rules as the kernel tells them: regular chains, and base chains of each kind. */
	char rules_digest[DIGEST_TEXT_BYTES];
	char base_digest[NFT_BASE_COUNT][DIGEST_TEXT_BYTES];
	struct nft_device *devices;
	bool doubtful; /* a transaction failed, and what it left could not be read */
	struct nft_chain *chains;
	struct nft_hook *hooks;
	uint64_t drops_before[NFT_DROP_COUNT];
	struct nft_unknown {
		uint32_t interface;
		struct mac mac;
	} * unknown; /* as of the last call, sorted */
	unsigned unknown_count;
};

/* Sends the batch, which has been begun and not ended. */
int nft_commit(struct nft *nft, struct error *err) must_check;
void nft_begin(struct nft *nft);

/* driver/nft_sync.c: the kernel's picture */
struct nft_device *nft_device_find(const struct nft *nft, uint32_t number);
struct nft_device *nft_device_make(struct nft *nft, uint32_t number);
void nft_device_forget(struct nft *nft, struct nft_device *device);
/* Reads all elements; those that carry no device's comment are deleted: 1 when there was one, 0
 * else.  When they cannot be read what was known stays. */
int nft_sync_elements(struct nft *nft, struct error *err) must_check;
/* Whether the table stands as this program wrote it: 1, or 0 when it is missing or altered. */
int nft_check_table(struct nft *nft, struct error *err) must_check;
/* Replaces the table, or makes it, with all elements and hooks as they should be, in one
 * transaction. */
int nft_replace_table(struct nft *nft, struct error *err) must_check;

/* driver/nft_given.c */
/* Brings the given sets to what they should hold: 1 when one did not, 0 else. */
int nft_sync_given(struct nft *nft, struct error *err) must_check;
/* The same into a batch that makes the table. */
void nft_write_given(struct nft *nft);
/* -EEXIST when the device is to have the host's MAC or one of its addresses. */
int nft_check_host(const struct nft *nft, const struct device_identity *device,
		   struct error *err) must_check;

/* driver/nft_heard.c: begins to listen; without it nothing is learnt, and all else goes on. */
int nft_listen(struct nft *nft, struct error *err) must_check;

/* driver/nft_hooks.c */
/* Reads which base chains there are, and on what they hang. */
int nft_sync_hooks(struct nft *nft, struct error *err) must_check;
/* Finds out whether the kernel adds hooks to a chain that is there, by trying. */
int nft_probe_hook_lists(struct nft *nft, struct error *err) must_check;
/* Hooks every port, slot and leg that is there and is not hooked: 1 when there was one, 0 else. */
int nft_hook_all(struct nft *nft, struct error *err) must_check;
/* Writes base chains for all of these into a batch that makes the table; nft_sync_hooks afterwards.
 */
void nft_write_hooks(struct nft *nft);
void nft_forget_hooks(struct nft *nft);
/* The kind of a base chain, by its name; false when it is none. */
bool nft_base_of(const char *chain, enum nft_base *ret);
bool nft_is_hooked(const struct nft *nft, enum nft_base base, const char *interface);
/* All or none. */
int nft_hook(struct nft *nft, enum nft_base base, const char *const *interfaces, unsigned count,
	     struct error *err) must_check;
int nft_unhook(struct nft *nft, enum nft_base base, const char *const *interfaces, unsigned count,
	       struct error *err) must_check;
