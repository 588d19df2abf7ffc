/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.h - what stands behind `struct umbox_kernel`; for the kit's own files.
 *
 *                 rules                         sockets
 *     in  ----------------------------> out     sends what on_frame passes
 *      \                                         |
 *       `-> in.up ==veth== in.rx  -------------> on_frame
 *       `-> told.up ==veth== told.rx ----------> on_told
 *
 * and the same from `out`.  A veth keeps what a log message would lose: VLAN tags, GSO frames
 * whole, checksums that are still to be computed. */
#pragma once

#include "leg.h"
#include "netlink.h"
#include "umbox_kernel.h"

enum {
	KERNEL_CHAINS_MAX = 96,
	KERNEL_SETS_MAX = 16,
	KERNEL_PLACES_MAX = 256,
	KERNEL_TOLD_BYTES = 256, /* of a frame */
	KERNEL_ABOUT_BYTES = 6,  /* of these, in front: why it is told */
	KERNEL_NAME_BYTES = 16,
};

/* Where rules send frames. */
enum kernel_device {
	KERNEL_IN = UMBOX_IN,
	KERNEL_OUT = UMBOX_OUT,
	KERNEL_UP_IN,
	KERNEL_UP_OUT,
	KERNEL_TOLD,
	KERNEL_DEVICES,
};

struct umbox_chain {
	struct umbox_kernel *kernel;
	enum umbox_leg from;
	char name[KERNEL_NAME_BYTES];
};

struct umbox_rule {
	struct umbox_kernel *kernel;
	const struct umbox_chain *chain;
	bool open;
	size_t message, expressions; /* where it and its list begin */
	uint8_t key_registers;       /* of 32 bits, loaded so far */
};

struct umbox_set {
	struct umbox_kernel *kernel;
	struct umbox_set_shape shape;
	char name[KERNEL_NAME_BYTES];
};

/* Interfaces get their numbers after the rules are written. */
struct kernel_place {
	size_t at;
	enum kernel_device device;
};

struct kernel_counter {
	const char *name;
	uint64_t packets;
	uint64_t *sum; /* what the heartbeat says: it grows as the packets do */
};

struct umbox_kernel {
	struct umbox *umbox;
	int fd;     /* owns the table; -1 before the start */
	bool stood; /* the table is there: sets are changed at once */
	struct netlink_batch names, rules, request;
	struct umbox_rule rule; /* the one that is being written */
	struct umbox_chain chains[KERNEL_CHAINS_MAX];
	struct umbox_set sets[KERNEL_SETS_MAX];
	struct kernel_place places[KERNEL_PLACES_MAX];
	struct kernel_counter counters[UMBOX_COUNTED_MAX];
	const char *told_counters[256]; /* by tag */
	unsigned chain_count, set_count, place_count, counter_count;
	struct umbox_leg_socket sources[UMBOX_LEG_COUNT]; /* what is handed up */
	int told_fd;
	void (*on_told)(struct umbox *umbox, const struct umbox_told *told, void *user);
};

/* --- nftables' messages */

size_t kernel_begin(struct netlink_batch *batch, uint16_t type, uint16_t flags);
/* A batch is a transaction; 0 or negative errno, with the message that is refused. */
void kernel_start_batch(struct netlink_batch *batch);
int kernel_commit(struct umbox_kernel *kernel, struct netlink_batch *batch, uint32_t *ret_message);
/* A chain, of what comes in at the device when there is one. */
void kernel_write_chain(struct netlink_batch *batch, const char *chain, const char *device);
void kernel_end_rule(struct umbox_kernel *kernel);
/* Makes it when there is none of this name. */
struct kernel_counter *kernel_counter(struct umbox_kernel *kernel, const char *name);
/* As of the last reading. */
uint64_t kernel_count_of(const struct umbox_kernel *kernel, const char *name);

#define KERNEL_TABLE      "umbox"
#define KERNEL_PASSED     "passed"
#define KERNEL_DROPPED    "dropped"
#define KERNEL_WOULD_DROP "would_drop"

/* --- for the loop */

/* The legs are there: makes the ways up and lets the rules stand; false having failed. */
bool kernel_attach(struct umbox_kernel *kernel);
/* Takes the counters, for the heartbeat. */
void kernel_read_counters(struct umbox_kernel *kernel);
void kernel_free(struct umbox_kernel *kernel);
