/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/expression_alerts.c - the functions over a device's alerts and transitions.
 *
 * The innermost loops of every decision: alerts are walked from the newest on, and no further than
 * the window. */
#include <string.h>

#include "base/text.h"
#include "core/expression_internal.h"
#include "core/machine.h"

/* A walk from the newest alert to the oldest in the window. */
struct walk {
	const struct machine *machine;
	unsigned next, end;
};

/* Alerts stand in the order of their times and ids: the first of those in the window. */
static unsigned window_begins(const struct facts *facts, const struct argument *within)
{
	const struct machine *machine = facts->machine;
	int64_t after_us = within->given ? facts->now_us - within->us : INT64_MIN;
	unsigned outside = machine->alert_count - min_of(facts->alerts_max, machine->alert_count);
	unsigned inside = machine->alert_count;
	while (outside < inside) {
		unsigned middle = outside + (inside - outside) / 2;
		const struct machine_alert *alert = machine_alert_at(machine, middle);
		if (alert->time_us > after_us && alert->id >= facts->counts_from)
			inside = middle;
		else
			outside = middle + 1;
	}
	return inside;
}

static struct walk walk_begin(const struct facts *facts, const struct argument *arguments)
{
	return (struct walk){
		.machine = facts->machine,
		.next = facts->machine->alert_count,
		.end = window_begins(facts, &arguments[SLOT_WITHIN]),
	};
}

/* Index of the next older alert in the window, or -1. */
static inline int walk_on(struct walk *walk)
{
	return walk->next == walk->end ? -1 : (int)--walk->next;
}

static bool detail_fits(const struct machine *machine, const struct argument *arguments,
			unsigned index)
{
	const struct machine_alert_detail *detail = machine_alert_detail_at(machine, index);
	const struct argument *source = &arguments[SLOT_SOURCE], *umbox = &arguments[SLOT_UMBOX];
	return (!source->given || ip_equal(&source->address, &detail->source)) &&
	       (!umbox->given || text_equal(umbox->text, detail->hop));
}

/* Whether it is of the type and fits the filters, be it used up or not. */
static inline bool fits(const struct machine *machine, const struct argument *arguments,
			enum slot type, unsigned index)
{
	const struct machine_alert *alert = machine_alert_at(machine, index);
	const struct argument *named = &arguments[type];
	if (!named->any && named->hash != alert->type)
		return false;
	if (arguments[SLOT_SEVERITY].given && alert->severity < arguments[SLOT_SEVERITY].severity)
		return false;
	if (!arguments[SLOT_SOURCE].given && !arguments[SLOT_UMBOX].given)
		return true;
	return detail_fits(machine, arguments, index);
}

/* The next older alert that the call counts, or -1. */
static inline int walk_counted(struct walk *walk, const struct argument *arguments)
{
	int index;
	while ((index = walk_on(walk)) >= 0)
		if (!machine_alert_at(walk->machine, (unsigned)index)->used &&
		    fits(walk->machine, arguments, SLOT_TYPE, (unsigned)index))
			return index;
	return -1;
}

/* When the alert leaves the window. */
static int64_t leaves_us(const struct argument *arguments, const struct machine_alert *alert)
{
	const struct argument *within = &arguments[SLOT_WITHIN];
	return within->given ? alert->time_us + within->us : INT64_MAX;
}

void call_alert(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	struct walk walk = walk_begin(facts, arguments);
	int newest = walk_counted(&walk, arguments);
	ret->known = true;
	ret->boolean = newest >= 0;
	if (ret->boolean)
		ret->next_us = leaves_us(arguments,
					 machine_alert_at(facts->machine, (unsigned)newest));
}

struct tally {
	uint64_t sum;
	unsigned oldest; /* what was counted, alert_count for nothing */
};

/* Filters on details have to look further for each alert. */
static struct tally tally_slowly(const struct facts *facts, const struct argument *arguments)
{
	struct walk walk = walk_begin(facts, arguments);
	struct tally tally = {.oldest = facts->machine->alert_count};
	int index;
	while ((index = walk_counted(&walk, arguments)) >= 0) {
		tally.oldest = (unsigned)index;
		tally.sum += machine_alert_at(facts->machine, tally.oldest)->count;
	}
	return tally;
}

