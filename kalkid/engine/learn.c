/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/learn.c - addresses that devices come by themselves: who may have one, for how long. */
#include <stdio.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/control.h"

#define CONFLICT_PAUSE_US (60 * INT64_C(1000000))

enum { WORDS_BYTES = 256 };

static void remark(struct control_device *device, const char *what, const char *words)
{
	log_info(what, "device=%s words=\"%s\"", device->device.name, words);
	events_note(device->engine->events, &device->device, device->machine.generation, what,
		    words, 1);
}

static void schedule(struct control_device *device)
{
	int64_t next_us = learn_next_us(&device->device.identity);
	deadline_set(device->engine->deadlines, &device->lease,
		     next_us == INT64_MAX ? DEADLINE_NEVER : next_us);
}

/* The kernel first; its path stays as it is. */
static void follow(struct control_device *device)
{
	control_hand_over(device);
	store_put_device(device->engine->store, &device->device);
	schedule(device);
}

static void on_lease_over(struct deadline *deadline)
{
	struct control_device *device = container_of(deadline, struct control_device, lease);
	if (device->engine->stopping ||
	    !learn_expire(&device->device.identity, clock_now_us(device->engine->clock))) {
		schedule(device);
		return;
	}
	follow(device);
	remark(device, "address-expired", "its lease is over: it has to ask again");
}

void control_begin_learning(struct control_device *device)
{
	deadline_add(device->engine->deadlines, &device->lease, on_lease_over);
	if (!device_learns(&device->device.identity))
		device->device.learnt_count = 0;
	learn_resume(&device->device.identity, clock_now_us(device->engine->clock));
	schedule(device);
}

void control_end_learning(struct control_device *device)
{
	deadline_remove(device->engine->deadlines, &device->lease);
}

static void print_learnt(char words[static WORDS_BYTES], const struct learnt_address *learnt)
{
	char ip[IP_TEXT_BYTES], lease[DURATION_TEXT_BYTES] = "";
	ip_print(ip, &learnt->ip);
	if (learnt->lease_us)
		duration_print(lease, learnt->lease_us);
	snprintf(words, WORDS_BYTES, "%s (%s%s%s)", ip, LEARNT_HOW_NAMES[learnt->how],
		 lease[0] ? ", for " : "", lease);
}

/* Who has the address already, on grounds that a claim of that kind does not beat; what others only
 * announced gives way to a lease. */
static struct control_device *find_owner(struct control_device *device, const struct claim *claim)
{
	struct engine *engine = device->engine;
	struct control_device *other, *next;
	HASH_ITER(hh_name, engine->by_name, other, next) {
		if (other == device || !device_owns_ip(&other->device.identity, &claim->ip))
			continue;
		if (claim->kind != CLAIM_LEASE ||
		    device_vouched_ip(&other->device.identity, &claim->ip))
			return other;
		if (learn_forget(&other->device.identity, &claim->ip)) {
			follow(other);
			remark(other, "address-lost", "another device has a lease for its address");
		}
	}
	return NULL;
}

static void tell_conflict(struct control_device *device, const struct claim *claim,
			  const struct control_device *owner)
{
	int64_t now_us = clock_now_us(device->engine->clock);
	char ip[IP_TEXT_BYTES], words[WORDS_BYTES];
	if (device->conflict_told_us && now_us - device->conflict_told_us < CONFLICT_PAUSE_US)
		return;
	device->conflict_told_us = now_us;
	ip_print(ip, &claim->ip);
	snprintf(words, sizeof(words), "not learnt: %s belongs to '%s'", ip, owner->device.name);
	remark(device, "address-conflict", words);
}

void control_on_claim(struct node_listener *listener, uint32_t number, const struct claim *claim)
{
	struct engine *engine = container_of(listener, struct engine, node_listener);
	struct control_device *device = control_find_number(engine, number);
	int64_t now_us = clock_now_us(engine->clock);
	if (!device)
		return;
	if (learn_wants(&device->device.identity, &device->learning, claim, now_us)) {
		const struct control_device *owner = find_owner(device, claim);
		if (owner) {
			tell_conflict(device, claim, owner);
			return;
		}
	}
	if (!learn_take(&device->device.identity, &device->learning, claim, now_us,
			clock_wall_now_us(engine->clock))) {
		schedule(device);
		return;
	}
	char words[WORDS_BYTES];
	const struct device *now = &device->device;
	follow(device);
	for (unsigned i = 0; i < now->learnt_count; i++)
		if (ip_equal(&now->learnt[i].ip, &claim->ip)) {
			print_learnt(words, &now->learnt[i]);
			remark(device, "address-learnt", words);
		}
}

static void give_way(struct control_device *other, const struct device *device)
{
	bool any = false;
	for (unsigned i = 0; i < device->ip_count; i++)
		any |= learn_forget(&other->device.identity, &device->ips[i]);
	if (!any)
		return;
	follow(other);
	remark(other, "address-lost", "the operator gave its address to another device");
}

void control_keep_learnt(struct control_device *device, const struct device *before)
{
	struct engine *engine = device->engine;
	struct control_device *other, *next;
	device_keep_learnt(&device->device.identity, &before->identity);
	HASH_ITER(hh_name, engine->by_name, other, next) {
		if (other != device)
			give_way(other, &device->device);
	}
	schedule(device);
}
