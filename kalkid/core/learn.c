/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/learn.c - see learn.h. */
#include "core/learn.h"

static struct learnt_address *find(struct device_identity *device, const struct ip *ip)
{
	for (unsigned i = 0; i < device->learnt_count; i++)
		if (ip_equal(&device->learnt[i].ip, ip))
			return &device->learnt[i];
	return NULL;
}

static void drop(struct device_identity *device, struct learnt_address *learnt)
{
	*learnt = device->learnt[--device->learnt_count];
}

static bool answers(const struct learning *learning, const struct claim *claim, int64_t now_us)
{
	return learning->asked_us && learning->xid == claim->xid &&
	       now_us - learning->asked_us <= LEARN_ANSWER_US;
}

static bool is_renewal(const struct device_identity *device, const struct claim *claim)
{
	for (unsigned i = 0; i < device->learnt_count; i++)
		if (device->learnt[i].how == LEARNT_LEASE &&
		    ip_equal(&device->learnt[i].ip, &claim->ip))
			return true;
	return false;
}

bool learn_wants(const struct device_identity *device, const struct learning *learning,
		 const struct claim *claim, int64_t now_us)
{
	if (!device_learns(device) || claim->kind == CLAIM_ASK)
		return false;
	bool owns = device_owns_ip(device, &claim->ip);
	switch (claim->kind) {
	case CLAIM_LEASE:
		return !device_has_ip(device, &claim->ip) &&
		       (is_renewal(device, claim) ? !owns : answers(learning, claim, now_us));
	case CLAIM_ND: return !owns;
	case CLAIM_ARP:
		return device->addresses == DEVICE_ADDRESSES_LEARN_ARP &&
		       !device_is_bound(device, 4);
	case CLAIM_ASK:
	case CLAIM_KIND_COUNT: break;
	}
	return false;
}

/* A device has one lease; what it announced of IPv4 before was a guess. */
static void drop_ipv4(struct device_identity *device)
{
	for (unsigned i = device->learnt_count; i-- > 0;)
		if (device->learnt[i].ip.family == 4)
			drop(device, &device->learnt[i]);
}

/* The announcement that was not heard for the longest time makes room. */
static bool make_room(struct device_identity *device, int64_t now_us)
{
	struct learnt_address *oldest = NULL;
	if (device->ip_count + device->learnt_count < DEVICE_IPS_MAX)
		return true;
	for (unsigned i = 0; i < device->learnt_count; i++) {
		struct learnt_address *learnt = &device->learnt[i];
		if (learnt->how == LEARNT_ND && (!oldest || learnt->seen_us < oldest->seen_us))
			oldest = learnt;
	}
	if (!oldest || now_us - oldest->seen_us < LEARN_REPLACE_US)
		return false;
	drop(device, oldest);
	return true;
}

static bool add(struct device_identity *device, const struct claim *claim, int64_t now_us,
		int64_t now_wall_us)
{
	static const enum learnt_how how[CLAIM_KIND_COUNT] = {
		[CLAIM_LEASE] = LEARNT_LEASE, [CLAIM_ND] = LEARNT_ND, [CLAIM_ARP] = LEARNT_ARP};
	if (claim->kind == CLAIM_LEASE)
		drop_ipv4(device);
	if (!make_room(device, now_us))
		return claim->kind == CLAIM_LEASE;
	device->learnt[device->learnt_count++] = (struct learnt_address){
		.ip = claim->ip,
		.how = how[claim->kind],
		.since_wall_us = now_wall_us,
		.lease_us = claim->lease_us,
		.until_us = claim->lease_us ? now_us + claim->lease_us : 0,
		.seen_us = now_us,
	};
	return true;
}

bool learn_take(struct device_identity *device, struct learning *learning,
		const struct claim *claim, int64_t now_us, int64_t now_wall_us)
{
	if (!device_learns(device))
		return false;
	if (claim->kind == CLAIM_ASK) {
		*learning = (struct learning){claim->xid, now_us};
		return false;
	}
	struct learnt_address *learnt = find(device, &claim->ip);
	bool wanted = learn_wants(device, learning, claim, now_us);
	if (!learnt || (claim->kind == CLAIM_LEASE && learnt->how != LEARNT_LEASE))
		return wanted && add(device, claim, now_us, now_wall_us);
	learnt->seen_us = now_us;
	if (claim->kind != CLAIM_LEASE)
		return false;
	learnt->lease_us = claim->lease_us;
	learnt->until_us = claim->lease_us ? now_us + claim->lease_us : 0;
	learnt->expired = false;
	return wanted;
}

bool learn_expire(struct device_identity *device, int64_t now_us)
{
	bool any = false;
	for (unsigned i = 0; i < device->learnt_count; i++) {
		struct learnt_address *learnt = &device->learnt[i];
		if (learnt->expired || !learnt->until_us || learnt->until_us > now_us)
			continue;
		learnt->expired = any = true;
	}
	return any;
}

int64_t learn_next_us(const struct device_identity *device)
{
	int64_t next_us = INT64_MAX;
	for (unsigned i = 0; i < device->learnt_count; i++) {
		const struct learnt_address *learnt = &device->learnt[i];
		if (!learnt->expired && learnt->until_us && learnt->until_us < next_us)
			next_us = learnt->until_us;
	}
	return next_us;
}

bool learn_forget(struct device_identity *device, const struct ip *ip)
{
	struct learnt_address *learnt = find(device, ip);
	if (!learnt)
		return false;
	drop(device, learnt);
	return true;
}

void learn_resume(struct device_identity *device, int64_t now_us)
{
	for (unsigned i = 0; i < device->learnt_count; i++) {
		struct learnt_address *learnt = &device->learnt[i];
		learnt->seen_us = now_us;
		learnt->until_us = learnt->lease_us ? now_us + learnt->lease_us : 0;
	}
}