/* The loop that full windows cost most in: nothing in it depends on what the alerts are. */
static struct tally tally_fast(const struct facts *facts, const struct argument *arguments)
{
	const struct machine *machine = facts->machine;
	const struct argument *type = &arguments[SLOT_TYPE], *severity = &arguments[SLOT_SEVERITY];
	unsigned least = severity->given ? severity->severity : 0;
	unsigned begin = window_begins(facts, &arguments[SLOT_WITHIN]);
	int any = type->any;
	struct tally tally = {.oldest = machine->alert_count};
	for (unsigned i = machine->alert_count; i-- > begin;) {
		const struct machine_alert *alert = machine_alert_at(machine, i);
		int named = any | (alert->type == type->hash);
		int counts = named & (alert->used == false) & (alert->severity >= least);
		tally.sum += counts ? alert->count : 0;
		tally.oldest = counts ? i : tally.oldest;
	}
	return tally;
}

void call_count(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	bool details = arguments[SLOT_SOURCE].given || arguments[SLOT_UMBOX].given;
	struct tally tally = details ? tally_slowly(facts, arguments)
				     : tally_fast(facts, arguments);
	ret->known = true;
	ret->number = (double)tally.sum;
	if (tally.oldest < facts->machine->alert_count)
		ret->next_us = leaves_us(arguments, machine_alert_at(facts->machine, tally.oldest));
}

enum { ADDRESS_SLOTS = 2 * EXPRESSION_ALERTS_MAX };

/* Positions of alerts, one more than they are; 0 is a free slot. */
struct address_set {
	uint16_t slots[ADDRESS_SLOTS];
	unsigned count;
};

static const struct ip *address_of(const struct machine *machine, unsigned index, bool by_source)
{
	const struct machine_alert_detail *detail = machine_alert_detail_at(machine, index);
	return by_source ? &detail->source : &detail->target;
}

/* Never full: there are fewer alerts than slots.  Whoever makes addresses collide costs at most the
 * square of the number of alerts. */
static void address_set_add(struct address_set *set, const struct machine *machine, unsigned index,
			    bool by_source)
{
	const struct machine_alert *alert = machine_alert_at(machine, index);
	uint32_t hash = by_source ? alert->source_hash : alert->target_hash;
	unsigned slot = hash % ADDRESS_SLOTS;
	for (; set->slots[slot]; slot = (slot + 1) % ADDRESS_SLOTS) {
		unsigned other = set->slots[slot] - 1u;
		const struct machine_alert *there = machine_alert_at(machine, other);
		if ((by_source ? there->source_hash : there->target_hash) == hash &&
		    ip_equal(address_of(machine, other, by_source),
			     address_of(machine, index, by_source)))
			return;
	}
	set->slots[slot] = (uint16_t)(index + 1);
	set->count++;
}

void call_distinct(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	struct walk walk = walk_begin(facts, arguments);
	struct address_set set = {0};
	bool by_source = arguments[SLOT_BY].field == ALERT_FIELD_SOURCE;
	int oldest = -1, index;
	while ((index = walk_counted(&walk, arguments)) >= 0) {
		const struct machine_alert *alert = machine_alert_at(facts->machine,
								     (unsigned)index);
		oldest = index;
		if (by_source ? alert->source_hash : alert->target_hash)
			address_set_add(&set, facts->machine, (unsigned)index, by_source);
	}
	ret->known = true;
	ret->number = set.count;
	if (oldest >= 0)
		ret->next_us = leaves_us(arguments,
					 machine_alert_at(facts->machine, (unsigned)oldest));
}

void call_last_source(const struct facts *facts, const struct argument *arguments,
		      struct value *ret)
{
	struct walk walk = walk_begin(facts, arguments);
	int index;
	while ((index = walk_counted(&walk, arguments)) >= 0) {
		const struct machine_alert *alert = machine_alert_at(facts->machine,
								     (unsigned)index);
		if (!alert->source_hash)
			continue;
		ret->known = true;
		ret->address = machine_alert_detail_at(facts->machine, (unsigned)index)->source;
		ret->next_us = leaves_us(arguments, alert);
		return;
	}
}

