/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/nft.h - the rules of the data plane: who may send as whom, and where each frame goes next.
 *
 * One table `netdev kalki` in the data-plane namespace (driver/link.h).  Its rules never change
 * while it stands (driver/nft_ruleset.c); devices and paths are elements of its sets and maps
 * (core/steering.h), and a transition is one transaction of a few elements, the same for 1 and for
 * 4000 devices.
 *
 * All calls are synchronous and return when the kernel has committed, or refused, the whole: 10 to
 * 100 microseconds for a transition, a fraction of a millisecond for a hook.  Each call is
 * idempotent: what the kernel already has is not sent again.
 *
 * What is not prevented (ARCHITECTURE.md, "Who is who"): on a port that several devices share, one
 * of them can send with a sibling's MAC and its addresses; it then passes the sibling's chain.
 * Addresses of a device without fixed ones are only kept from being another's.  A question (ARP,
 * neighbour solicitation) about an address that is not fixed reaches the network, but no sibling;
 * multicast of a device never reaches siblings.
 *
 * Where the kernel offers it (6.9 and later) the table is owned by this process and persists:
 * nobody else can change or flush it, and it goes on when the process ends.  Elsewhere others can:
 * see nft_notice_fd and nft_repair. */
#pragma once

#include "core/learn.h"
#include "core/steering.h"
#include "driver/driver.h"
#include "driver/link.h"

struct nft;

/* What to do without, for tests of the ways that older kernels go. */
struct nft_options {
	bool without_owner;      /* as a kernel before 6.9 */
	bool without_hook_lists; /* as a kernel before 6.4: one base chain per leg and slot */
};

/* Makes the table, or adopts the one that stands; then as nft_repair.  The link is borrowed and
 * must live longer.  `options` may be NULL.  -EPERM when another process owns the table. */
int nft_open(struct nft **ret, struct link *link, const struct nft_options *options,
	     struct error *err) must_check;

/* Lets go; the rules stay in force.  NULL is fine. */
void nft_close(struct nft *nft);

/* Reads the table and brings back what is not as it should be: the table itself, chains, hooks of
 * ports. Elements of devices come back with nft_enrol and nft_route.  1 when something was mended,
 * 0 when all was well. */
int nft_repair(struct nft *nft, struct error *err) must_check;

/* Reads all elements and hooks anew (use after link_observe) and tells what they amount to: one
 * entry for each device number found, in `ret`, which belongs to the caller (free). `as.name` and
 * `as.type` stay empty. */
int nft_observe(struct nft *nft, struct driver_device **ret, unsigned *ret_count,
		struct error *err) must_check;

/* What one device's elements amount to, as last read or written; no question to the kernel. */
void nft_view(struct nft *nft, uint32_t device, struct driver_device *ret);

/* Puts the identity of a device in place; its slot must be there (link_add_slot).  Hooks the slot.
 * An enrolment with another port, MAC or slot is replaced and leaves the device held; other
 * addresses only are replaced under its path.  -EEXIST: an address is the host leg's. */
int nft_enrol(struct nft *nft, const struct device_identity *device, struct error *err) must_check;
/* Takes every element of the device away, paths included, and unhooks its slot. */
int nft_unenrol(struct nft *nft, uint32_t device, struct error *err) must_check;

/* Takes over what changed of the host leg's MAC and addresses (link_read_host): 1 when something
 * did, 0 else. */
int nft_follow_host(struct nft *nft, struct error *err) must_check;

/* Makes `path` (umbox ids; none: pass) the way of both directions, in one transaction.  All legs
 * must be there and hooked: -ENOENT.  `cut` also deletes, in the same transaction, the entries of
 * the legs left, so that what is still inside them is dropped; else they stay until nft_clean. */
int nft_route(struct nft *nft, uint32_t device, const struct path *path, bool cut,
	      struct error *err) must_check;
/* Takes every way in away. */
int nft_hold(struct nft *nft, uint32_t device, bool cut, struct error *err) must_check;
/* Puts the inner entries of a spare path in place; nothing leads to them.  One path of a device is
 * prepared at a time: the one before becomes leftover. */
int nft_prepare(struct nft *nft, uint32_t device, const struct path *path,
		struct error *err) must_check;
/* Deletes the entries of legs outside the path in force and `keep`, which is then the prepared
 * path; an empty one: none is. */
int nft_clean(struct nft *nft, uint32_t device, const struct path *keep,
	      struct error *err) must_check;

