/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/learn.h - which addresses a device comes to own, from what is heard of it.
 *
 * Pure.  Whether an address is free is the caller's to know. */
#pragma once

#include "core/device.h"

enum claim_kind {
	CLAIM_ASK,   /* a DHCP request of the device */
	CLAIM_LEASE, /* a DHCP server's answer, from the network */
	CLAIM_ND,    /* the device announces an IPv6 address */
	CLAIM_ARP,   /* the device announces an IPv4 address */
	CLAIM_KIND_COUNT,
};

/* One thing that was heard. */
struct claim {
	enum claim_kind kind;
	struct mac mac;   /* whose it is */
	struct ip ip;     /* none with CLAIM_ASK */
	uint32_t xid;     /* of DHCP: which question, which answer */
	int64_t lease_us; /* 0: for ever */
};

enum {
	LEARN_ANSWER_US = 60 * 1000 * 1000,  /* an answer after this is to no question */
	LEARN_REPLACE_US = 60 * 1000 * 1000, /* what is younger is not pushed out */
};

/* The question that is open; kept for each device. */
struct learning {
	uint32_t xid;
	int64_t asked_us; /* 0: none */
};

/* True when this would give the device an address that it does not own: then see that it is free.
 */
bool learn_wants(const struct device_identity *device, const struct learning *learning,
		 const struct claim *claim, int64_t now_us);
/* Takes it in; true when the device's addresses are others now. */
bool learn_take(struct device_identity *device, struct learning *learning,
		const struct claim *claim, int64_t now_us, int64_t now_wall_us);
/* True when a lease ran out now. */
bool learn_expire(struct device_identity *device, int64_t now_us);
/* When the next one does; INT64_MAX for never. */
int64_t learn_next_us(const struct device_identity *device);
/* Somebody else has a better right to it; true when it was learnt. */
bool learn_forget(struct device_identity *device, const struct ip *ip);
/* After a restart: a renewal may have been missed, at the latest just now. */
void learn_resume(struct device_identity *device, int64_t now_us);