/* Positions of the newest of those that follow and of the newest and the oldest of the first kind
 * before it; false where there is no such pair. */
struct pair {
	int first_newest, first_oldest, then_newest;
};

static bool find_pair(const struct facts *facts, const struct argument *arguments, struct pair *ret)
{
	struct walk walk = walk_begin(facts, arguments);
	int index;
	*ret = (struct pair){-1, -1, -1};
	while ((index = walk_on(&walk)) >= 0) {
		unsigned at = (unsigned)index;
		if (machine_alert_at(facts->machine, at)->used)
			continue;
		if (ret->then_newest < 0) {
			if (fits(facts->machine, arguments, SLOT_THEN, at))
				ret->then_newest = index;
			continue;
		}
		if (!fits(facts->machine, arguments, SLOT_TYPE, at))
			continue;
		ret->first_oldest = index;
		if (ret->first_newest < 0)
			ret->first_newest = index;
	}
	return ret->first_newest >= 0;
}

void call_sequence(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	struct pair pair;
	ret->known = true;
	ret->boolean = find_pair(facts, arguments, &pair);
	if (ret->boolean)
		ret->next_us = leaves_us(
			arguments, machine_alert_at(facts->machine, (unsigned)pair.first_newest));
}

/* Since when nothing of the kind is known to have come. */
static int64_t quiet_since_us(const struct facts *facts, const struct argument *arguments)
{
	const struct machine *machine = facts->machine;
	unsigned most = min_of(facts->alerts_max, machine->alert_count);
	int64_t since_us = max_of(machine->watched_us, machine->forgotten_us);
	for (unsigned i = machine->alert_count; i-- > machine->alert_count - most;)
		if (fits(machine, arguments, SLOT_TYPE, i))
			return max_of(since_us, machine_alert_at(machine, i)->time_us);
	if (most < machine->alert_count) /* what is older is not looked at */
		return max_of(since_us,
			      machine_alert_at(machine, machine->alert_count - most)->time_us);
	return since_us;
}

void call_absent(const struct facts *facts, const struct argument *arguments, struct value *ret)
{
	int64_t from_us = quiet_since_us(facts, arguments) + arguments[SLOT_WITHIN].us;
	ret->known = true;
	ret->boolean = facts->now_us >= from_us;
	if (!ret->boolean)
		ret->next_us = from_us;
}

void call_transitions(const struct facts *facts, const struct argument *arguments,
		      struct value *ret)
{
	const struct machine *machine = facts->machine;
	int64_t within_us = arguments[SLOT_WITHIN].us;
	ret->known = true;
	for (unsigned i = 0; i < machine->move_count; i++) {
		int64_t moved_us = machine_move_at(machine, i);
		if (moved_us <= facts->now_us - within_us)
			break;
		ret->number++;
		ret->next_us = moved_us + within_us;
	}
}

static void mark(uint64_t *counted, int index)
{
	counted[index / 64] |= UINT64_C(1) << index % 64;
}

/* The pairs' ends: those that follow the oldest of the first kind, and the first kind before the
 * newest that follows. */
static void count_sequence(const struct facts *facts, const struct argument *arguments,
			   uint64_t *counted)
{
	struct walk walk = walk_begin(facts, arguments);
	struct pair pair;
	int index;
	if (!find_pair(facts, arguments, &pair))
		return;
	while ((index = walk_on(&walk)) >= 0) {
		unsigned at = (unsigned)index;
		bool first = index < pair.then_newest &&
			     fits(facts->machine, arguments, SLOT_TYPE, at);
		bool then = index > pair.first_oldest &&
			    fits(facts->machine, arguments, SLOT_THEN, at);
		if ((first || then) && !machine_alert_at(facts->machine, at)->used)
			mark(counted, index);
	}
}

void call_count_alerts(const struct facts *facts, const struct expression_node *call,
		       uint64_t *counted)
{
	struct walk walk = walk_begin(facts, call->arguments);
	int index;
	if (call->arguments[SLOT_THEN].given) {
		count_sequence(facts, call->arguments, counted);
		return;
	}
	while ((index = walk_counted(&walk, call->arguments)) >= 0)
		mark(counted, index);
}