/* Hooks the legs of a umbox, so that what comes out of it is steered (unhooked it goes nowhere).
 */
int nft_hook_legs(struct nft *nft, uint32_t umbox, struct error *err) must_check;
/* Before or after the legs went; no error when they are not hooked. */
int nft_unhook_legs(struct nft *nft, uint32_t umbox, struct error *err) must_check;
bool nft_legs_hooked(const struct nft *nft, uint32_t umbox);

/* Why frames are dropped; each a named counter in the table. */
enum nft_drop {
	NFT_DROP_VLAN,       /* tagged */
	NFT_DROP_UNKNOWN,    /* from a device port, of no enrolled device */
	NFT_DROP_SPOOF_IP,   /* source address of another device, or none of its own */
	NFT_DROP_SPOOF_ARP,  /* sender address not its own, MAC or IP */
	NFT_DROP_SPOOF_ND,   /* advertises an address of another, or speaks as a router */
	NFT_DROP_SPOOF_NET,  /* a device's MAC from the network side */
	NFT_DROP_SPOOF_HOST, /* the host leg's MAC or address from anywhere else */
	NFT_DROP_RETURN,     /* would leave by the port that its sender is behind */
	NFT_DROP_MULTICAST,  /* multicast that the device is not allowed */
	NFT_DROP_PROTOCOL,   /* neither ARP nor IPv4 nor IPv6 */
	NFT_DROP_HELD,       /* of an enrolled device with no way through */
	NFT_DROP_LEG, /* came out of a umbox and leads nowhere: drained, cut, or not its device's */
	NFT_DROP_COUNT,
};

const char *nft_drop_name(enum nft_drop drop);
const char *nft_drop_words(enum nft_drop drop); /* for people */
bool nft_drop_is_spoof(enum nft_drop drop);

struct nft_drops {
	uint64_t frames[NFT_DROP_COUNT]; /* since the table was made */
	uint64_t news[NFT_DROP_COUNT];   /* since the last call */
};

/* Reads the drop counters. */
int nft_read_drops(struct nft *nft, struct nft_drops *ret, struct error *err) must_check;

/* Frames of one kind that were dropped because they were forged, and whom they concern. */
struct nft_forgery {
	uint32_t device;   /* number; 0: of no device that is enrolled now */
	bool by_device;    /* it sent them, or a umbox of its chain did; else it is the one that
			    * somebody wanted to be */
	const char *words; /* what was done, for people: "sent as", to go on with `ip` or `mac` */
	struct ip ip;      /* what the first of them claimed; none: nothing, or a MAC */
	struct mac mac;    /* by the device: the MAC claimed; else the sender's; zero: not noted */
	char place[LINK_NAME_BYTES]; /* interface that they came in by, "" when it is not noted */
	uint64_t frames;
};

/* Tells what was noted of forged frames since the last call, one call for each device and kind, and
 * forgets it.  Not told: a frame with an address that has become its sender's meanwhile. */
int nft_read_forgeries(struct nft *nft,
		       void (*on_forgery)(void *data, const struct nft_forgery *forgery),
		       void *data, struct error *err) must_check;
/* The number of the device with that MAC, 0 when there is none. */
uint32_t nft_find_mac(const struct nft *nft, const struct mac *mac);
/* The number of the device that owns the address, 0 when there is none. */
uint32_t nft_find_owner(const struct nft *nft, const struct ip *ip);

/* Calls once for each unknown (device port, MAC) noted since the last call and not enrolled there
 * by now; one is noted again when it was silent for ten minutes. */
int nft_read_unknown(struct nft *nft,
		     void (*on_unknown)(void *data, const char *port, const struct mac *mac),
		     void *data, struct error *err) must_check;

/* Readable when something that tells of addresses was heard; not blocking.  -1 where the kernel
 * cannot hand frames up: nothing is learnt then. */
int nft_heard_fd(const struct nft *nft);
/* Calls for each: what devices that learn announce at their own ports, and what DHCP servers in the
 * network answer.  1 when some were lost, 0 else. */
int nft_read_heard(struct nft *nft,
		   void (*on_claim)(void *data, uint32_t device, const struct claim *claim),
		   void *data, struct error *err) must_check;

/* Readable when rules changed; not blocking.  -1 where the table is owned: nobody else can. */
int nft_notice_fd(const struct nft *nft);
/* Reads all notices; 1 when somebody else changed rules in the namespace (or notices were lost):
 * nft_repair and nft_observe then. */
int nft_read_notices(struct nft *nft, struct error *err) must_check;
